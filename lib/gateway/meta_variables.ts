/**
 * The environment of a script: the meta-variables of RFC 3875 4.1 and those that real programs expect beside them.
 * Separate from running the script, so that what a client can put into a program's environment is one pure table.
 */
import { textOfBytes } from "../http/byte_text.ts";
import type { Field, HeaderFields } from "../http/header_fields.ts";
import type { HttpRequest } from "../http/message.ts";
import { SERVER } from "../http/own_fields.ts";
import { ENCODED_SLASH, parseAuthority } from "../http/target.ts";
import type { Rules } from "../rules.ts";

/** Where a request path leads: which program, and how the path divides between its name and its argument. */
export interface ScriptLocation {
  /** Absolute path of the file; SCRIPT_FILENAME. */
  readonly file: string;
  /** The program that is run with `file` as its argument; null where the file is the program. */
  readonly interpreter: string | null;
  /** The part of the decoded request path that names the script: "/cgi/name"; SCRIPT_NAME. */
  readonly scriptName: string;
  /** The rest of the decoded path, trailing slashes kept: "" or "/..."; PATH_INFO. */
  readonly pathInfo: string;
}

/** One request as a script sees it. */
export interface ScriptRequest {
  readonly request: HttpRequest;
  readonly script: ScriptLocation;
  /** Bytes of content that standard input will hold. A chunked request is spooled first, so it is always known. */
  readonly contentLength: number;
}

/** What an operator may choose. */
export interface ProgramSettings {
  /** Whether Authorization and Proxy-Authorization reach the script. */
  readonly passesAuthorization: boolean;
  /** PATH, LANG, TZ and what the operator adds. A meta-variable of the same name wins. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it is kept warm where it can be (lib/warm/). */
  readonly isWarm?: boolean;
}

/** What is the same for every request of a server. */
export interface MetaVariableSettings extends ProgramSettings {
  /** Absolute path without a trailing slash. */
  readonly documentRoot: string;
  readonly rules: Pick<Rules, "requestUriHasQuery">;
}

/**
 * The whole environment of the script, name to value; nothing of the server's own environment is in it. Values that
 * came as bytes are text as `textOfBytes` makes it. RFC 3875 4.1.
 */
export function metaVariables(
  { request, script, contentLength }: ScriptRequest,
  settings: MetaVariableSettings,
): Record<string, string> {
  const { connection, query } = request;
  const variables: Record<string, string> = {
    ...settings.environment,
    ...request.fields.derive(settings.passesAuthorization ? allVariables : fieldVariables),
    DOCUMENT_ROOT: settings.documentRoot,
    GATEWAY_INTERFACE: "CGI/1.1",
    QUERY_STRING: query,
    // php-cgi refuses to run without it: the sign that a server, and not a client's URI, chose the file.
    REDIRECT_STATUS: "200",
    REMOTE_ADDR: connection.remoteAddress,
    // RFC 3875 4.1.9: where the host name is not known, the server MAY substitute the REMOTE_ADDR value.
    REMOTE_HOST: connection.remoteAddress,
    REQUEST_METHOD: request.method,
    REQUEST_SCHEME: connection.secure ? "https" : "http",
    REQUEST_URI: requestUri(request.target, settings.rules.requestUriHasQuery),
    SCRIPT_FILENAME: script.file,
    SCRIPT_NAME: script.scriptName,
    SERVER_ADDR: connection.localAddress,
    SERVER_NAME: request.host || bracketed(connection.localAddress),
    SERVER_PORT: String(connection.localPort || portOfHost(request)),
    SERVER_PROTOCOL: `HTTP/${request.version}`,
    SERVER_SOFTWARE: SERVER,
  };
  // RFC 3875 4.1.6: PATH_TRANSLATED is unset where PATH_INFO is NULL. That may be empty, or unset as well (4.1): Flask answers
  // 308 to an empty one.
  if (script.pathInfo !== "") {
    variables.PATH_INFO = withEncodedSlash(script.pathInfo);
    variables.PATH_TRANSLATED = settings.documentRoot + variables.PATH_INFO;
  }
  // As Apache says it where a rewrite has led to the program. Beside PATH_INFO php-cgi would run the file of PATH_TRANSLATED for
  // it, which the client chooses (findings/php-cgi-redirect-url.sh).
  if (request.original && script.pathInfo === "") {
    variables.REDIRECT_URL = withEncodedSlash(request.original.path);
    if (request.original.query !== "") variables.REDIRECT_QUERY_STRING = request.original.query;
  }
  // As mod_unique_id of Apache has it.
  if (request.id !== undefined) variables.UNIQUE_ID = request.id;
  if (connection.remotePort !== 0) variables.REMOTE_PORT = String(connection.remotePort);
  if (connection.secure) variables.HTTPS = "on";
  addContentVariables(variables, { request, contentLength });
  addUserVariables(variables, request);
  const authority = targetAuthority(request.target);
  // RFC 9112 3.2.2: the host of an absolute-form target replaces the received Host field.
  if (authority !== null) variables.HTTP_HOST = authority;
  return variables;
}

/** An encoded slash stays one, as with AllowEncodedSlashes NoDecode of Apache: decoded it would lead a program elsewhere. */
function withEncodedSlash(path: string): string {
  return path.replaceAll(ENCODED_SLASH, "%2F");
}

/** RFC 3875 4.1.2, 4.1.3: CONTENT_LENGTH is set if and only if the request has a message-body; CONTENT_TYPE as sent. */
function addContentVariables(
  variables: Record<string, string>,
  { request: { fields, body }, contentLength }: Pick<ScriptRequest, "request" | "contentLength">,
): void {
  // RFC 9112 6: the presence of a body is signalled by Content-Length or Transfer-Encoding; "0" is a length too. RFC 9113 8.1:
  // content of HTTP/2 needs neither.
  const hasContent = fields.has("content-length") || fields.has("transfer-encoding") || body.length === null;
  if (hasContent) variables.CONTENT_LENGTH = String(contentLength);
  const type = fields.get("content-type");
  if (type !== null) variables.CONTENT_TYPE = textOfBytes(type);
}

/** RFC 3875 4.1.1, 4.1.11: only for a user whom the server itself has authenticated. */
function addUserVariables(variables: Record<string, string>, { user }: HttpRequest): void {
  if (user === undefined || user === null) return;
  variables.AUTH_TYPE = user.scheme;
  variables.REMOTE_USER = textOfBytes(user.name);
}

/**
 * Fields that never become HTTP_ variables. Content-Length and Content-Type have variables of their own (RFC 3875
 * 4.1.18); Transfer-Encoding has been undone; HTTP_PROXY would be taken for the proxy of the script's own requests
 * (CVE-2016-5385, "httpoxy").
 */
const UNTOLD_FIELDS: ReadonlySet<string> = new Set(["content-length", "content-type", "transfer-encoding", "proxy"]);

/** RFC 3875 4.1.18: a server SHOULD NOT make variables of fields that carry authentication information. */
const AUTHORIZATION_FIELDS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization"]);

/**
 * A name that has one variable and whose variable has one name. "X_Y" would fold onto the variable of "X-Y", and a
 * front that checks one of them would not see the other; it is left out, as nginx does.
 */
const FOLDABLE_NAME = /^[A-Za-z0-9-]+$/;

function allVariables(fields: HeaderFields): Record<string, string> {
  return variablesOf(fields, () => false);
}

function fieldVariables(fields: HeaderFields): Record<string, string> {
  return variablesOf(fields, (lower) => AUTHORIZATION_FIELDS.has(lower));
}

/** RFC 3875 4.1.18: upper case, "-" becomes "_", "HTTP_" in front; repeated fields are one value, in order. */
function variablesOf(fields: Iterable<Field>, isLeftOut: (lower: string) => boolean): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (!FOLDABLE_NAME.test(name)) continue;
    const lower = name.toLowerCase();
    if (UNTOLD_FIELDS.has(lower) || isLeftOut(lower)) continue;
    const variable = `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
    const text = textOfBytes(value);
    // RFC 9110 5.3 joins with a comma; RFC 9113 8.2.3: cookie crumbs are joined with "; " for a CGI program.
    const separator = lower === "cookie" ? "; " : ", ";
    variables[variable] = variable in variables ? variables[variable] + separator + text : text;
  }
  return variables;
}

/** Path and query as received, still encoded; without the scheme and authority of an absolute-form target. */
function requestUri(target: string, hasQuery: boolean): string {
  const local = target.startsWith("/") ? target : target.replace(ABSOLUTE_START, "");
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  // RFC 9112 3.2.1: an empty path is sent as "/".
  return (path === "" ? "/" : path) + (hasQuery && mark >= 0 ? local.slice(mark) : "");
}

/** RFC 9112 3.2.2: scheme and authority of an absolute-form target. */
const ABSOLUTE_START = /^https?:\/\/([^/?]*)/i;

/** Host and port of an absolute-form target, as received; null for the other forms. */
function targetAuthority(target: string): string | null {
  return target.startsWith("/") ? null : ABSOLUTE_START.exec(target)?.[1] ?? null;
}

/** RFC 3875 4.1.15, of a request that came on no port: the one that its client means. RFC 9110 4.2.1, 4.2.2. */
function portOfHost({ fields, connection }: HttpRequest): number {
  return parseAuthority(fields.get("host") ?? "")?.port ?? (connection.secure ? 443 : 80);
}

/** RFC 3875 4.1.14: an IPv6 address stands in brackets where a host name may stand. */
function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
