/** Where Location leads, and who follows it. RFC 3875 6.2.2 to 6.2.4 and 6.3.2. */
import type { Point } from "../point.ts";
import { given, probed, statusAnd, statusContentAnd } from "../tell.ts";

const LOCAL = "Nothing else is in a local redirect (6.2.2): the server answers as if the client had asked for it.";
const CLIENTS = "It cannot be asked for as it stands, so that it is for the client.";

const TOLD = given(
  "REQUEST_URI",
  "PATH_INFO",
  "QUERY_STRING",
  "REDIRECT_STATUS",
  "REDIRECT_URL",
  "REDIRECT_QUERY_STRING",
);

export const LOCATIONS: readonly Point[] = [
  {
    name: "A path in Location alone",
    section: "6.2.2",
    program: { prints: "Location: /page.txt\n\n" },
    tell: statusContentAnd("Location"),
    lisod: '200, no Location, "page"',
    why: LOCAL,
  },
  {
    name: "A path in Location with Set-Cookie",
    section: "6.2.2",
    program: { prints: "Set-Cookie: s=1\nLocation: /page.txt\n\n" },
    tell: statusContentAnd("Location", "Set-Cookie"),
    lisod: "302, Location: /page.txt, Set-Cookie: s=1, no content",
    why:
      "CGI.pm and Ruby's CGI print logins so. A local redirect MUST NOT have other fields, and the cookie is for the client.",
  },
  {
    name: "A path in Location with Content-Type",
    section: "6.2.2",
    program: { prints: "Content-Type: text/html\nLocation: /page.txt\n\nmoved" },
    tell: statusContentAnd("Location", "Content-Type"),
    lisod: '302, Location: /page.txt, Content-Type: text/html, "moved"',
    why: "With any other field it is no local redirect, so that it is one of the client with a document (6.2.4).",
  },
  {
    name: "A path in Location with Status 302",
    section: "6.2.4",
    program: { prints: "Status: 302 Found\nLocation: /page.txt\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: /page.txt, no content",
    why: "The status says who is to follow.",
  },
  {
    name: "A path in Location with Status 200",
    section: "6.2.4",
    program: { prints: "Status: 200 OK\nLocation: /page.txt\nContent-Type: text/plain\n\nhello" },
    tell: statusContentAnd("Location"),
    lisod: '200, Location: /page.txt, "hello"',
    why:
      "The program said what it wants; RFC 9110 10.2.2 gives Location a meaning with 201, and none that harms with 200.",
  },
  {
    name: "A path with a query in Location alone",
    section: "6.2.2",
    program: { prints: "Location: /page.txt?a=b\n\n" },
    tell: statusContentAnd("Location"),
    lisod: '200, no Location, "page"',
    why: LOCAL,
  },
  {
    name: "A path with a fragment in Location alone",
    section: "6.3.2",
    program: { prints: "Location: /page.txt#part\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: /page.txt#part, no content",
    why: `${CLIENTS} A fragment never reaches a server.`,
  },
  {
    name: "A path with a blank in Location alone",
    section: "6.3.2",
    program: { prints: "Location: /a b.txt\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: /a b.txt, no content",
    why: `${CLIENTS} Browsers encode the blank.`,
  },
  {
    name: "A path in UTF-8 in Location alone",
    section: "6.3.2",
    program: { prints: "Location: /caf\xc3\xa9\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: /caf\\xC3\\xA9, no content",
    why: `${CLIENTS} Browsers encode it.`,
  },
  {
    name: "A relative path in Location",
    section: "6.3.2",
    program: { prints: "Location: page.txt\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: page.txt, no content",
    why: "No local path, and RFC 9110 10.2.2 lets a client resolve it.",
  },
  {
    name: "Two slashes and a host in Location",
    section: "6.3.2",
    program: { prints: "Location: //other.example/\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: //other.example/, no content",
    why: "Clients read it as another host with the same scheme (RFC 3986 4.2), so that it is theirs.",
  },
  {
    name: "A whole URI in Location",
    section: "6.2.3",
    program: { prints: "Location: http://other.example/\n\n" },
    tell: statusContentAnd("Location"),
    lisod: "302, Location: http://other.example/, no content",
    why: "302 is what 6.2.3 asks for.",
  },
  {
    name: "A whole URI in Location, with a document",
    section: "6.2.4",
    program: { prints: "Location: http://other.example/\nContent-Type: text/plain\n\nmoved" },
    tell: statusContentAnd("Location"),
    lisod: '302, Location: http://other.example/, "moved"',
    why: "6.2.4 wants a Status; without one 302 is what the program can mean.",
  },
  {
    name: "A whole URI in Location with Status 200",
    section: "6.2.4",
    program: { prints: "Status: 200 OK\nLocation: http://other.example/\nContent-Type: text/plain\n\nhello" },
    tell: statusContentAnd("Location"),
    lisod: '200, Location: http://other.example/, "hello"',
    why: "The program's own status holds.",
  },
  {
    name: "Location without a value",
    section: "6.3.2",
    program: { prints: "Location:\nContent-Type: text/plain\n\nhello" },
    tell: statusAnd("Location"),
    lisod: "302, Location: ",
    why: "RFC 3986 4.4: an empty reference is the same document. It goes to the client as it came.",
  },
  {
    name: "A local redirect of HEAD",
    section: "6.2.2",
    program: { prints: "Location: /page.txt\n\n" },
    ask: { method: "HEAD" },
    tell: statusContentAnd("Location", "Content-Length"),
    lisod: "200, no Location, Content-Length: 4, no content",
    why: "The client asked for a head, whatever resource it comes to be of.",
  },
  {
    name: "What a program is told that a local redirect leads to",
    section: "6.2.2",
    program: { prints: "Location: /cgi/probe.cgi/a?b\n\n" },
    ask: { path: "?old" },
    tell: (answer) => answer.status === 200 && probed(answer) !== null ? TOLD(answer) : statusAnd("Location")(answer),
    lisod:
      'REQUEST_URI "/cgi/probe.cgi/a?b", PATH_INFO "/a", QUERY_STRING "b", REDIRECT_STATUS "200", REDIRECT_URL unset, REDIRECT_QUERY_STRING unset',
    why: "As if the client had asked for it: the program need not know that another one sent the client there.",
  },
  {
    name: "A local redirect of POST",
    section: "6.2.2",
    program: { prints: "Location: /page.txt\n\n" },
    ask: { method: "POST", fields: ["Content-Length: 5"], body: "hello" },
    tell: statusContentAnd("Location"),
    lisod: '200, no Location, "page"',
    why: "The content was the first program's; what it sends to is got.",
  },
];
