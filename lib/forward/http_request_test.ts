import { assertEquals } from "@std/assert";
import { latin1Text } from "../http/grammar.ts";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { type UpstreamRequest, upstreamRequestHead } from "./http_request.ts";

const CONNECTION = {
  ...{ id: 1, remoteAddress: "192.0.2.7", remotePort: 5, localAddress: "10.0.0.1", localPort: 8080, secure: false },
};

interface Told extends Partial<Omit<UpstreamRequest, "request" | "upstream">> {
  readonly method?: string;
  readonly query?: string;
  readonly fields?: readonly Field[];
  readonly basePath?: string;
  readonly version?: "1.0" | "1.1" | "2.0";
  readonly connection?: Partial<typeof CONNECTION>;
  readonly user?: { readonly name: string; readonly scheme: string };
  readonly id?: string;
}

function linesOf({ method = "GET", query = "", fields = [["Host", "a.example:8080"]], basePath = "", ...told }: Told) {
  const { version = "1.1", connection = {}, user = null, id, ...others } = told;
  const head = upstreamRequestHead({
    ...{ rest: "/", host: "client", contentLength: 0, isKept: true, passesAuthorization: false, ...others },
    upstream: { basePath, address: { transport: "tcp", hostname: "::1", port: 3000 } },
    request: {
      ...{ method, query, version, host: "a.example", user, id, fields: HeaderFields.of(...fields) },
      connection: { ...CONNECTION, ...connection },
    },
  });
  return latin1Text(head, 0, head.length).split("\r\n");
}

const HOST: Field = ["Host", "a.example:8080"];

Deno.test("upstreamRequestHead() says what the client asked for, and what is known about it", () => {
  const fields: Field[] = [HOST, ["Accept", "text/html"], ["Cookie", "a=b"], ["Cookie", "c=d"]];
  assertEquals(linesOf({ rest: "/x", query: "a=%20", fields }), [
    ...["GET /x?a=%20 HTTP/1.1", "Host: a.example:8080", "Accept: text/html", "Cookie: a=b", "Cookie: c=d"],
    ...["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: a.example:8080"],
    ...[
      "X-Forwarded-Port: 8080",
      `Forwarded: for=192.0.2.7;host="a.example:8080";proto=http`,
      "Via: 1.1 lisod",
      "",
      "",
    ],
  ]);
});

Deno.test("upstreamRequestHead() writes paths in one spelling, below the base", () => {
  const rows: readonly (readonly [basePath: string, rest: string, want: string])[] = [
    ["", "", "/"],
    ["", "/", "/"],
    ["/base", "", "/base"],
    ["/base", "/a b/ü", "/base/a%20b/%C3%BC"],
    ["", "/a?b#c%", "/a%3Fb%23c%25"],
    ["", "/\udc2f\udcff//x", "/%2F%FF//x"],
    ["", "/a\r\nb", "/a%0D%0Ab"],
  ];
  for (const [basePath, rest, want] of rows) assertEquals(linesOf({ basePath, rest })[0], `GET ${want} HTTP/1.1`);
});

Deno.test("upstreamRequestHead() drops what ends here, and what only a proxy may say", () => {
  const fields: Field[] = [
    ...[HOST, ["Connection", "close, X-Hop"], ["X-Hop", "1"], ["Keep-Alive", "5"], [
      "Proxy-Connection",
      "x",
    ]] as Field[],
    ...[["TE", "trailers"], ["Trailer", "X"], ["Transfer-Encoding", "chunked"], ["Upgrade", "websocket"]] as Field[],
    ...[["HTTP2-Settings", "x"], ["Expect", "100-continue"], ["Proxy-Authorization", "Basic x"], [
      "Proxy",
      "evil",
    ]] as Field[],
    ...[["Forwarded", "for=evil"], ["X-Forwarded-For", "evil"], ["x-forwarded-proto", "https"]] as Field[],
    ...[["X-Forwarded-Server", "evil"], ["X_Forwarded_For", "evil"], ["X-Real-IP", "evil"], ["x-request-id", "evil"], [
      "Content-Length",
      "7",
    ]] as Field[],
    ["X-Kept", "yes"],
  ];
  assertEquals(linesOf({ fields }).filter((line) => /evil/.test(line)), []);
  const kept = linesOf({ fields }).filter((line) => !/^(?:X-Forwarded-|Forwarded|Via|Host|GET)/.test(line));
  assertEquals(kept, ["X-Kept: yes", "", ""]);
});

Deno.test("upstreamRequestHead() says what the request is known by, once and whatever its client says", () => {
  const lines = linesOf({ id: "r1", fields: [HOST, ["X-Request-ID", "evil"], ["X_Request_Id", "evil"]] });
  assertEquals(lines.filter((line) => /request.id/i.test(line)), ["X-Request-Id: r1"]);
});

Deno.test("upstreamRequestHead() has one framing, that of what it sends", () => {
  const rows: readonly (readonly [told: Told, want: readonly string[]])[] = [
    [{ method: "GET", contentLength: 0 }, []],
    [{ method: "DELETE", contentLength: 0 }, []],
    [{ method: "POST", contentLength: 0 }, ["Content-Length: 0"]],
    [{ method: "GET", contentLength: 5 }, ["Content-Length: 5"]],
    [{ method: "PUT", contentLength: null, fields: [HOST, ["Content-Length", "9"]] }, ["Transfer-Encoding: chunked"]],
    [{ method: "POST", contentLength: 3, fields: [HOST, ["Transfer-Encoding", "chunked"]] }, ["Content-Length: 3"]],
  ];
  for (const [told, want] of rows) {
    assertEquals(linesOf(told).filter((line) => /^(?:Content-Length|Transfer-Encoding)/i.test(line)), want);
  }
});

Deno.test("upstreamRequestHead() tells of IPv6, TLS, HTTP/2, sockets and hosts that are not named", () => {
  const secure = linesOf({
    connection: { remoteAddress: "2001:db8::1", secure: true, localPort: 443 },
    version: "2.0",
  });
  assertEquals(secure.slice(2, -2), [
    ...["X-Forwarded-For: 2001:db8::1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example:8080"],
    ...["X-Forwarded-Port: 443", `Forwarded: for="[2001:db8::1]";host="a.example:8080";proto=https`, "Via: 2.0 lisod"],
  ]);
  const unknown = linesOf({ fields: [], connection: { remoteAddress: "", localPort: 0 }, isKept: false });
  assertEquals(unknown.filter((line) => /^(?:Host|X-Forwarded-(?:For|Port)|Forwarded|Connection)/.test(line)), [
    ...["Host: a.example", "Connection: close", `Forwarded: for=unknown;host="a.example";proto=http`],
  ]);
});

Deno.test("upstreamRequestHead() keeps passwords that this server has asked for, unless it is told otherwise", () => {
  const fields: Field[] = [HOST, ["Authorization", "Basic x"]];
  const user = { name: "eva", scheme: "Basic" };
  const has = (told: Told) => linesOf({ ...told, fields }).includes("Authorization: Basic x");
  assertEquals([has({}), has({ user }), has({ user, passesAuthorization: true })], [true, false, true]);
});

Deno.test("upstreamRequestHead() asks for WebSocket where it is told to, by fields of its own", () => {
  const fields: Field[] = [HOST, ["Connection", "Upgrade, X-Hop"], ["Upgrade", "h2c, websocket"], [
    "Sec-WebSocket-Key",
    "k",
  ]];
  for (const isKept of [true, false]) {
    const lines = linesOf({ fields, isKept, isUpgrade: true });
    assertEquals(lines.filter((line) => /^(?:connection|upgrade|sec-)/i.test(line)), [
      ...["Sec-WebSocket-Key: k", "Connection: Upgrade", "Upgrade: websocket"],
    ]);
  }
});
