import { assertEquals } from "@std/assert";
import { AddressRange, formatAddress, networkOf, parseAddress } from "./ip_address.ts";

const LOOPBACK_6 = [...new Array(15).fill(0), 1];

Deno.test("parseAddress() gives the bytes of every spelling of an address", () => {
  const table: readonly [string, readonly number[]][] = [
    ["127.0.0.1", [127, 0, 0, 1]],
    ["0.0.0.0", [0, 0, 0, 0]],
    ["255.255.255.255", [255, 255, 255, 255]],
    ["::1", LOOPBACK_6],
    ["::", new Array(16).fill(0)],
    ["0:0:0:0:0:0:0:1", LOOPBACK_6],
    ["2001:DB8::aB", [0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), 0xab]],
    ["1:2:3:4:5:6:7::", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ["64:ff9b::192.0.2.33", [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 33]],
    ["::ffff:192.0.2.1", [192, 0, 2, 1]],
    ["::FFFF:c000:201", [192, 0, 2, 1]],
  ];
  for (const [text, want] of table) assertEquals(parseAddress(text), want, text);
});

Deno.test("parseAddress() gives null when the text is not exactly one address", () => {
  const table = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3.4",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.0x4",
    "1.2.3.-4",
    " 1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.4:80",
    "localhost",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "[::1]",
    "fe80::1%eth0",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
  ];
  for (const text of table) assertEquals(parseAddress(text), null, text);
});

Deno.test("contains() compares the bits of the range within one family", () => {
  const table: readonly [string, string, boolean][] = [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["192.0.2.128/25", "192.0.2.128", true],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.0", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "::1", true],
    ["::/0", "127.0.0.1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["::1", "0:0::1", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
  ];
  for (const [range, address, want] of table) {
    const got = AddressRange.parse(range)?.contains(parseAddress(address) ?? []);
    assertEquals(got, want, `${range} ${address}`);
  }
});

Deno.test("AddressRange.parse() gives null when it is no range, or a bit beyond it is set", () => {
  const table = ["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.1/8"];
  for (const text of [...table, "::/129", "::1/127", "::ffff:10.0.0.0/95", "all"]) {
    assertEquals(AddressRange.parse(text), null, text);
  }
});

Deno.test("networkOf() is the address for IPv4 and the /64 for IPv6", () => {
  assertEquals(networkOf("192.0.2.1"), "192.0.2.1");
  assertEquals(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(networkOf("2001:db8:0:1::1"), networkOf("2001:db8::1:ffff:0:0:2"));
  assertEquals(networkOf("2001:db8:0:1::1") === networkOf("2001:db8:0:2::1"), false);
  assertEquals(networkOf(""), "");
});

Deno.test("formatAddress() writes the one spelling of RFC 5952", () => {
  const table: readonly [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["::", "::"],
    ["2001:0DB8::0001", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"],
    ["10:0:0:4:5:6:7:100", "10::4:5:6:7:100"],
    ["1:10:0:0:5:6:7:8", "1:10::5:6:7:8"],
  ];
  for (const [text, want] of table) assertEquals(formatAddress(parseAddress(text) ?? []), want, text);
});
