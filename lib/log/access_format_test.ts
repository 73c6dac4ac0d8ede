import { assert, assertEquals, assertMatch } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { RequestNotes } from "../request_notes.ts";
import { isFault } from "./access_fields.ts";
import { jsonFormat, parseAccessFormat } from "./access_format.ts";
import type { AccessRecord } from "./access_record.ts";
import { LogLines } from "./log_lines.ts";
import { formatIsoTime, formatLogTime } from "./log_time.ts";

const NOON = new Date(2026, 6, 24, 12, 0, 0, 7);

const RECORD: AccessRecord = {
  ...{ remoteAddress: "192.0.2.7", remoteUser: "j\xc3\xbcrgen", method: "GET", target: "/a?b", version: "1.1" },
  ...{ status: 200, bodyBytes: 0, referer: null, userAgent: "curl/8 (x)" },
  details: {
    connection: { secure: true },
    fields: HeaderFields.of(["Accept", "a"], ["X-A", "one"], ["X-A", "two"]),
    host: "h.example",
    id: "id-1",
    notes: notes(),
  },
};

function notes(): RequestNotes {
  let nowMs = 1000;
  const made = new RequestNotes(() => nowMs);
  nowMs += 2.5;
  made.markAnswer();
  nowMs += 1000;
  made.end();
  made.scriptPid = 4711;
  made.location = { site: { hosts: ["s.example"] }, place: { prefix: { segments: ["caf\xe9", "\u20ac"] } } };
  return made;
}

/** As ISO 8859-1 text, without its line feed. */
function line(format: string | null, record: Partial<AccessRecord> = {}, { isJson = false, maxTextBytes = 8192 } = {}) {
  const access = format === null ? jsonFormat() : parseAccessFormat(format, { isJson });
  assert(!isFault(access), `${format}`);
  const lines = new LogLines({
    ...{ bufferBytes: 100, maxTextBytes, now: () => NOON.getTime() },
    format: { isJson, access },
  });
  lines.addAccess({ ...RECORD, ...record });
  const text = Array.from(lines.bytes, (byte) => String.fromCharCode(byte)).join("");
  assertEquals(text.indexOf("\n"), text.length - 1);
  return text.slice(0, -1);
}

const NOTHING: Partial<AccessRecord> = {
  ...{ remoteAddress: "", remoteUser: null, method: "", target: "", version: "", referer: "", userAgent: null },
  details: { connection: { secure: false } },
};

/** Fields that all say that. */
function always(value: string): HeaderFields {
  return { get: () => value } as unknown as HeaderFields;
}

/** Each field, with what it says in text and in JSON, of a request and of what could not be read as one. */
const FIELDS: readonly (readonly [name: string, text: string, json: unknown, noText: string, noJson: unknown])[] = [
  ["time", formatLogTime(NOON), formatIsoTime(NOON), formatLogTime(NOON), formatIsoTime(NOON)],
  ["time_iso", formatIsoTime(NOON), formatIsoTime(NOON), formatIsoTime(NOON), formatIsoTime(NOON)],
  ["client", "192.0.2.7", "192.0.2.7", "-", null],
  ["user", "j\\xc3\\xbcrgen", "j\xfcrgen", "-", null],
  ["request", "GET\\x20/a?b\\x20HTTP/1.1", "GET /a?b HTTP/1.1", "-", null],
  ["method", "GET", "GET", "-", null],
  ["target", "/a?b", "/a?b", "-", null],
  ["protocol", "HTTP/1.1", "HTTP/1.1", "-", null],
  ["tls", "on", true, "off", false],
  ["host", "h.example", "h.example", "-", null],
  ["status", "200", 200, "200", 200],
  ["bytes", "0", 0, "0", 0],
  ["duration", "1.002500", 1.0025, "-", null],
  ["first_byte", "0.002500", 0.0025, "-", null],
  ["site", "s.example", "s.example", "-", null],
  ["place", "/caf\\xe9/\\u20ac", "/caf\xe9/\u20ac", "-", null],
  ["script_pid", "4711", 4711, "-", null],
  ["referer", "-", null, "-", null],
  ["user_agent", "curl/8\\x20(x)", "curl/8 (x)", "-", null],
  ["request_id", "id-1", "id-1", "-", null],
  ["field:Accept", "a", "a", "-", null],
  ["field:x-a", "one,\\x20two", "one, two", "-", null],
  ["field:X-None", "-", null, "-", null],
];

for (const [name, text, json, noText, noJson] of FIELDS) {
  Deno.test(`{${name}} says what it means as text and as JSON, also of what could not be read`, () => {
    const said = (record: Partial<AccessRecord>) => [
      line(`<{${name}}`, record).slice(1),
      JSON.parse(line(`{${name}}`, record, { isJson: true }))[name],
    ];
    assertEquals(said({}), [text, json]);
    assertEquals(said(NOTHING), [noText, noJson]);
  });
}

Deno.test("parseAccessFormat() knows no other field than those, and JSON has all without a name of the operator's", () => {
  const names = Object.keys(JSON.parse(line(null)));
  const known = FIELDS.map(([name]) => name).filter((name) => !name.startsWith("field:"));
  assertEquals(names.toSorted(), known.filter((name) => name !== "time_iso" && name !== "request").toSorted());
  const fault = parseAccessFormat("{x}", { isJson: false });
  assert(isFault(fault));
  assertEquals(fault.remedy, `there are ${[...known, "field:NAME"].map((name) => `{${name}}`).join(" ")}`);
});

Deno.test("parseAccessFormat() takes what stands around the fields as it is", () => {
  const rows: readonly (readonly [format: string, want: string])[] = [
    ["{status}", "200"],
    ["a{status}b{status}", "a200b200"],
    ["{{{status}}", "{200}"],
    ["{{status} {status}", "{status} 200"],
    ["\t{status}|\xe9}", "\t200|\xc3\xa9}"],
    [
      '{client} - {user_agent} [{time}] "{request}"',
      `192.0.2.7 - curl/8\\x20(x) [${formatLogTime(NOON)}] "GET /a?b HTTP/1.1"`,
    ],
  ];
  for (const [format, want] of rows) assertEquals(line(format), want);
  const combined = '{client} - {user} [{time}] "{request}" {status} {bytes} "{referer}" "{user_agent}"';
  const record = { bodyBytes: 7, target: '/"\\\x1b \xff', userAgent: "\x7f", referer: "" };
  const lines = new LogLines({ bufferBytes: 100, maxTextBytes: 8192, now: () => NOON.getTime() });
  lines.addAccess({ ...RECORD, ...record });
  assertEquals(`${line(combined, record)}\n`, new TextDecoder().decode(lines.bytes));
});

const FAULTS: readonly (readonly [format: string, problem: string, isJson?: boolean])[] = [
  ["{stat}", "no field is called {stat}"],
  ["{status} {Status}", "no field is called {Status}"],
  ["{}", "no field is called {}"],
  ["{ status}", "no field is called { status}"],
  ["{toString}", "no field is called {toString}"],
  ["{__proto__}", "no field is called {__proto__}"],
  ["{field:}", 'no field of a request is called ""'],
  ["{field:a b}", 'no field of a request is called "a b"'],
  ["{field:AUTHORIZATION}", "{field:AUTHORIZATION} would put passwords into the log"],
  ["{field:Proxy-Authorization}", "{field:Proxy-Authorization} would put passwords into the log"],
  ["{status} {time", '"{time" has no }'],
  ["", "it names no field"],
  ["status", "it names no field"],
  ["{{status}", "it names no field"],
  ["{status}\n", "a control character stands in it"],
  ["\x1b{status}", "a control character stands in it"],
  ["{status}".repeat(33), "too many fields"],
  ["{time} {status}|", '"|" is no member of a JSON object', true],
  ["{{{time}}", '"{" is no member of a JSON object', true],
  ["{time}, {time}", "{time} stands there twice", true],
  ["{x}", "no field is called {x}", true],
];

for (const [format, problem, isJson = false] of FAULTS) {
  Deno.test(`parseAccessFormat() refuses ${JSON.stringify(format.slice(0, 40))}${isJson ? " as JSON" : ""}`, () => {
    const fault = parseAccessFormat(format, { isJson });
    assert(isFault(fault));
    assertEquals(fault.problem, problem);
  });
}

Deno.test("parseAccessFormat() says whether notes of a request are asked for", () => {
  const rows = [["{status} {client}", false], ["{status} {site}", true], ["{first_byte}", true]] as const;
  for (const [format, want] of rows) {
    const access = parseAccessFormat(format, { isJson: false });
    assertEquals(!isFault(access) && access.isNoted, want, format);
  }
  assertEquals(jsonFormat().isNoted, true);
});

/** What clients may choose, with each character that there is up to U+017F, and some that are longer. */
const HOSTILE = [
  ...Array.from({ length: 0x180 }, (_, code) => `<${String.fromCharCode(code)}>`),
  ...[
    "\u2028",
    "\ud800",
    "\xc3",
    "\xc3\xa9",
    "\xe2\x82\xac",
    "\xff\xfe",
    '","status":200,"x":"',
    "\\",
    '\\"',
    "{{",
    "a\\u0022",
  ],
];

Deno.test("a line of JSON is one object of ASCII with the members that were asked for, whatever clients send", () => {
  for (const text of HOSTILE) {
    const record = {
      ...{ remoteUser: text, method: text, target: text, referer: text, userAgent: text },
      details: { ...RECORD.details, connection: { secure: false }, host: text, fields: always(text) },
    };
    const said = line("{user} {method} {target} {referer} {user_agent} {host} {field:X-A} {request}", record, {
      isJson: true,
    });
    assertMatch(said, /^[\x20-\x7e]+$/);
    const { user, ...others } = JSON.parse(said);
    assertEquals(Object.keys(others).length, 7);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const isLatin1 = [...text].every((character) => character.charCodeAt(0) <= 0xff);
    if (isLatin1) assertEquals(user, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
    assert(user.isWellFormed());
  }
});

Deno.test("a line of text is printable ASCII, and no value holds what ends it, whatever clients send", () => {
  const rows: readonly (readonly [format: string, pattern: RegExp])[] = [
    ["{user} {target} {status}", /^(?:[^ "\\]|\\.)+ (?:[^ "\\]|\\.)+ 200$/],
    ['"{user}" "{target}" {status}', /^"(?:[^"\\]|\\.)+" "(?:[^"\\]|\\.)+" 200$/],
    ["{user}|{target}|{status}", /^(?:[^ |"\\]|\\[^|])+\|(?:[^ |"\\]|\\[^|])+\|200$/],
    ["[{user}] <{target}> {status}", /^\[(?:[^ \]"\\]|\\[^\]])+\] <(?:[^ >"\\]|\\[^>])+> 200$/],
    ["{user}\t{target}\t{status}", /^(?:[^ \t"\\]|\\[^\t])+\t(?:[^ \t"\\]|\\[^\t])+\t200$/],
    ['"{user} {target}" {status}', /^"(?:[^ "\\]|\\[^ ])+ (?:[^"\\]|\\.)+" 200$/],
  ];
  for (const text of HOSTILE) {
    for (const [format, pattern] of rows) {
      const said = line(format, { remoteUser: text, target: text });
      assertMatch(said, pattern, `${format} ${JSON.stringify(text)}`);
      assertMatch(said, /^[\t\x20-\x7e]+$/);
    }
  }
});

Deno.test("a value that is too long is cut, as text and as JSON, where a sequence of UTF-8 may be cut too", () => {
  const target = `/${"a".repeat(62)}\xe2\x82\xac`;
  assertEquals(line("{target}", { target }, { maxTextBytes: 64 }), `/${"a".repeat(62)}\\xe2...`);
  const json = line("{target}", { target }, { isJson: true, maxTextBytes: 64 });
  assertEquals(JSON.parse(json), { target: `/${"a".repeat(62)}\ufffd...` });
});

Deno.test("LogLines has room for the longest line of any format whenever it is not full", () => {
  const widest = "\x00".repeat(100);
  const record = { ...RECORD, target: widest };
  for (const isJson of [false, true]) {
    const names = Array.from({ length: 31 }, (_, at) => `{field:${"x".repeat(200)}${at}}`);
    const format = ["{target}", ...names].join(isJson ? "," : "x".repeat(500));
    const access = parseAccessFormat(format, { isJson });
    assert(!isFault(access));
    const all = {
      ...access,
      pieces: access.pieces.map((piece) => ({ ...piece, field: { ...piece.field, read: () => widest } })),
    };
    const lines = new LogLines({ bufferBytes: 100, maxTextBytes: 64, now: () => 0, format: { isJson, access: all } });
    lines.addMessage("info", { source: "s", text: "x".repeat(10) });
    const before = lines.bytes.length;
    assert(isJson || !lines.isFull);
    lines.addAccess(record);
    const text = new TextDecoder().decode(lines.bytes.subarray(before));
    assertEquals(text.match(isJson ? /\\u0000\.\.\./g : /\\x00\.\.\./g)?.length, 32);
    assert(text.endsWith("\n"));
  }
});
