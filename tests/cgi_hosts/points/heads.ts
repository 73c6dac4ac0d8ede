/** What a program's head may say: fields that are missing, doubled, contradict each other or are no fields. RFC 3875 6.2 and 6.3. */
import type { Answer } from "../answer.ts";
import type { Point } from "../point.ts";
import { status, statusAnd, statusContentAnd } from "../tell.ts";

const TEXT = "Content-Type: text/plain\n";

export const HEADS: readonly Point[] = [
  {
    name: "A head without Content-Type, Location or Status",
    section: "6.3",
    program: { prints: "X-A: 1\n\nhello" },
    tell: statusContentAnd("Content-Type", "X-A"),
    lisod: '200, no Content-Type, X-A: 1, "hello"',
    why: "All take it, and programs rely on that. The type is the client's to find, which nosniff keeps from guessing.",
  },
  {
    name: "No field at all, only the empty line",
    section: "6.3",
    program: { prints: "\nhello" },
    tell: statusContentAnd("Content-Type"),
    lisod: "500, a page",
    why:
      "Most often a line printed before the head by mistake: what is sent as content then is the head, cookies and all.",
  },
  {
    name: "Status alone",
    section: "6.3.3",
    program: { prints: "Status: 404\n\nhello" },
    tell: statusContentAnd("Content-Type"),
    lisod: '404, no Content-Type, "hello"',
    why: "One CGI field is enough.",
  },
  {
    name: "Content-Type without a value",
    section: "6.3.1",
    program: { prints: "Content-Type:\n\nhello" },
    tell: statusContentAnd("Content-Type"),
    lisod: '200, Content-Type: , "hello"',
    why: "A field without value is a field; it goes on as it came.",
  },
  {
    name: "Content-Type twice with one value",
    section: "6.3",
    program: { prints: `${TEXT}${TEXT}\nhello` },
    tell: statusAnd("Content-Type"),
    lisod: "200, Content-Type: text/plain",
    why: "A script and its library both print it. It contradicts nothing, and is sent once.",
  },
  {
    name: "Content-Type twice with two values",
    section: "6.3",
    program: { prints: `${TEXT}Content-Type: text/html\n\nhello` },
    tell: statusAnd("Content-Type"),
    lisod: "500, a page",
    why:
      "It MUST NOT appear more than once, and clients and proxies disagree about which holds: text that is shown as HTML " +
      "runs scripts. The log names both values.",
  },
  {
    name: "Content-Length without a value",
    section: "6.3.5",
    program: { prints: `${TEXT}Content-Length:\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: '200, no Content-Length, "hello"',
    why: "Nothing is promised, so that the content is framed as if the field was not there.",
  },
  {
    name: "Content-Length that is no number",
    section: "6.3.5",
    program: { prints: `${TEXT}Content-Length: five\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: "500, a page",
    why: "To pass it on would break the connection's framing (RFC 9112 6.3).",
  },
  {
    name: "Content-Length twice with one value",
    section: "6.3",
    program: { prints: `${TEXT}Content-Length: 5\nContent-Length: 5\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: '200, Content-Length: 5, "hello"',
    why: "It contradicts nothing, and is sent once (RFC 9112 6.3).",
  },
  {
    name: "Content-Length twice with two values",
    section: "6.3",
    program: { prints: `${TEXT}Content-Length: 5\nContent-Length: 3\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: "500, a page",
    why: "Two lengths are two messages to whoever comes after: RFC 9112 6.3 has a client drop such an answer.",
  },
  {
    name: "Content-Length below what is printed",
    section: "6.3.5",
    program: { prints: `${TEXT}Content-Length: 3\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: '200, Content-Length: 3, "hel"',
    why: "What was promised is sent, and a WARN tells of the rest.",
  },
  {
    name: "Content-Length above what is printed",
    section: "6.3.5",
    program: { prints: `${TEXT}Content-Length: 9\n\nhello` },
    tell: statusContentAnd("Content-Length"),
    lisod: '200, Content-Length: 9, "hello"',
    why:
      "It is known before anything is sent, so that no client takes half of it for the whole: nothing is sent and the " +
      "connection is closed.",
  },
  {
    name: "A blank before the colon",
    section: "6.3",
    program: { prints: "Content-Type : text/plain\n\nhello" },
    tell: statusContentAnd("Content-Type"),
    lisod: "500, a page",
    why:
      "RFC 9112 5.1: no whitespace is allowed there, and names that differ by a blank have hidden fields from filters.",
  },
  {
    name: "A line that goes on after a line end and a blank",
    section: "6.3",
    program: { prints: `${TEXT}X-A: 1\n  2\n\nhello` },
    tell: statusContentAnd("X-A"),
    lisod: "500, a page",
    why: "CGI fields have no continuation lines, and RFC 9112 5.2 forbids to send them.",
  },
  {
    name: "A line without a colon",
    section: "6.3",
    program: { prints: `${TEXT}no field\n\nhello` },
    tell: statusContentAnd("Content-Type"),
    lisod: "500, a page",
    why: "It is an error message, or content without a head: neither is for clients. The log has the line.",
  },
  {
    name: "Latin-1 in a value",
    section: "6.3",
    program: { prints: `${TEXT}X-A: caf\xe9\n\nhello` },
    tell: statusAnd("X-A"),
    lisod: "200, X-A: caf\\xE9",
    why: "Bytes above 0x7F are obs-text (RFC 9110 5.5), and nobody but the program knows what they mean.",
  },
  {
    name: "Both kinds of line ends",
    section: "6.2",
    program: { prints: "Content-Type: text/plain\r\nX-A: 1\n\r\nhello" },
    tell: statusContentAnd("X-A"),
    lisod: '200, X-A: 1, "hello"',
    why: "NL is LF or CR LF, for each line by itself.",
  },
  {
    name: "Set-Cookie twice",
    section: "6.3.4",
    program: { prints: `${TEXT}Set-Cookie: a=1\nSet-Cookie: b=2\n\nhello` },
    tell: statusAnd("Set-Cookie"),
    lisod: "200, Set-Cookie: a=1 + Set-Cookie: b=2",
    why: "RFC 9110 5.3: these cannot be joined to one.",
  },
  {
    name: "A field for the server alone",
    section: "6.3.5",
    program: { prints: `${TEXT}X-CGI-Note: 1\n\nhello` },
    tell: statusAnd("X-CGI-Note"),
    lisod: "200, no X-CGI-Note",
    why: "The names that begin so are reserved between programs and server: it MAY delete what it does not know.",
  },
  {
    name: "Connection and Keep-Alive of the program",
    section: "6.3.4",
    program: { prints: `${TEXT}Connection: X-A\nKeep-Alive: timeout=9\nX-A: 1\n\nhello` },
    tell: statusAnd("Connection", "Keep-Alive", "X-A"),
    lisod: "200, Connection: close, no Keep-Alive, no X-A",
    why:
      "A program MUST NOT return any that concern the client's side; the connection is the server's, and so is what Connection " +
      "names (RFC 9110 7.6.1).",
  },
  {
    name: "Transfer-Encoding of a CGI head",
    section: "6.3.4",
    program: { prints: `${TEXT}Transfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n` },
    tell: statusContentAnd("Transfer-Encoding"),
    lisod: '200, Transfer-Encoding: chunked, "5\\r\\nhello\\r\\n0\\r\\n\\r\\n"',
    why:
      "The field concerns the connection. Only a whole HTTP response has a framing of its own; here the chunks are content.",
  },
  {
    name: "Date and Server of the program",
    section: "6.3.4",
    program: { prints: `${TEXT}Date: Thu, 01 Jan 2015 00:00:00 GMT\nServer: own/1\n\nhello` },
    tell: (answer) => [status(answer), owners(answer, "Date", /2015/), owners(answer, "Server", /own/)].join(", "),
    lisod: "200, Date of the host, Server of the host",
    why: "They are the server's to say, and once: a Date of 2015 would make caches wrong about the answer's age.",
  },
  {
    name: "A head without the empty line",
    section: "6.2",
    program: { prints: TEXT },
    tell: statusContentAnd("Content-Type"),
    lisod: "500, a page",
    why: "It was cut: a program that died while it printed its head has not said what it wanted to.",
  },
  {
    name: "Nothing printed",
    section: "6.2",
    program: { shell: ":\n" },
    tell: statusContentAnd(),
    lisod: "500, a page",
    why: "A program MUST answer; RFC 9110 15.6.1.",
  },
];

/** Whose of the fields by that name are there. */
function owners({ fields }: Answer, name: string, own: RegExp): string {
  const values = fields.filter(([found]) => found.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0
    ? `no ${name}`
    : `${name} of ${values.map((value) => own.test(value) ? "the program" : "the host").join(" and ")}`;
}
