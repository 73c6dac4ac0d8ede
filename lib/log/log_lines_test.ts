import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AccessRecord } from "./access_record.ts";
import { type EscapedLines, LogLines } from "./log_lines.ts";
import { formatIsoTime, formatLogTime } from "./log_time.ts";

const NOON = new Date(2026, 6, 24, 12, 0, 0).getTime();
const TIME = `[${formatLogTime(new Date(NOON))}]`;

const RECORD: AccessRecord = {
  remoteAddress: "192.0.2.7",
  remoteUser: null,
  method: "GET",
  target: "/a.html?b=c",
  version: "1.1",
  status: 200,
  bodyBytes: 1024,
  referer: null,
  userAgent: null,
};

function makeLines(options: { maxTextBytes?: number; bufferBytes?: number; now?: () => number } = {}): LogLines {
  return new LogLines({ bufferBytes: 65_536, maxTextBytes: 8192, now: () => NOON, ...options });
}

/** What has been added, as Latin-1 text. */
function textOf(lines: LogLines): string {
  return Array.from(lines.bytes, (byte) => String.fromCharCode(byte)).join("");
}

function accessLine(changes: Partial<AccessRecord>, lines = makeLines()): string {
  lines.clear();
  lines.addAccess({ ...RECORD, ...changes });
  return textOf(lines);
}

Deno.test("LogLines.addAccess() writes Combined Log Format", () => {
  const cases: [Partial<AccessRecord>, string][] = [
    [{}, `192.0.2.7 - - ${TIME} "GET /a.html?b=c HTTP/1.1" 200 1024 "-" "-"\n`],
    [{ version: "1.0", status: 304, bodyBytes: 0 }, `192.0.2.7 - - ${TIME} "GET /a.html?b=c HTTP/1.0" 304 - "-" "-"\n`],
    [{ remoteAddress: "", remoteUser: "" }, `- - - ${TIME} "GET /a.html?b=c HTTP/1.1" 200 1024 "-" "-"\n`],
    [
      { remoteAddress: "2001:db8::1", remoteUser: "anna", referer: "http://a/", userAgent: "curl/8" },
      `2001:db8::1 - anna ${TIME} "GET /a.html?b=c HTTP/1.1" 200 1024 "http://a/" "curl/8"\n`,
    ],
    [{ referer: "", userAgent: "" }, `192.0.2.7 - - ${TIME} "GET /a.html?b=c HTTP/1.1" 200 1024 "-" "-"\n`],
    [{ method: "", target: "" }, `192.0.2.7 - - ${TIME} "-" 200 1024 "-" "-"\n`],
    [{ method: "", target: "GARBAGE\r" }, `192.0.2.7 - - ${TIME} "GARBAGE\\x0d" 200 1024 "-" "-"\n`],
  ];
  for (const [changes, want] of cases) assertEquals(accessLine(changes), want);
});

Deno.test("LogLines.addAccess() writes every whole number of bytes", () => {
  for (const bytes of [1, 9, 10, 11, 99, 100, 4_294_967_295, 4_294_967_296, 99_999_999_999, 9_007_199_254_740_991]) {
    assertEquals(accessLine({ bodyBytes: bytes }).split(" ")[9], `${bytes}`);
  }
});

Deno.test("LogLines.addAccess() escapes what a peer could forge a line or drive a terminal with", () => {
  const escapes: [string, string][] = [
    ['"', '\\"'],
    ["\\", "\\\\"],
    ["\n", "\\x0a"],
    ["\r", "\\x0d"],
    ["\t", "\\x09"],
    ["\0", "\\x00"],
    ["\x1b[31m", "\\x1b[31m"],
    ["\x7f", "\\x7f"],
    ["\x80\x9b\xff", "\\x80\\x9b\\xff"],
    ["\u0100\u2028\u{1f600}", "\\u0100\\u2028\\ud83d\\ude00"],
  ];
  for (const padding of ["", "x".repeat(40)]) {
    for (const [text, escaped] of escapes) {
      const line = accessLine({ target: `${padding}${text}`, referer: `${text}${padding}`, userAgent: padding + text });
      const want = `"GET ${padding}${escaped} HTTP/1.1" 200 1024 "${escaped}${padding}" "${padding}${escaped}"\n`;
      assertEquals(line, `192.0.2.7 - - ${TIME} ${want}`);
    }
  }
});

Deno.test("LogLines.addAccess() keeps a word without spaces", () => {
  assertEquals(accessLine({ remoteUser: 'a b"c\n' }).split(" [")[0], '192.0.2.7 - a\\x20b\\"c\\x0a');
});

Deno.test("LogLines.addAccess() makes one line of printable ASCII of any bytes in any place", () => {
  const lines = makeLines();
  for (let code = 0; code < 0x180; code++) {
    const text = `<${String.fromCharCode(code)}>`;
    const places = ["remoteAddress", "remoteUser", "method", "target", "version", "referer", "userAgent"] as const;
    for (const place of places) assertMatch(accessLine({ [place]: text }, lines), /^[\x20-\x7e]+\n$/, `${code}`);
  }
});

Deno.test("LogLines cuts a text that is too long, escapes counted after the cut", () => {
  const lines = makeLines({ maxTextBytes: 64 });
  const line = accessLine({ target: "/" + "a".repeat(99), userAgent: "\n".repeat(65), referer: "b".repeat(64) }, lines);
  const [, request, , referer, , agent] = line.split('"');
  assertEquals(request, `GET /${"a".repeat(63)}... HTTP/1.1`);
  assertEquals(referer, "b".repeat(64));
  assertEquals(agent, "\\x0a".repeat(64) + "...");
});

Deno.test("LogLines has room for the longest line whenever it is not full", () => {
  const lines = makeLines({ maxTextBytes: 64, bufferBytes: 100 });
  const widest = "\u2028".repeat(100);
  const record = {
    remoteAddress: widest,
    remoteUser: widest,
    method: widest,
    target: widest,
    version: widest,
    status: 599,
    bodyBytes: Number.MAX_SAFE_INTEGER,
    referer: widest,
    userAgent: widest,
  };
  lines.addMessage("info", { source: "s", text: "x".repeat(30) });
  assert(!lines.isFull && lines.bytes.length > 60);
  lines.addAccess(record);
  assert(lines.isFull);
  assertMatch(textOf(lines), /^.*\n.*\.\.\."\n$/);
});

Deno.test("LogLines.addMessage() writes time, level, source and text, and details indented", () => {
  const lines = makeLines();
  lines.addMessage("warn", { source: "main", text: 'Cannot open "é\\x"\nforged' });
  lines.addDetail("Error: a\tb\r\n");
  assertEquals(textOf(lines), `${TIME} WARN main: Cannot open "\\xe9\\\\x"\\x0aforged\n    Error: a\\x09b\\x0d\\x0a\n`);
});

Deno.test("LogLines.addMessage() names each level as @std/log does", () => {
  const lines = makeLines();
  for (const level of ["debug", "info", "warn", "error"] as const) lines.addMessage(level, { source: "s", text: "t" });
  assertEquals(textOf(lines), ["DEBUG", "INFO", "WARN", "ERROR"].map((level) => `${TIME} ${level} s: t\n`).join(""));
});

Deno.test("LogLines renders the time anew with each second", () => {
  let now = NOON;
  const lines = makeLines({ now: () => now });
  const times = [0, 999, 1000, 61_500, -1].map((ms) => {
    now = NOON + ms;
    return accessLine({}, lines).match(/:\d\d:(\d\d:\d\d) /)?.[1];
  });
  assertEquals(times, ["00:00", "00:00", "00:01", "01:01", "59:59"]);
});

Deno.test("LogLines.bytes alone is of the type that other threads may hand to the log", () => {
  // @ts-expect-error: nobody has escaped these bytes.
  const bytes: EscapedLines = new Uint8Array(0);
  const lines: EscapedLines = makeLines().bytes;
  assertEquals(lines, bytes);
});

Deno.test("LogLines.bytes holds the lines since clear()", () => {
  const lines = makeLines({ bufferBytes: 70 });
  assertEquals([lines.isEmpty, lines.isFull, lines.bytes.length], [true, false, 0]);
  lines.addAccess(RECORD);
  assertEquals([lines.isEmpty, lines.isFull, textOf(lines)], [false, true, accessLine({})]);
  lines.clear();
  assertEquals([lines.isEmpty, lines.isFull, lines.bytes.length], [true, false, 0]);
});

Deno.test("LogLines.addMessage() writes objects where lines are JSON, and a detail is another one of the same message", () => {
  const lines = new LogLines({
    ...{ bufferBytes: 65_536, maxTextBytes: 64, now: () => NOON },
    format: { isJson: true, access: null },
  });
  lines.addMessage("warn", { source: 'GET /"', text: 'Cannot open "\xe9\\x"\nforged\u2028\ud800' });
  lines.addDetail("Error: a\tb\r\n");
  lines.addMessage("error", { source: "main", text: "x".repeat(65) });
  const objects = textOf(lines).trimEnd().split("\n");
  for (const object of objects) assertMatch(object, /^[\x20-\x7e]+$/);
  const time = formatIsoTime(new Date(NOON));
  assertEquals(objects.map((object) => JSON.parse(object)), [
    { time, level: "warn", source: 'GET /"', message: 'Cannot open "\xe9\\x"\nforged\u2028\ufffd' },
    { time, level: "warn", source: 'GET /"', detail: "Error: a\tb\r\n" },
    { time, level: "error", source: "main", message: `${"x".repeat(64)}...` },
  ]);
});
