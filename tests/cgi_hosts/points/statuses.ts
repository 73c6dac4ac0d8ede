/** The status of an answer, and programs that print a whole HTTP response. RFC 3875 5 and 6.3.3. */
import type { Answer } from "../answer.ts";
import type { Point } from "../point.ts";
import { content, status, statusContentAnd, visible } from "../tell.ts";

const TEXT = "Content-Type: text/plain\n";

/** The status line after the version, with the content. */
function line(answer: Answer): string {
  return answer.status === null
    ? status(answer)
    : `${visible(answer.statusLine.replace(/^\S+ +/, "").trimEnd())}, ${content(answer)}`;
}

export const STATUSES: readonly Point[] = [
  {
    name: "Status without a reason",
    section: "6.3.3",
    program: { prints: `Status: 404\n${TEXT}\nhello` },
    tell: line,
    lisod: '404 Not Found, "hello"',
    why: "The reason is for people, and RFC 9110 15 has one for each code.",
  },
  {
    name: "Status with a reason of its own",
    section: "6.3.3",
    program: { prints: `Status: 404 Nothing here\n${TEXT}\nhello` },
    tell: line,
    lisod: '404 Nothing here, "hello"',
    why: "RFC 9112 4: clients SHOULD ignore the reason, but people read it, and the program's says more than the code.",
  },
  {
    name: "Status beyond 599",
    section: "6.3.3",
    program: { prints: `Status: 600 Odd\n${TEXT}\nhello` },
    tell: line,
    lisod: '600 Odd, "hello"',
    why:
      "RFC 9110 15 has the client take it as a 5xx. All send it, and programs for one client use codes of their own.",
  },
  {
    name: "Status in words",
    section: "6.3.3",
    program: { prints: `Status: OK\n${TEXT}\nhello` },
    tell: line,
    lisod: "500 Internal Server Error, a page",
    why: "There is no number to send, and 200 may be what it does not mean.",
  },
  {
    name: "Status twice with one value",
    section: "6.3",
    program: { prints: `Status: 404\nStatus: 404\n${TEXT}\nhello` },
    tell: line,
    lisod: '404 Not Found, "hello"',
    why: "It contradicts nothing.",
  },
  {
    name: "Status twice with two values",
    section: "6.3",
    program: { prints: `Status: 200 OK\nStatus: 404 Not Found\n${TEXT}\nhello` },
    tell: line,
    lisod: "500 Internal Server Error, a page",
    why: "It MUST NOT appear more than once, and which one is meant is a guess. The log has both.",
  },
  {
    name: "Status after other fields, in lower case",
    section: "6.3",
    program: { prints: `${TEXT}X-A: 1\nstatus: 404\n\nhello` },
    tell: line,
    lisod: '404 Not Found, "hello"',
    why: "Names of fields have no case and no order.",
  },
  {
    name: "204 with content",
    section: "6.3.3",
    program: { prints: `Status: 204\n${TEXT}\nhello` },
    tell: statusContentAnd("Content-Length", "Content-Type"),
    lisod: "204, no Content-Length, Content-Type: text/plain, no content",
    why: "RFC 9110 15.3.5: a 204 has no content, and what was printed would be taken for the next answer.",
  },
  {
    name: "304 with content",
    section: "6.3.3",
    program: { prints: `Status: 304\nETag: "a"\n${TEXT}\nhello` },
    tell: statusContentAnd("ETag", "Content-Length"),
    lisod: '304, ETag: "a", no Content-Length, no content',
    why: "RFC 9110 15.4.5: a 304 has no content either.",
  },
  {
    name: "A whole HTTP response",
    section: "5",
    program: { prints: `HTTP/1.1 404 Nothing here\r\nContent-Type: text/plain\r\nX-A: 1\r\n\r\nhello` },
    tell: statusContentAnd("X-A"),
    lisod: '404, X-A: 1, "hello"',
    why: "No CGI field begins so: it is what the program means, whatever its name is.",
  },
  {
    name: "A whole HTTP response by a program whose name begins with nph-",
    section: "5",
    program: { prints: `HTTP/1.1 404 Nothing here\r\nContent-Type: text/plain\r\nX-A: 1\r\n\r\nhello` },
    file: "nph-whole.cgi",
    tell: statusContentAnd("X-A"),
    lisod: '404, X-A: 1, "hello"',
    why: "RFC 3875 has no convention for names any more. It is framed anew, so that a client's connection can go on.",
  },
  {
    name: "A CGI head by a program whose name begins with nph-",
    section: "5",
    program: { prints: `Status: 404\n${TEXT}X-A: 1\n\nhello` },
    file: "nph-head.cgi",
    tell: statusContentAnd("X-A"),
    lisod: '404, X-A: 1, "hello"',
    why: "What is printed decides, and not the name.",
  },
];
