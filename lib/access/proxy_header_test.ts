import { assertEquals, assertThrows } from "@std/assert";
import { fill } from "../../tests/feed.ts";
import { latin1Bytes } from "../http/grammar.ts";
import { HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import { type ProxyHeader, takeProxyHeader } from "./proxy_header.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** Version 2: the bytes after the signature and before the length, then the rest. */
function version2(start: string, rest: string): string {
  return `${SIGNATURE}${start}${String.fromCharCode(rest.length >> 8, rest.length & 255)}${rest}`;
}

const IPV4 = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x02" + "\xc3\x50" + "\x00\x50";
const IPV6 = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x01${"\0".repeat(15)}\x01\xc3\x50\x01\xbb`;
const MAPPED = `${"\0".repeat(10)}\xff\xff\xc0\x00\x02\x01${"\0".repeat(15)}\x01\xc3\x50\x01\xbb`;
const TLS = "\x20\0\x05\x01\0\0\0\0";
const NO_TLS = "\x20\0\x05\0\0\0\0\0";
const OTHER = "\x01\0\x02h2";

const CLIENT = {
  remoteAddress: "192.0.2.1",
  remotePort: 50_000,
  localAddress: "198.51.100.2",
  localPort: 80,
  secure: null,
};
const CLIENT6 = { ...CLIENT, remoteAddress: "2001:db8::1", localAddress: "::1", localPort: 443 };

/** Whole, byte by byte, and followed by a request: what was found, and what is left. */
function take(text: string, follows: string): { header: ProxyHeader | "none" | null; rest: string }[] {
  return [[latin1Bytes(text + follows)], Array.from(latin1Bytes(text + follows), (byte) => Uint8Array.of(byte))]
    .map((pieces) => {
      const buffer = new ReceiveBuffer();
      let header: ProxyHeader | "none" | null = null;
      for (const piece of pieces) {
        fill(buffer, piece);
        if (header === null) header = takeProxyHeader(buffer);
      }
      return { header, rest: String.fromCharCode(...buffer.take(Infinity)) };
    });
}

Deno.test("takeProxyHeader() takes the header and leaves what follows", () => {
  const table: readonly [string, string, ProxyHeader["client"]][] = [
    ["v1, IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 50000 80\r\n", CLIENT],
    ["v1, IPv6", "PROXY TCP6 2001:DB8::1 ::1 50000 443\r\n", CLIENT6],
    ["v1, unknown", "PROXY UNKNOWN\r\n", null],
    ["v1, unknown with more", "PROXY UNKNOWN ffff::1 ::2 1 2\r\n", null],
    ["v2, IPv4", version2("\x21\x11", IPV4), CLIENT],
    ["v2, IPv6", version2("\x21\x21", IPV6), CLIENT6],
    ["v2, IPv4-mapped", version2("\x21\x21", MAPPED), { ...CLIENT6, remoteAddress: "192.0.2.1" }],
    ["v2, TLS", version2("\x21\x11", IPV4 + OTHER + TLS), { ...CLIENT, secure: true }],
    ["v2, no TLS", version2("\x21\x11", IPV4 + NO_TLS), { ...CLIENT, secure: false }],
    ["v2, another extension", version2("\x21\x11", IPV4 + OTHER), CLIENT],
    ["v2, LOCAL", version2("\x20\x00", ""), null],
    ["v2, LOCAL with addresses", version2("\x20\x11", IPV4), null],
    ["v2, Unix socket", version2("\x21\x31", "x".repeat(216)), null],
  ];
  for (const [name, text, client] of table) {
    for (const got of take(text, "GET / HTTP/1.1\r\n")) {
      assertEquals(got, { header: { client }, rest: "GET / HTTP/1.1\r\n" }, name);
    }
  }
});

Deno.test("takeProxyHeader() says none and takes nothing when the connection begins otherwise", () => {
  for (
    const text of ["GET / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\n", "PROXYX\r\n", "\r\nGET / HTTP/1.1\r\n", "\r\n\r\n\r\n"]
  ) {
    for (const got of take(text, "")) assertEquals(got, { header: "none", rest: text }, text);
  }
});

Deno.test("takeProxyHeader() waits for the rest", () => {
  for (const text of ["", "P", "PROXY TCP4 192.0.2.1", "\r\n\r\n", version2("\x21\x11", IPV4).slice(0, -1)]) {
    for (const got of take(text, "")) assertEquals(got, { header: null, rest: text }, text);
  }
});

Deno.test("takeProxyHeader() refuses what breaks the rules", () => {
  const table = [
    "PROXY TCP4 192.0.2.1 198.51.100.2 50000\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 50000 80\n",
    "PROXY TCP4  192.0.2.1 198.51.100.2 50000 80\r\n",
    "PROXY TCP4 ::1 ::1 50000 80\r\n",
    "PROXY TCP6 192.0.2.1 198.51.100.2 50000 80\r\n",
    "PROXY TCP4 192.0.2.256 198.51.100.2 50000 80\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 70000 80\r\n",
    "PROXY TCP5 192.0.2.1 198.51.100.2 50000 80\r\n",
    "PROXY \r\n",
    `PROXY ${"x".repeat(101)}`,
    `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    version2("\x11\x11", IPV4),
    version2("\x22\x11", IPV4),
    version2("\x21\x11", IPV4.slice(1)),
    version2("\x21\x21", IPV4),
    version2("\x21\x11", `${IPV4}\x20\0\x05\x01`),
    version2("\x21\x11", IPV4 + "x".repeat(4096)),
  ];
  for (const text of table) {
    assertEquals(assertThrows(() => take(text, ""), HttpError).status, 400, text);
  }
});
