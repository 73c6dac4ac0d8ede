import { assertEquals } from "@std/assert";
import { type Field } from "../http/header_fields.ts";
import { textOfBytes } from "../http/byte_text.ts";
import { latin1Text } from "../http/grammar.ts";
import { chunkedBody, fakeRequest, type RequestParts } from "../../tests/cgi/fake_request.ts";
import { metaVariables, type MetaVariableSettings } from "./meta_variables.ts";

const SETTINGS: MetaVariableSettings = {
  documentRoot: "/srv/www",
  rules: { requestUriHasQuery: true },
  passesAuthorization: false,
  environment: { PATH: "/usr/bin:/bin" },
};

function variablesOf(
  parts: RequestParts,
  { settings = {}, pathInfo = "", contentLength }: {
    settings?: Partial<MetaVariableSettings>;
    pathInfo?: string;
    contentLength?: number;
  } = {},
): Record<string, string> {
  const request = fakeRequest(parts);
  const script = { file: "/srv/cgi-bin/probe", interpreter: null, scriptName: "/cgi/probe", pathInfo };
  return metaVariables(
    { request, script, contentLength: contentLength ?? request.body.length ?? 0 },
    { ...SETTINGS, ...settings },
  );
}

/** The Latin-1 text of these bytes, as the head reader makes it. */
function received(...bytes: number[]): string {
  return latin1Text(new Uint8Array(bytes), 0, bytes.length);
}

Deno.test("metaVariables() makes exactly these variables of a plain GET", () => {
  assertEquals(variablesOf({ fields: [["Host", "example.org:8080"], ["Accept", "text/html"]] }), {
    PATH: "/usr/bin:/bin",
    HTTP_HOST: "example.org:8080",
    HTTP_ACCEPT: "text/html",
    DOCUMENT_ROOT: "/srv/www",
    GATEWAY_INTERFACE: "CGI/1.1",
    QUERY_STRING: "",
    REDIRECT_STATUS: "200",
    REMOTE_ADDR: "192.0.2.7",
    REMOTE_HOST: "192.0.2.7",
    REMOTE_PORT: "40000",
    REQUEST_METHOD: "GET",
    REQUEST_SCHEME: "http",
    REQUEST_URI: "/cgi/probe",
    SCRIPT_FILENAME: "/srv/cgi-bin/probe",
    SCRIPT_NAME: "/cgi/probe",
    SERVER_ADDR: "192.0.2.1",
    SERVER_NAME: "example.org",
    SERVER_PORT: "8080",
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: "Liso/1.0",
  });
});

interface Row {
  readonly name: string;
  readonly parts: RequestParts;
  readonly options?: Parameters<typeof variablesOf>[1];
  /** undefined: the variable is not set. */
  readonly want: { readonly [variable: string]: string | undefined };
}

const ROWS: readonly Row[] = [
  // RFC 3875 4.1.1 and 4.1.11
  { name: "no user without authentication", parts: {}, want: { AUTH_TYPE: undefined, REMOTE_USER: undefined } },
  {
    name: "the authenticated user",
    parts: { user: { name: "eva", scheme: "Basic" } },
    want: { AUTH_TYPE: "Basic", REMOTE_USER: "eva" },
  },
  // 4.1.2 and 4.1.3
  { name: "no CONTENT_LENGTH without content", parts: { method: "POST" }, want: { CONTENT_LENGTH: undefined } },
  { name: "CONTENT_LENGTH of empty content", parts: { method: "POST", body: "" }, want: { CONTENT_LENGTH: "0" } },
  {
    name: "content is described apart from the other fields",
    parts: { method: "POST", body: "a=b", fields: [["Content-Type", "text/plain; charset=utf-8"]] },
    want: {
      CONTENT_LENGTH: "3",
      CONTENT_TYPE: "text/plain; charset=utf-8",
      HTTP_CONTENT_LENGTH: undefined,
      HTTP_CONTENT_TYPE: undefined,
    },
  },
  {
    name: "the length of spooled content and no word of its coding",
    parts: { method: "POST", body: chunkedBody([]) },
    options: { contentLength: 4711 },
    want: { CONTENT_LENGTH: "4711", HTTP_TRANSFER_ENCODING: undefined },
  },
  // 4.1.5 and 4.1.6
  {
    name: "PATH_INFO is decoded and translated to the root",
    parts: { target: "/cgi/probe/a%20b/%C3%BC/" },
    options: { pathInfo: "/a b/ü/" },
    want: {
      PATH_INFO: "/a b/ü/",
      PATH_TRANSLATED: "/srv/www/a b/ü/",
      REQUEST_URI: "/cgi/probe/a%20b/%C3%BC/",
    },
  },
  { name: "neither without a rest", parts: {}, want: { PATH_INFO: undefined, PATH_TRANSLATED: undefined } },
  // 4.1.7
  {
    name: "QUERY_STRING and REQUEST_URI are raw",
    parts: { target: "/cgi/probe?a=%20&b=?%3d" },
    want: { QUERY_STRING: "a=%20&b=?%3d", REQUEST_URI: "/cgi/probe?a=%20&b=?%3d" },
  },
  {
    name: "REQUEST_URI has no query by the course's rule",
    parts: { target: "/cgi/a%41?b" },
    options: { settings: { rules: { requestUriHasQuery: false } } },
    want: { REQUEST_URI: "/cgi/a%41", QUERY_STRING: "b" },
  },
  // 4.1.12, 4.1.14 to 4.1.16
  {
    name: "an absolute-form target names the host and is told without it",
    parts: { target: "http://other.example:81/cgi/probe?q", host: "other.example", fields: [["Host", "example.org"]] },
    want: {
      REQUEST_URI: "/cgi/probe?q",
      HTTP_HOST: "other.example:81",
      SERVER_NAME: "other.example",
      SERVER_PORT: "8080",
    },
  },
  {
    name: "an absolute-form target without a path",
    parts: { target: "http://other.example?q" },
    want: { REQUEST_URI: "/?q" },
  },
  {
    name: "SERVER_NAME is the address when the client named no host",
    parts: { host: "" },
    want: { SERVER_NAME: "192.0.2.1" },
  },
  {
    name: "SERVER_NAME is in brackets when that address is IPv6",
    parts: { host: "", localAddress: "2001:db8::1" },
    want: { SERVER_NAME: "[2001:db8::1]", SERVER_ADDR: "2001:db8::1" },
  },
  {
    name: "no port of a client for whom a proxy speaks",
    parts: { remotePort: 0 },
    want: { REMOTE_PORT: undefined, REMOTE_ADDR: "192.0.2.7" },
  },
  { name: "the protocol of an old client", parts: { version: "1.0" }, want: { SERVER_PROTOCOL: "HTTP/1.0" } },
  { name: "the method as it was sent", parts: { method: "PROPFIND" }, want: { REQUEST_METHOD: "PROPFIND" } },
  { name: "plain HTTP", parts: {}, want: { HTTPS: undefined, REQUEST_SCHEME: "http" } },
  { name: "TLS", parts: { secure: true }, want: { HTTPS: "on", REQUEST_SCHEME: "https" } },
  // 4.1.18
  {
    name: "any field, in upper case, with underscores",
    parts: { fields: [["X-Forwarded-For", "::1"], ["dnt", "1"], ["Connection", "close"], ["X-9", "9"]] },
    want: { HTTP_X_FORWARDED_FOR: "::1", HTTP_DNT: "1", HTTP_CONNECTION: "close", HTTP_X_9: "9" },
  },
  {
    name: "repeated fields are joined in order",
    parts: { fields: [["Accept", "a"], ["X", "-"], ["accept", "b"], ["ACCEPT", ""]] },
    want: { HTTP_ACCEPT: "a, b, " },
  },
  {
    name: "cookie crumbs are joined as one cookie string",
    parts: { fields: [["Cookie", "a=1"], ["cookie", "b=2"]] },
    want: { HTTP_COOKIE: "a=1; b=2" },
  },
  {
    name: "a name with an underscore stays out, before and after its namesake",
    parts: { fields: [["X_User", "evil"], ["X-User", "good"], ["X_USER", "evil"]] },
    want: { HTTP_X_USER: "good" },
  },
  {
    name: "so does a name that no variable can spell",
    parts: { fields: [["X.User", "1"], ["X!", "1"], ["$", "1"]] },
    want: { "HTTP_X.USER": undefined, "HTTP_X!": undefined, HTTP_$: undefined },
  },
  {
    name: "httpoxy: Proxy stays out in any case",
    parts: { fields: [["Proxy", "http://evil"], ["PROXY", "http://evil"], ["proxy", "http://evil"]] },
    want: { HTTP_PROXY: undefined },
  },
  {
    name: "credentials stay out",
    parts: { fields: [["Authorization", "Basic eDp5"], ["proxy-authorization", "Basic eDp5"]] },
    want: { HTTP_AUTHORIZATION: undefined, HTTP_PROXY_AUTHORIZATION: undefined },
  },
  {
    name: "credentials pass when the operator says so",
    parts: { fields: [["Authorization", "Basic eDp5"]] },
    options: { settings: { passesAuthorization: true } },
    want: { HTTP_AUTHORIZATION: "Basic eDp5" },
  },
  {
    name: "UTF-8 in a field is text",
    parts: { fields: [["X-Name", received(0x4d, 0xc3, 0xbc, 0xe2, 0x82, 0xac)]] },
    want: { HTTP_X_NAME: "Mü€" },
  },
  {
    name: "other bytes in a field as bytes",
    parts: { fields: [["X-Name", received(0x4d, 0xfc)], ["X-BOM", received(0xef, 0xbb, 0xbf)]] },
    want: { HTTP_X_NAME: "M\udcfc", HTTP_X_BOM: "\ufeff" },
  },
  {
    name: "bytes of a path that are not UTF-8",
    parts: { target: "/cgi/probe/caf%E9" },
    options: { pathInfo: "/caf\udce9" },
    want: {
      PATH_INFO: "/caf\udce9",
      PATH_TRANSLATED: "/srv/www/caf\udce9",
      REQUEST_URI: "/cgi/probe/caf%E9",
    },
  },
  // what the operator adds
  {
    name: "the operator's variables, and no other that the tests themselves have",
    parts: {},
    options: { settings: { environment: { PATH: "/opt", TZ: "UTC", A: "b" } } },
    want: { PATH: "/opt", TZ: "UTC", A: "b", HOME: undefined, LANG: undefined },
  },
  {
    name: "a meta-variable wins over the operator's variable",
    parts: { fields: [["Accept", "real"]] },
    options: { settings: { environment: { REQUEST_METHOD: "X", HTTP_ACCEPT: "X" } } },
    want: { REQUEST_METHOD: "GET", HTTP_ACCEPT: "real" },
  },
];

for (const { name, parts, options, want } of ROWS) {
  Deno.test(`metaVariables() tells ${name}`, () => {
    const variables = variablesOf(parts, options);
    const found = Object.fromEntries(Object.keys(want).map((variable) => [variable, variables[variable]]));
    assertEquals(found, { ...want });
  });
}

Deno.test("metaVariables() keeps every byte that a field may hold", () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte >= 0x20 && byte !== 0x7f);
  const field: Field = ["X-All", received(...bytes)];
  assertEquals(variablesOf({ fields: [field] }).HTTP_X_ALL, textOfBytes(received(...bytes)));
});

Deno.test("metaVariables() tells what was asked for where another path stands in its place, but beside PATH_INFO", () => {
  const script = { file: "/srv/index.php", interpreter: "/usr/bin/php-cgi", scriptName: "/index.php", pathInfo: "" };
  const request = { ...fakeRequest({ target: "/a%20b?c" }), path: "/index.php", query: "id=1&c" };
  const told = (query: string, pathInfo: string) => {
    const { REQUEST_URI, QUERY_STRING, REDIRECT_URL, REDIRECT_QUERY_STRING } = metaVariables(
      { request: { ...request, original: { path: "/a b", query } }, script: { ...script, pathInfo }, contentLength: 0 },
      SETTINGS,
    );
    return [REQUEST_URI, QUERY_STRING, REDIRECT_URL, REDIRECT_QUERY_STRING];
  };
  assertEquals(told("c", ""), ["/a%20b?c", "id=1&c", "/a b", "c"]);
  assertEquals(told("", ""), ["/a%20b?c", "id=1&c", "/a b", undefined]);
  assertEquals(told("c", "/x"), ["/a%20b?c", "id=1&c", undefined, undefined]);
});

Deno.test("metaVariables() tells what the request is known by, whatever its client says", () => {
  const script = { file: "/srv/probe", interpreter: null, scriptName: "/cgi/probe", pathInfo: "" };
  const request = { ...fakeRequest({ fields: [["X-Request-Id", "evil"], ["Unique-Id", "evil"]] }), id: "r1" };
  const settings = { ...SETTINGS, environment: { UNIQUE_ID: "operator" } };
  const { UNIQUE_ID, HTTP_X_REQUEST_ID } = metaVariables({ request, script, contentLength: 0 }, settings);
  assertEquals([UNIQUE_ID, HTTP_X_REQUEST_ID], ["r1", "evil"]);
});

Deno.test("metaVariables() leaves an encoded slash encoded", () => {
  const { PATH_INFO, PATH_TRANSLATED } = variablesOf({}, { pathInfo: "/a\udc2f..\udc2fb/c" });
  assertEquals([PATH_INFO, PATH_TRANSLATED], ["/a%2F..%2Fb/c", "/srv/www/a%2F..%2Fb/c"]);
});
