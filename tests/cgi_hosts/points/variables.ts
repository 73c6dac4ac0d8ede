/** Which variables there are and what they say: of the server, of the client, and of the request's fields. RFC 3875 4.1. */
import type { Answer } from "../answer.ts";
import type { Point } from "../point.ts";
import { given, probed, status } from "../tell.ts";

/** What the fields of a request become. */
const FIELDS = { section: "4.1.18", program: "probe" } as const;

/** The names of all variables. */
function namesOf(answer: Answer): string {
  const values = probed(answer);
  if (values === null) return status(answer);
  return [...values.keys()].filter((name) => name === name.toUpperCase()).join(" ");
}

export const VARIABLES: readonly Point[] = [
  {
    name: "Which variables a plain GET has",
    section: "4.1",
    program: "probe",
    tell: namesOf,
    lisod:
      "DOCUMENT_ROOT GATEWAY_INTERFACE HTTP_CONNECTION HTTP_HOST LANG PATH PATH_INFO QUERY_STRING REDIRECT_STATUS REMOTE_ADDR REMOTE_HOST REMOTE_PORT REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_FILENAME SCRIPT_NAME SERVER_ADDR SERVER_NAME SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE UNIQUE_ID",
    why:
      "Those of 4.1, those that PHP and git cannot do without (DOCUMENT_ROOT, REDIRECT_STATUS, REQUEST_URI, SCRIPT_FILENAME), " +
      "PATH, LANG and TZ of the server, and what the log knows the request by (UNIQUE_ID, as mod_unique_id of Apache has it).",
  },
  {
    name: "A variable of the server's own environment",
    section: "4.1",
    program: "probe",
    tell: given("HOST_OWN_VARIABLE"),
    lisod: "unset",
    why:
      "What the server was started with may hold secrets, and differs between a shell and a service. --cgi-env passes one on.",
  },
  {
    name: "PATH",
    section: "4.1",
    program: "probe",
    tell: given("PATH"),
    lisod: '"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
    why: "The server's own, or --cgi-env.",
  },
  {
    name: "SERVER_SOFTWARE",
    section: "4.1.17",
    program: "probe",
    tell: given("SERVER_SOFTWARE"),
    lisod: '"Liso/1.0"',
    why: "As the field Server.",
  },
  {
    name: "SERVER_NAME and SERVER_PORT where Host names others",
    section: "4.1.14",
    program: "probe",
    ask: { host: "H.example:1234" },
    tell: given("SERVER_NAME", "SERVER_PORT", "HTTP_HOST"),
    lisod: 'SERVER_NAME "h.example", SERVER_PORT "PORT", HTTP_HOST "H.example:1234"',
    why:
      "SERVER_NAME is the host that the client asked (4.1.14), SERVER_PORT the port that the request came in on (4.1.15).",
  },
  {
    name: "SERVER_PROTOCOL of a client of HTTP/1.0",
    section: "4.1.16",
    program: "probe",
    ask: { version: "1.0" },
    tell: given("SERVER_PROTOCOL"),
    lisod: '"HTTP/1.0"',
    why: "4.1.16: that of the request.",
  },
  {
    name: "REMOTE_HOST and REMOTE_ADDR",
    section: "4.1.9",
    program: "probe",
    tell: given("REMOTE_HOST", "REMOTE_ADDR"),
    lisod: 'REMOTE_HOST "127.0.0.1", REMOTE_ADDR "127.0.0.1"',
    why: "4.1.9: where the name is not known, it MAY be the address. Nobody asks the DNS for each request.",
  },
  {
    ...FIELDS,
    name: "Authorization where the server asks for none",
    ask: { fields: ["Authorization: Basic ZXZhOnNlY3JldA=="] },
    tell: given("AUTH_TYPE", "REMOTE_USER", "HTTP_AUTHORIZATION"),
    lisod: "AUTH_TYPE unset, REMOTE_USER unset, HTTP_AUTHORIZATION unset",
    why:
      "AUTH_TYPE and REMOTE_USER are of whom the server itself has let in (4.1.1, 4.1.11); 4.1.18 leaves the password out, and " +
      "--cgi-pass-auth passes it on.",
  },
  {
    name: "CONTENT_TYPE and CONTENT_LENGTH as fields too",
    section: "4.1.18",
    program: "probe",
    ask: { method: "POST", fields: ["Content-Type: text/plain", "Content-Length: 5"], body: "hello" },
    tell: given("CONTENT_TYPE", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"),
    lisod: 'CONTENT_TYPE "text/plain", HTTP_CONTENT_TYPE unset, HTTP_CONTENT_LENGTH unset',
    why: "4.1.18: what is available in other variables SHOULD be left out.",
  },
  {
    ...FIELDS,
    name: "A field that is there twice",
    ask: { fields: ["X-A: 1", "x-a: 2"] },
    tell: given("HTTP_X_A"),
    lisod: '"1, 2"',
    why: "4.1.18: one value with the same meaning; RFC 9110 5.3 joins with a comma and a blank.",
  },
  {
    ...FIELDS,
    name: "Cookie twice",
    ask: { fields: ["Cookie: a=1", "Cookie: b=2"] },
    tell: given("HTTP_COOKIE"),
    lisod: '"a=1; b=2"',
    why: "RFC 9113 8.2.3: the parts of one cookie string, for HTTP/2 clients split it.",
  },
  {
    ...FIELDS,
    name: "A name with an underscore",
    ask: { fields: ["X_Name: 1"] },
    tell: given("HTTP_X_NAME"),
    lisod: "unset",
    why: "It would become the variable of X-Name, which a proxy in front may have checked.",
  },
  {
    ...FIELDS,
    name: "A name with an underscore beside the one with a dash",
    ask: { fields: ["X_Name: underscore", "X-Name: dash"] },
    tell: given("HTTP_X_NAME"),
    lisod: '"dash"',
    why: "The same: only a name that no other one can be mistaken for has a variable.",
  },
  {
    ...FIELDS,
    name: "A name with a dot",
    ask: { fields: ["X.Name: 1"] },
    tell: given("HTTP_X.NAME", "HTTP_X_NAME"),
    lisod: "HTTP_X.NAME unset, HTTP_X_NAME unset",
    why: "No shell can ask for such a variable, and with an underscore it would be another's.",
  },
  {
    ...FIELDS,
    name: "A field called Proxy",
    ask: { fields: ["Proxy: a.example"] },
    tell: given("HTTP_PROXY"),
    lisod: "unset",
    why: "Programs' libraries read HTTP_PROXY as a setting (CVE-2016-5385).",
  },
  {
    ...FIELDS,
    name: "UTF-8 in a field",
    ask: { fields: ["X-A: caf\xc3\xa9"] },
    tell: given("HTTP_X_A"),
    lisod: '"caf\\xC3\\xA9"',
    why: "As it came.",
  },
  {
    ...FIELDS,
    name: "Latin-1 in a field",
    ask: { fields: ["X-A: caf\xe9"] },
    tell: given("HTTP_X_A"),
    lisod: '"caf\\xE9"',
    why: "As it came: RFC 9110 5.5 has such bytes as opaque data.",
  },
  {
    ...FIELDS,
    name: "A field without a value",
    ask: { fields: ["X-A:"] },
    tell: given("HTTP_X_A"),
    lisod: '""',
    why: "The field is there, so the variable is.",
  },
  {
    ...FIELDS,
    name: "Blanks within and around a value",
    ask: { fields: ["X-A:   1 \t 2  "] },
    tell: given("HTTP_X_A"),
    lisod: '"1 \\x09 2"',
    why: "RFC 9110 5.5: blanks around are no part of the value; those within are.",
  },
  {
    ...FIELDS,
    name: "Fields of the request about the connection",
    ask: { fields: ["Keep-Alive: timeout=5", "TE: trailers"] },
    tell: given("HTTP_CONNECTION", "HTTP_KEEP_ALIVE", "HTTP_TE"),
    lisod: 'HTTP_CONNECTION "close", HTTP_KEEP_ALIVE "timeout=5", HTTP_TE "trailers"',
    why:
      "4.1.18 lets a server leave out what concerns the client's side alone; programs that show a request want to see it.",
  },
  {
    name: "HTTPS and REQUEST_SCHEME over plain HTTP",
    section: "4.1.18",
    program: "probe",
    tell: given("HTTPS", "REQUEST_SCHEME"),
    lisod: 'HTTPS unset, REQUEST_SCHEME "http"',
    why: "HTTPS is unset, for programs ask whether it is there; REQUEST_SCHEME is Apache's and says it in words.",
  },
  {
    name: "SCRIPT_FILENAME and DOCUMENT_ROOT",
    section: "4.1",
    program: "probe",
    tell: given("SCRIPT_FILENAME", "DOCUMENT_ROOT"),
    lisod: 'SCRIPT_FILENAME "SITE/cgi/probe.cgi", DOCUMENT_ROOT "SITE/www"',
    why: "Neither is of RFC 3875. PHP finds its program by the first.",
  },
];
