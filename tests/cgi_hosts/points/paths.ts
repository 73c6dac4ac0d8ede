/** How the target of a request becomes SCRIPT_NAME, PATH_INFO, PATH_TRANSLATED and QUERY_STRING. RFC 3875 3.3 and 4.1. */
import { exchange, requestText } from "../answer.ts";
import type { Point } from "../point.ts";
import { given } from "../tell.ts";

const DECODED = "PATH_INFO is decoded once, and REQUEST_URI holds what was sent.";

/** What PATH_INFO becomes of what follows the program's name. */
const PATH_INFO = { section: "4.1.5", program: "probe", tell: given("PATH_INFO") } as const;

const QUERY_STRING = { section: "4.1.7", program: "probe", tell: given("QUERY_STRING") } as const;

export const PATHS: readonly Point[] = [
  {
    name: "PATH_INFO where the path ends with the program's name",
    section: "4.1.5",
    program: "probe",
    tell: given("PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"),
    lisod: 'PATH_INFO unset, PATH_TRANSLATED unset, SCRIPT_NAME "/cgi/probe.cgi"',
    why:
      "PATH_INFO is NULL, which 4.1 lets be empty or unset; PATH_TRANSLATED must be unset then (4.1.6). Flask answers 308 to an " +
      "empty one and 200 to none.",
  },
  {
    ...PATH_INFO,
    name: "One slash after the program's name",
    ask: { path: "/" },
    lisod: '"/"',
    why: "The slash is the client's, and some programs tell a folder by it.",
  },
  { ...PATH_INFO, name: "%20 in the path", ask: { path: "/a%20b" }, lisod: '"/a b"', why: DECODED },
  {
    ...PATH_INFO,
    name: "%2F in the path",
    ask: { path: "/a%2Fb" },
    lisod: "404",
    why:
      "Decoded it could not be told from a slash, and access rules go by segments. RFC 3875 3.2 lets a server refuse what it " +
      "cannot tell.",
  },
  {
    ...PATH_INFO,
    name: "%25 in the path",
    ask: { path: "/a%2541" },
    lisod: '"/a%41"',
    why: "Decoded once: twice would make of it what the client did not say.",
  },
  { ...PATH_INFO, name: "%3F in the path", ask: { path: "/a%3Fb" }, lisod: '"/a?b"', why: DECODED },
  { ...PATH_INFO, name: "UTF-8 in the path", ask: { path: "/caf%C3%A9" }, lisod: '"/caf\\xC3\\xA9"', why: DECODED },
  {
    ...PATH_INFO,
    name: "Latin-1 in the path",
    ask: { path: "/caf%E9" },
    lisod: '"/caf\\xE9"',
    why: "The byte is the program's to understand; no file is called so here.",
  },
  {
    ...PATH_INFO,
    name: "A plus sign in the path",
    ask: { path: "/a+b" },
    lisod: '"/a+b"',
    why: "It is a blank only in queries of forms.",
  },
  {
    ...PATH_INFO,
    name: "Semicolons in the path",
    ask: { path: "/a;b=c/d" },
    lisod: '"/a;b=c/d"',
    why: "RFC 3986 3.3: parameters of a segment are a matter of the program.",
  },
  {
    ...PATH_INFO,
    name: "Doubled slashes after the program's name",
    ask: { path: "//a//b" },
    lisod: '"//a//b"',
    why: "Empty segments are segments (RFC 3986 3.3), and an address in a path (/http://a/) keeps its slashes.",
  },
  {
    ...PATH_INFO,
    name: "Dot segments after the program's name",
    ask: { path: "/a/./b/../c" },
    lisod: '"/a/c"',
    why: "RFC 3986 6.2.2.3, as clients do it themselves: no program meets a path that leads upwards.",
  },
  {
    ...PATH_INFO,
    name: "A backslash, encoded",
    ask: { path: "/a%5Cb" },
    lisod: "404",
    why: "On other systems it is a slash, and what was meant is not to be known.",
  },
  {
    name: "PATH_TRANSLATED",
    section: "4.1.6",
    program: "probe",
    ask: { path: "/a%20b/c" },
    tell: given("PATH_TRANSLATED"),
    lisod: '"SITE/www/a b/c"',
    why: "The document root and PATH_INFO, as 4.1.6 describes it; nobody looks whether there is such a file.",
  },
  {
    name: "The program's name encoded in the target",
    section: "4.1.13",
    program: "probe",
    does: "GET of the program with %62 for the b in its name",
    look: async ({ port, target }) =>
      given("SCRIPT_NAME", "REQUEST_URI")(await exchange(port, requestText(target.replace("probe", "pro%62e")))),
    lisod: 'SCRIPT_NAME "/cgi/probe.cgi", REQUEST_URI "/cgi/pro%62e.cgi"',
    why: "SCRIPT_NAME is decoded, as PATH_INFO is: both together are the path.",
  },
  {
    name: "Two slashes before the path of the program",
    section: "4.1.13",
    program: "probe",
    does: "GET of /PROGRAM",
    look: async ({ port, target }) =>
      given("SCRIPT_NAME", "PATH_INFO")(await exchange(port, requestText(`/${target}/a`))),
    lisod: 'SCRIPT_NAME "/cgi/probe.cgi", PATH_INFO "/a"',
    why: "The same program as with one, so that no rule for a path is got around by a slash.",
  },
  {
    name: "SCRIPT_NAME and REQUEST_URI",
    section: "4.1.13",
    program: "probe",
    ask: { path: "/a%20b?c=%20d" },
    tell: given("SCRIPT_NAME", "REQUEST_URI"),
    lisod: 'SCRIPT_NAME "/cgi/probe.cgi", REQUEST_URI "/cgi/probe.cgi/a%20b?c=%20d"',
    why: "REQUEST_URI, which is not of RFC 3875, is the target as it came: the one way to get at what was encoded.",
  },
  { ...QUERY_STRING, name: "No query", ask: { path: "" }, lisod: '""', why: "4.1.7: empty, and always set." },
  {
    ...QUERY_STRING,
    name: "An empty query",
    ask: { path: "?" },
    lisod: '""',
    why: "The same as none: REQUEST_URI tells them apart.",
  },
  {
    ...QUERY_STRING,
    name: "A query with an escape",
    ask: { path: "?a=%20%3d" },
    lisod: '"a=%20%3d"',
    why: "4.1.7: not decoded.",
  },
  {
    ...QUERY_STRING,
    name: "A query with two question marks",
    ask: { path: "?a?b" },
    lisod: '"a?b"',
    why: "RFC 3986 3.4: the first one begins it.",
  },
  {
    ...QUERY_STRING,
    name: "A query with a percent sign that begins no escape",
    ask: { path: "?100%" },
    lisod: '"100%"',
    why: "The server reads no queries, so that it finds no fault.",
  },
  {
    name: "A target in absolute form",
    section: "RFC 9112 3.2.2",
    program: "probe",
    does: "GET http://other.example:81/PROGRAM, with Host: h.example",
    look: async ({ port, target }) =>
      given("REQUEST_URI", "HTTP_HOST", "SERVER_NAME")(
        await exchange(port, requestText(`http://other.example:81${target}`)),
      ),
    lisod: 'REQUEST_URI "/cgi/probe.cgi", HTTP_HOST "other.example:81", SERVER_NAME "other.example"',
    why: "Its authority replaces Host, and programs are told of the path alone, as of any other request.",
  },
];
