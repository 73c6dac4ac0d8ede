import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "./message.ts";
import { encodePath, isSegment, parseAuthority, parseTarget } from "./target.ts";

const PATHS: readonly (readonly [target: string, path: string, query?: string])[] = [
  ["/", "/"],
  ["/a/b.html", "/a/b.html"],
  ["/a?b=c", "/a", "b=c"],
  ["/a?", "/a"],
  ["/?a?b", "/", "a?b"],
  ["/a?/../%2e%zz", "/a", "/../%2e%zz"],
  ["/a%20b", "/a b"],
  ["/%c3%a9", "/\u00e9"],
  ["/%41%5A", "/AZ"],
  ["/caf%E9/%c3%a9", "/caf\udce9/\u00e9"],
  ["/%80/../%ff", "/\udcff"],
  ["/%c0%ae%c0%ae/a", "/\udcc0\udcae\udcc0\udcae/a"],
  ["/%ed%a0%80%ed%b0%80", "/\udced\udca0\udc80\udced\udcb0\udc80"],
  ["/%252e%252e/a", "/%2e%2e/a"],
  ["/a%3fb", "/a?b"],
  ["/a%23b", "/a#b"],
  ["/.", "/"],
  ["/..", "/"],
  ["/./a", "/a"],
  ["/a/./b", "/a/b"],
  ["/a/.", "/a/"],
  ["/a/..", "/"],
  ["/a/b/..", "/a/"],
  ["/a//b/..", "/a//"],
  ["//.", "//"],
  ["//..", "/"],
  ["/a/../b", "/b"],
  ["/../../../a", "/a"],
  ["/a/../../b/./../c", "/c"],
  ["/%2e%2e/a", "/a"],
  ["/a/%2E%2E/%2e./b", "/b"],
  ["/...", "/..."],
  ["/..a/.b/c.", "/..a/.b/c."],
  ["/a//b", "/a//b"],
  ["//a", "//a"],
  ["/a/", "/a/"],
  ["/a/..?b/..", "/", "b/.."],
];

for (const [target, path, query = ""] of PATHS) {
  Deno.test(`parseTarget() reads ${target}`, () => {
    assertEquals(parseTarget("GET", target), { form: "origin", path, query, authority: null });
    const absolute = parseTarget("GET", `HTTP://h${target}`);
    assertEquals(absolute, { form: "absolute", path, query, authority: "h" });
  });
}

const SEGMENTS: readonly (readonly [name: string, want: boolean])[] = [
  ["a.txt", true],
  ["...", true],
  [".a", true],
  ["a b\n%2f%?#+&", true],
  ["caf\u00e9 \u{1f600}", true],
  ["", false],
  [".", false],
  ["..", false],
  ["a/b", false],
  ["a\\b", false],
  ["a\0b", false],
  ["caf\udce9", false],
];

for (const [name, want] of SEGMENTS) {
  Deno.test(`isSegment() is ${want} for ${JSON.stringify(name)}`, () => assertEquals(isSegment(name), want));
}

Deno.test("parseTarget() reads the other forms", () => {
  assertEquals(parseTarget("GET", "http://a.b:80"), { form: "absolute", path: "/", query: "", authority: "a.b:80" });
  assertEquals(parseTarget("GET", "https://a?b"), { form: "absolute", path: "/", query: "b", authority: "a" });
  assertEquals(parseTarget("OPTIONS", "*"), { form: "asterisk", path: "*", query: "", authority: null });
  assertEquals(parseTarget("CONNECT", "a:1"), { form: "authority", path: "", query: "", authority: "a:1" });
});

const REFUSED: readonly (readonly [method: string, target: string, status: number])[] = [
  ["GET", "*", 400],
  ["GET", "a", 400],
  ["GET", "?a", 400],
  ["GET", "a:80", 400],
  ["GET", "ftp://a/", 400],
  ["GET", "file:///etc/passwd", 400],
  ["GET", "http:/a", 400],
  ["GET", "http://", 400],
  ["GET", "http:///a", 400],
  ["GET", "http://:80/", 400],
  ["GET", "http://u@a/", 400],
  ["GET", "http://u:p@a/", 400],
  ["GET", "http://a:b/", 400],
  ["GET", "http://a:65536/", 400],
  ["GET", "http://[::1/", 400],
  ["GET", "http://[4712::abcd::]/", 400],
  ["GET", "http://a..b/", 400],
  ["GET", "http://%31.2.3.4/", 400],
  ["CONNECT", "a..b:80", 400],
  ["GET", "http://a\\b/", 400],
  ["GET", "/a#b", 400],
  ["GET", "/#", 400],
  ["GET", "http://a/#b", 400],
  ["GET", "http://a#b", 400],
  ["GET", "/a?b#c", 400],
  ["GET", "/%", 400],
  ["GET", "/%4", 400],
  ["GET", "/%zz", 400],
  ["GET", "/%u0041", 400],
  ["GET", "/a%00b", 400],
  ["GET", "/a%2fb", 404],
  ["GET", "/a%2Fb", 404],
  ["GET", "/a%5cb", 404],
  ["GET", "/a\\b", 404],
  ["CONNECT", "/", 400],
  ["CONNECT", "a", 400],
  ["CONNECT", "a:", 400],
  ["CONNECT", ":1", 400],
  ["CONNECT", "http://a:1/", 400],
  ["CONNECT", "*", 400],
];

for (const [method, target, status] of REFUSED) {
  Deno.test(`parseTarget() refuses ${method} ${target} with ${status}`, () => {
    assertEquals(assertThrows(() => parseTarget(method, target), HttpError).status, status);
  });
}

const LONGEST_LABEL = "a".repeat(63);
const LONGEST_NAME = `${`${LONGEST_LABEL}.`.repeat(3)}${"b".repeat(61)}`;

Deno.test("parseAuthority() gives host and port, or null for what can be no host", () => {
  const cases: readonly (readonly [text: string, want: ReturnType<typeof parseAuthority>])[] = [
    ["", { host: "", port: null }],
    ["a", { host: "a", port: null }],
    ["A.Example", { host: "a.example", port: null }],
    ["a:", { host: "a", port: null }],
    ["a:0", { host: "a", port: 0 }],
    ["a:65535", { host: "a", port: 65_535 }],
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["[::1]", { host: "[::1]", port: null }],
    ["[::FFFF:1.2.3.4]:80", { host: "[::ffff:1.2.3.4]", port: 80 }],
    ["[2001:DB8::]:80", { host: "[2001:db8::]", port: 80 }],
    ["a_b-c.-d-", { host: "a_b-c.-d-", port: null }],
    ["a.b.:80", { host: "a.b.", port: 80 }],
    ["1.2.3", { host: "1.2.3", port: null }],
    [LONGEST_LABEL, { host: LONGEST_LABEL, port: null }],
    [`${LONGEST_NAME}.`, { host: `${LONGEST_NAME}.`, port: null }],
    ["a..b", null],
    [".a", null],
    [".", null],
    ["a..", null],
    [`${LONGEST_LABEL}a`, null],
    [`${LONGEST_NAME}a`, null],
    ["[4712::abcd::]", null],
    ["[1:2:3:4:5:6:7:8:9]", null],
    ["[12345::]", null],
    ["[:]", null],
    ["[::1.2.3]", null],
    ["[1.2.3.4]", null],
    ["[fe80::1%25eth0]", null],
    ["[v1.a:b]", null],
    ["%41", null],
    ["%31.2.3.4", null],
    ["a~b", null],
    ["a*", null],
    ["a,b", null],
    ["a=b", null],
    ["a:65536", null],
    ["a:123456", null],
    ["a:-1", null],
    ["a:b", null],
    ["a:1:2", null],
    ["::1", null],
    ["[::1", null],
    ["[::1]a", null],
    ["[]", null],
    ["[a]b", null],
    ["[v1]", null],
    ["%4", null],
    ["u@a", null],
    ["a/b", null],
    ["a?b", null],
    ["a b", null],
    [" a", null],
    ["a\n", null],
    ["\xe4", null],
    ['"a"', null],
    ["a<b", null],
  ];
  for (const [text, want] of cases) assertEquals(parseAuthority(text), want, text);
});

Deno.test("parseTarget() keeps encoded slashes as part of a name where it is told so", () => {
  const table = [
    ["/a%2fb", "/a\udc2fb"],
    ["/..%2F..%2fb", "/..\udc2f..\udc2fb"],
    ["/a/%2e%2e/%2F/", "/\udc2f/"],
    ["/%252f", "/%2f"],
  ];
  for (const [target, path] of table) {
    assertEquals(parseTarget("GET", target, "keep").path, path);
    assertEquals(parseTarget("GET", `http://h${target}`, "keep").path, path);
  }
  for (const target of ["/a%5cb", "/a%2fb/..", "/a%2fb/c/../../d"]) {
    assertEquals(assertThrows(() => parseTarget("GET", target, "keep"), HttpError).status, 404);
  }
});

Deno.test("encodePath() gives a target that is read as the same path", () => {
  const table = [
    ["/a b/\u00fc\u{1f600}", "/a%20b/%C3%BC%F0%9F%98%80"],
    ['/%41?#\n"<>[]^`{|}', "/%2541%3F%23%0A%22%3C%3E%5B%5D%5E%60%7B%7C%7D"],
    ["/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"],
    ["/\udcff\udc80x\udc2f", "/%FF%80x%2F"],
  ];
  for (const [path, target] of table) {
    assertEquals(encodePath(path), target);
    assertEquals(parseTarget("GET", target, "keep").path, path);
  }
});
