import { assertEquals } from "@std/assert";
import { encodeAddress, SocketAddress } from "./socket_address.ts";

/** As the system would write it. */
function addressOf(...bytes: readonly number[]): SocketAddress {
  const address = new SocketAddress();
  address.bytes.fill(0x78);
  const room = address.room();
  address.bytes.set(bytes);
  room[0] = bytes.length;
  return address;
}

function bytesOf(text: string): readonly number[] {
  return [...new TextEncoder().encode(text)];
}

Deno.test("SocketAddress says what the system has written, and nothing of what stood there before", () => {
  const table: readonly (readonly [bytes: readonly number[], want: readonly [string, number, string | null]])[] = [
    [[2, 0, 0x1f, 0x90, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0], ["192.0.2.1", 8080, null]],
    [[10, 0, 0, 80, 0, 0, 0, 0, ...Array(15).fill(0), 1, 0, 0, 0, 0], ["::1", 80, null]],
    [[1, 0, ...bytesOf("/run/a.sock\0")], ["", 0, "/run/a.sock"]],
    [[1, 0, ...bytesOf("/run/a.sock")], ["", 0, "/run/a.sock"]],
    // Of a client that has bound none, and an abstract name.
    [[1, 0], ["", 0, ""]],
    [[1, 0, 0, ...bytesOf("name")], ["", 0, ""]],
  ];
  for (const [bytes, want] of table) {
    const { hostname, port, path } = addressOf(...bytes);
    assertEquals([hostname, port, path], want);
  }
});

Deno.test("SocketAddress.hostname is that of the address that is there, whichever was there before", () => {
  const address = addressOf();
  const ipv4 = (last: number) => [2, 0, 0, 80, 192, 0, 2, last];
  const ipv6 = (...ip: readonly number[]) => [10, 0, 0, 80, 0, 0, 0, 0, ...ip];
  const mapped = (last: number) => ipv6(...Array(10).fill(0), 255, 255, 192, 0, 2, last);
  const rows: readonly (readonly [bytes: readonly number[], want: string])[] = [
    [ipv4(1), "192.0.2.1"],
    [ipv4(1), "192.0.2.1"],
    [ipv4(2), "192.0.2.2"],
    [mapped(3), "192.0.2.3"],
    [mapped(3), "192.0.2.3"],
    [mapped(2), "192.0.2.2"],
    [ipv6(...Array(15).fill(0), 1), "::1"],
    [ipv6(...Array(15).fill(0), 1), "::1"],
    [ipv6(0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1), "2001:db8::1"],
    [[1, 0, ...bytesOf("/run/a.sock\0")], ""],
    [mapped(2), "192.0.2.2"],
    [[2, 0, 0, 80, 0, 0, 0, 0], "0.0.0.0"],
  ];
  for (const [bytes, want] of rows) {
    address.bytes.set(bytes);
    assertEquals(address.hostname, want);
  }
});

Deno.test("encodeAddress() says an address as the system reads it, and null for a name", () => {
  const tcp = (hostname: string) => encodeAddress({ transport: "tcp", hostname, port: 8080 });
  const rows: readonly (readonly [bytes: Uint8Array | null, hostname: string, port: number])[] = [
    [tcp("192.0.2.7"), "192.0.2.7", 8080],
    [tcp("localhost"), "127.0.0.1", 8080],
    [tcp("2001:db8::1"), "2001:db8::1", 8080],
  ];
  for (const [bytes, hostname, port] of rows) {
    const address = new SocketAddress();
    address.bytes.set(bytes ?? []);
    assertEquals([address.hostname, address.port], [hostname, port]);
  }
  assertEquals([tcp("192.0.2.7")?.length, tcp("::1")?.length, tcp("app.example.org")], [16, 28, null]);
  const path = encodeAddress({ transport: "unix", path: "/run/ü" });
  assertEquals([...path ?? []], [1, 0, 0x2f, 0x72, 0x75, 0x6e, 0x2f, 0xc3, 0xbc, 0]);
});
