import { assertEquals, assertThrows } from "@std/assert";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { BytesBody, EMPTY_BODY, HttpError } from "../http/message.ts";
import { acceptFields, asksForWebSocket, readHandshake, refuseOtherOrigins } from "./handshake.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const FIELDS: readonly Field[] = [
  ["Connection", "keep-alive, Upgrade"],
  ["Upgrade", "WebSocket"],
  ["Sec-WebSocket-Key", KEY],
  ["Sec-WebSocket-Version", "13"],
];

function request(changed: Readonly<Record<string, string | null>> = {}, told: object = {}) {
  const others = Object.entries(changed).flatMap(([name, value]) => value === null ? [] : [[name, value] as const]);
  const kept = FIELDS.filter(([name]) => !(name in changed));
  const fields = HeaderFields.of(...kept, ...others);
  return { method: "GET", version: "1.1" as const, fields, body: EMPTY_BODY, ...told };
}

Deno.test("asksForWebSocket() wants a GET of HTTP/1.1 without content, and both fields", () => {
  const asked: readonly (readonly [boolean, ReturnType<typeof request>])[] = [
    [true, request()],
    [true, request({ Upgrade: "h2c, websocket" })],
    [false, request({ Upgrade: "h2c" })],
    [false, request({ Upgrade: "websocket/13" })],
    [false, request({ Upgrade: null })],
    [false, request({ Connection: "keep-alive" })],
    [false, request({ Connection: null })],
    [false, request({}, { method: "POST" })],
    [false, request({}, { version: "1.0" })],
    [false, request({}, { version: "2.0" })],
    [false, request({}, { body: new BytesBody(new Uint8Array(1)) })],
  ];
  for (const [want, each] of asked) assertEquals(asksForWebSocket(each), want, [...each.fields].join(" "));
});

Deno.test("readHandshake() gives the key, and refuses what is no handshake", () => {
  assertEquals(readHandshake(request()), KEY);
  const refused: readonly (readonly [number, ReturnType<typeof request>])[] = [
    [405, request({}, { method: "POST" })],
    [405, request({}, { method: "HEAD" })],
    [426, request({ Upgrade: "h2c" })],
    [426, request({}, { version: "2.0" })],
    [426, request({ "Sec-WebSocket-Version": "8" })],
    [426, request({ "Sec-WebSocket-Version": "13, 8" })],
    [426, request({ "Sec-WebSocket-Version": null })],
    [400, request({ "Sec-WebSocket-Key": null })],
    [400, request({ "Sec-WebSocket-Key": "" })],
    [400, request({ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" })],
    [400, request({ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" })],
    [400, request({ "Sec-WebSocket-Key": `${KEY}, ${KEY}` })],
  ];
  for (const [status, each] of refused) {
    const error = assertThrows(() => readHandshake(each), HttpError);
    assertEquals(error.status, status, [...each.fields].join(" "));
    if (status === 426) assertEquals(error.fields.get("Sec-WebSocket-Version"), "13");
  }
});

Deno.test("acceptFields() answers the key of RFC 6455 1.3 as that says", async () => {
  assertEquals([...await acceptFields(KEY)], [
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
  ]);
});

Deno.test("refuseOtherOrigins() lets pages of the same host and port in, and those of the site's other hosts", () => {
  const isHost = (name: string) => ["example.org", "www.example.org"].includes(name);
  const connection = { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false };
  const rows: readonly (readonly [isLet: boolean, host: string, origin: string | null, secure?: boolean])[] = [
    [true, "example.org", null],
    [true, "example.org", "http://example.org"],
    [true, "example.org", "https://EXAMPLE.org"],
    [true, "example.org", "http://www.example.org"],
    [true, "example.org:8080", "http://example.org:8080"],
    [true, "other.example", "http://other.example"],
    [true, "[::1]:8080", "http://[::1]:8080"],
    [true, "example.org", "https://example.org", true],
    [false, "example.org", "http://example.org", true],
    [false, "example.org", "http://evil.example"],
    [false, "example.org", "http://example.org.evil.example"],
    [false, "example.org", "http://evil.example/example.org"],
    [false, "example.org", "http://example.org@evil.example"],
    [false, "example.org", "http://example.org:8080"],
    [false, "example.org:8080", "http://example.org"],
    [false, "example.org", "null"],
    [false, "example.org", ""],
    [false, "", "http://"],
    [false, "example.org", "file://example.org"],
    [false, "example.org", "http://example.org, http://evil.example"],
  ];
  for (const [isLet, host, origin, secure = false] of rows) {
    const fields = HeaderFields.of(["Host", host], ...origin === null ? [] : [["Origin", origin] as const]);
    const name = host.replace(/:\d+$/, "");
    const ask = () => refuseOtherOrigins({ fields, host: name, connection: { ...connection, secure } }, isHost);
    if (isLet) ask();
    else assertEquals(assertThrows(ask, HttpError).status, 403, `${origin} ${host}`);
  }
});
