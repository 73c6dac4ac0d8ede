import { assert, assertEquals } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import type { ConnectionInfo } from "../http/message.ts";
import { TrustedProxies } from "./forwarded.ts";
import { AddressRange } from "../ip_address.ts";

function proxies(...texts: readonly string[]): TrustedProxies {
  return new TrustedProxies(texts.flatMap((text) => AddressRange.parse(text) ?? []));
}

const DIRECT: ConnectionInfo = {
  id: 1,
  remoteAddress: "10.0.0.1",
  remotePort: 1234,
  localAddress: "10.0.0.2",
  localPort: 80,
  secure: false,
};

Deno.test("seeThrough() finds the last address that is none of a proxy", () => {
  const table: readonly [string, readonly string[], string, number][] = [
    ["no field", [], "10.0.0.1", 1234],
    ["one address", ["192.0.2.1"], "192.0.2.1", 0],
    ["what the client wrote itself", ["127.0.0.1, 203.0.113.1, 192.0.2.1"], "192.0.2.1", 0],
    ["several fields", ["127.0.0.1", "192.0.2.1"], "192.0.2.1", 0],
    ["a second proxy", ["192.0.2.1, 10.0.0.7"], "192.0.2.1", 0],
    ["proxies alone", ["10.0.0.8, 10.0.0.7"], "10.0.0.8", 0],
    ["a port", ["192.0.2.1:4711"], "192.0.2.1", 4711],
    ["IPv6", ["2001:DB8:0::1"], "2001:db8::1", 0],
    ["IPv6 with port", ["[2001:db8::1]:4711"], "2001:db8::1", 4711],
    ["no address", ["192.0.2.1, unknown"], "10.0.0.1", 1234],
    ["no address behind a proxy", ["192.0.2.1, _hidden, 10.0.0.7"], "10.0.0.7", 0],
    ["empty", [""], "10.0.0.1", 1234],
    ["a port that is none", ["192.0.2.1:99999"], "192.0.2.1", 0],
    ["a name", ["localhost"], "10.0.0.1", 1234],
  ];
  for (const [name, values, remoteAddress, remotePort] of table) {
    const fields = HeaderFields.of(...values.map((value) => ["X-Forwarded-For", value] as const));
    assertEquals(proxies("10.0.0.0/8").seeThrough(DIRECT, fields), { ...DIRECT, remoteAddress, remotePort }, name);
  }
});

Deno.test("seeThrough() takes the scheme from the last proxy", () => {
  const table: readonly [string, boolean, boolean][] = [
    ["https", false, true],
    ["HTTPS", false, true],
    ["http", true, false],
    ["http, https", false, true],
    ["https, http", false, false],
    ["wss", true, true],
    ["", false, false],
  ];
  for (const [value, secure, want] of table) {
    const fields = HeaderFields.of(["X-Forwarded-Proto", value]);
    assertEquals(proxies("10.0.0.1").seeThrough({ ...DIRECT, secure }, fields).secure, want, value);
  }
});

Deno.test("seeThrough() finds the port that the last proxy was asked on", () => {
  const table: readonly [want: number, fields: Readonly<Record<string, string>>][] = [
    [8080, {}],
    [8080, { "Host": "h.example:1" }],
    [443, { "X-Forwarded-Proto": "https" }],
    [80, { "X-Forwarded-Proto": "http" }],
    [443, { "X-Forwarded-Proto": "https", "Host": "h.example" }],
    [8443, { "X-Forwarded-Proto": "https", "Host": "h.example:8443" }],
    [8443, { "X-Forwarded-Proto": "http", "Host": "[2001:db8::1]:8443" }],
    [443, { "X-Forwarded-Proto": "https", "Host": "no host" }],
    [8080, { "X-Forwarded-Proto": "wss", "Host": "h.example:8443" }],
    [4711, { "X-Forwarded-Proto": "https", "Host": "h.example:8443", "X-Forwarded-Port": "4711" }],
    [4711, { "X-Forwarded-Port": "4711" }],
    [4711, { "X-Forwarded-Port": "443, 4711" }],
    [443, { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "0" }],
    [443, { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "65536" }],
    [443, { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "a" }],
  ];
  for (const [want, named] of table) {
    const { localPort } = proxies("10.0.0.1").seeThrough(
      { ...DIRECT, localPort: 8080 },
      HeaderFields.of(...Object.entries(named)),
    );
    assertEquals([localPort, named], [want, named]);
  }
});

Deno.test("seeThrough() believes nobody but the proxies", () => {
  const fields = HeaderFields.of(["X-Forwarded-For", "127.0.0.1"], ["X-Forwarded-Proto", "https"], [
    "X-Forwarded-Port",
    "1",
  ]);
  assert(proxies().seeThrough(DIRECT, fields) === DIRECT);
  assert(proxies("10.0.0.2", "::/0").seeThrough(DIRECT, fields) === DIRECT);
  const unixSocket = { ...DIRECT, remoteAddress: "" };
  assert(proxies("0.0.0.0/0").seeThrough(unixSocket, fields) === unixSocket);
});

Deno.test("seeThrough() believes the fields of a peer that speaks for a client by its PROXY header", () => {
  const client = { ...DIRECT, remoteAddress: "192.0.2.9", remotePort: 4711 };
  const table: readonly [
    want: Partial<ConnectionInfo>,
    client: ConnectionInfo,
    fields: Readonly<Record<string, string>>,
  ][] = [
    [{ secure: true, localPort: 443 }, client, { "X-Forwarded-Proto": "https" }],
    [{ secure: true, localPort: 8443 }, client, { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443" }],
    [{}, client, {}],
    // The client may have written it itself.
    [{}, client, { "X-Forwarded-For": "127.0.0.1" }],
    [
      { remoteAddress: "203.0.113.1", remotePort: 0 },
      { ...client, remoteAddress: "10.0.0.7" },
      { "X-Forwarded-For": "203.0.113.1" },
    ],
    // The header has said that it is TLS.
    [{}, { ...client, secure: true, localPort: 443 }, { "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80" }],
  ];
  for (const [want, connection, named] of table) {
    const fields = HeaderFields.of(...Object.entries(named));
    const found = proxies("10.0.0.0/8").seeThrough(connection, fields, DIRECT);
    assertEquals(found, { ...connection, ...want }, JSON.stringify(named));
    assert(proxies("10.0.0.2").seeThrough(connection, fields, DIRECT) === connection);
  }
});

Deno.test("seeThrough() finds what the last proxy knows the request by, where it has the shape of that", () => {
  const client = { ...DIRECT, remoteAddress: "192.0.2.9" };
  const ids = (...fields: readonly string[]) => HeaderFields.of(...fields.map((id) => ["X-Request-Id", id] as const));
  const found = (fields: HeaderFields, connection = DIRECT, peer = connection) =>
    proxies("10.0.0.0/8").seeThrough(connection, fields, peer).requestId;
  assertEquals(found(ids("a-1")), "a-1");
  for (const none of [ids(), ids("a b"), ids("a", "b"), ids("x".repeat(129))]) assertEquals(found(none), undefined);
  assertEquals(found(ids("a-1"), client), undefined);
  // After its PROXY header a proxy sends what the client wrote.
  assertEquals(found(ids("a-1"), client, DIRECT), undefined);
  assertEquals(found(ids("a-1"), { ...client, remoteAddress: "10.0.0.7" }, DIRECT), "a-1");
});

Deno.test("seeThrough() believes clients of Unix sockets where they are proxies", () => {
  const unixSocket = { ...DIRECT, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0 };
  const fields = HeaderFields.of(["X-Forwarded-For", "192.0.2.9, 10.0.0.7"], ["X-Forwarded-Proto", "https"]);
  const both = new TrustedProxies([AddressRange.parse("10.0.0.0/8")].filter((range) => range !== null), true);
  const want = { ...unixSocket, secure: true, localPort: 443 };
  assertEquals(both.seeThrough(unixSocket, fields), { ...want, remoteAddress: "192.0.2.9" });
  const alone = new TrustedProxies([], true);
  assertEquals(alone.seeThrough(unixSocket, fields), { ...want, remoteAddress: "10.0.0.7" });
  assert(alone.seeThrough(DIRECT, fields) === DIRECT);
});
