import { assertEquals } from "@std/assert";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { formatHttpDate } from "./http_date.ts";
import { hasConditions, selectContent } from "./select_content.ts";

const MODIFIED_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const NOW_MS = MODIFIED_MS + 3_600_000;
const MODIFIED = formatHttpDate(MODIFIED_MS);
const BEFORE = formatHttpDate(MODIFIED_MS - 1000);
const AFTER = formatHttpDate(MODIFIED_MS + 1000);
const TAG = '"abc"';

interface Case {
  readonly name: string;
  readonly fields: readonly Field[];
  /** The status; a 206 with its ranges. */
  readonly want: string;
  readonly etag?: string;
  readonly method?: "HEAD";
  readonly nowMs?: number;
}

const RANGE: Field = ["Range", "bytes=0-9"];
const PART = "206 0-9";

const CASES: readonly Case[] = [
  { name: "no condition", fields: [], want: "200" },

  { name: "13.1.1 If-Match, same", fields: [["If-Match", TAG]], want: "200" },
  { name: "13.1.1 If-Match, other", fields: [["If-Match", '"x"']], want: "412" },
  { name: "13.1.1 If-Match, listed", fields: [["If-Match", '"x", "y,z" ,"abc"']], want: "200" },
  { name: "13.1.1 If-Match, two fields", fields: [["If-Match", '"x"'], ["If-Match", TAG]], want: "200" },
  { name: "13.1.1 If-Match, *", fields: [["If-Match", "*"]], want: "200" },
  { name: "13.1.1 If-Match, weak", fields: [["If-Match", `W/${TAG}`]], want: "412" },
  { name: "13.1.1 If-Match, ours is weak", fields: [["If-Match", `W/${TAG}`]], etag: `W/${TAG}`, want: "412" },
  { name: "13.1.1 If-Match, unquoted", fields: [["If-Match", "abc"]], want: "412" },
  { name: "13.1.1 If-Match, empty", fields: [["If-Match", ""]], want: "412" },
  { name: "13.1.1 If-Match, tag within a tag", fields: [["If-Match", '"x"abc"']], want: "412" },
  { name: "13.1.1 If-Match, more behind the tag", fields: [["If-Match", `${TAG}x`]], want: "412" },

  { name: "13.1.4 If-Unmodified-Since, same", fields: [["If-Unmodified-Since", MODIFIED]], want: "200" },
  { name: "13.1.4 If-Unmodified-Since, later", fields: [["If-Unmodified-Since", AFTER]], want: "200" },
  { name: "13.1.4 If-Unmodified-Since, earlier", fields: [["If-Unmodified-Since", BEFORE]], want: "412" },
  { name: "13.1.4 If-Unmodified-Since, no date", fields: [["If-Unmodified-Since", "yesterday"]], want: "200" },
  {
    name: "13.1.4 If-Unmodified-Since is ignored beside If-Match",
    fields: [["If-Match", TAG], ["If-Unmodified-Since", BEFORE]],
    want: "200",
  },

  { name: "13.1.2 If-None-Match, same", fields: [["If-None-Match", TAG]], want: "304" },
  { name: "13.1.2 If-None-Match, other", fields: [["If-None-Match", '"x"']], want: "200" },
  { name: "13.1.2 If-None-Match, listed", fields: [["If-None-Match", ',"x",, W/"y" ,\t"abc",']], want: "304" },
  { name: "13.1.2 If-None-Match, *", fields: [["If-None-Match", "*"]], want: "304" },
  { name: "13.1.2 If-None-Match, weak", fields: [["If-None-Match", `W/${TAG}`]], want: "304" },
  { name: "13.1.2 If-None-Match, ours is weak", fields: [["If-None-Match", TAG]], etag: `W/${TAG}`, want: "304" },
  { name: "13.1.2 If-None-Match, both weak", fields: [["If-None-Match", `W/${TAG}`]], etag: `W/${TAG}`, want: "304" },
  { name: "13.1.2 If-None-Match, lower-case w/", fields: [["If-None-Match", `w/${TAG}`]], want: "200" },
  { name: "13.1.2 If-None-Match, unquoted", fields: [["If-None-Match", "abc"]], want: "200" },
  { name: "13.1.2 If-None-Match, HEAD", fields: [["If-None-Match", TAG]], method: "HEAD", want: "304" },

  { name: "13.1.3 If-Modified-Since, same", fields: [["If-Modified-Since", MODIFIED]], want: "304" },
  {
    name: "13.1.3 If-Modified-Since, same in another form",
    fields: [["If-Modified-Since", "Fri Jan  2 03:04:05 2026"]],
    want: "304",
  },
  { name: "13.1.3 If-Modified-Since, later", fields: [["If-Modified-Since", AFTER]], want: "304" },
  { name: "13.1.3 If-Modified-Since, earlier", fields: [["If-Modified-Since", BEFORE]], want: "200" },
  { name: "13.1.3 If-Modified-Since, no date", fields: [["If-Modified-Since", "0"]], want: "200" },
  { name: "13.1.3 If-Modified-Since, HEAD", fields: [["If-Modified-Since", MODIFIED]], method: "HEAD", want: "304" },
  {
    name: "13.1.3 If-Modified-Since is ignored beside If-None-Match",
    fields: [["If-None-Match", '"x"'], ["If-Modified-Since", MODIFIED]],
    want: "200",
  },

  {
    name: "13.2.2 If-Match fails before If-None-Match",
    fields: [["If-None-Match", TAG], ["If-Match", '"x"']],
    want: "412",
  },
  {
    name: "13.2.2 If-Match holds, If-None-Match decides",
    fields: [["If-Match", TAG], ["If-None-Match", TAG]],
    want: "304",
  },
  {
    name: "13.2.2 If-Unmodified-Since fails before If-None-Match",
    fields: [["If-None-Match", TAG], ["If-Unmodified-Since", BEFORE]],
    want: "412",
  },
  { name: "13.2.2 304 before 206", fields: [["If-None-Match", TAG], RANGE], want: "304" },
  { name: "13.2.2 412 before 206", fields: [["If-Match", '"x"'], RANGE], want: "412" },
  { name: "13.2.2 If-Match and Range", fields: [["If-Match", TAG], RANGE], want: PART },
  { name: "13.2.2 304 before 416", fields: [["If-None-Match", TAG], ["Range", "bytes=100-"]], want: "304" },

  { name: "13.1.5 If-Range, same tag", fields: [["If-Range", TAG], RANGE], want: PART },
  { name: "13.1.5 If-Range, other tag", fields: [["If-Range", '"x"'], RANGE], want: "200" },
  { name: "13.1.5 If-Range, weak tag", fields: [["If-Range", `W/${TAG}`], RANGE], want: "200" },
  {
    name: "13.1.5 If-Range, ours is weak",
    fields: [["If-Range", `W/${TAG}`], RANGE],
    etag: `W/${TAG}`,
    want: "200",
  },
  { name: "13.1.5 If-Range, a list", fields: [["If-Range", `"x", ${TAG}`], RANGE], want: "200" },
  { name: "13.1.5 If-Range, same date", fields: [["If-Range", MODIFIED], RANGE], want: PART },
  { name: "13.1.5 If-Range, later date", fields: [["If-Range", AFTER], RANGE], want: "200" },
  { name: "13.1.5 If-Range, earlier date", fields: [["If-Range", BEFORE], RANGE], want: "200" },
  { name: "13.1.5 If-Range, neither", fields: [["If-Range", "abc"], RANGE], want: "200" },
  {
    name: "13.1.5 If-Range, date within its second (8.8.2.2)",
    fields: [["If-Range", MODIFIED], RANGE],
    nowMs: MODIFIED_MS + 999,
    want: "200",
  },
  { name: "13.1.5 If-Range saves from 416", fields: [["If-Range", '"x"'], ["Range", "bytes=100-"]], want: "200" },
  { name: "13.1.5 If-Range without Range", fields: [["If-Range", '"x"']], want: "200" },

  { name: "14.2 Range", fields: [RANGE], want: PART },
  { name: "14.2 Range, HEAD", fields: [RANGE], method: "HEAD", want: "200" },
  { name: "14.2 Range, not satisfiable, HEAD", fields: [["Range", "bytes=100-"]], method: "HEAD", want: "200" },
  { name: "14.2 Range, order kept", fields: [["Range", "bytes=-1,0-0"]], want: "206 99-99 0-0" },
  { name: "14.2 Range, invalid", fields: [["Range", "bytes=9-0"]], want: "200" },
  { name: "14.2 Range, two fields", fields: [RANGE, RANGE], want: "200" },
  { name: "14.2 Range, too many", fields: [["Range", "bytes=0-0,9-9,4-4,6-6,8-8"]], want: "206 0-0 8-9 4-4 6-6" },
  { name: "15.5.17 Range, not satisfiable", fields: [["Range", "bytes=100-"]], want: "416" },
];

for (const { name, fields, want, etag = TAG, method = "GET", nowMs = NOW_MS } of CASES) {
  Deno.test(`selectContent() returns ${want} when RFC 9110 ${name}`, () => {
    const validators = { etag, lastModifiedMs: MODIFIED_MS, lastModified: MODIFIED, length: 100 };
    const selection = selectContent(HeaderFields.of(...fields), validators, { method, maxRangeCount: 4, nowMs });
    const ranges = selection.status === 206 ? selection.ranges.map(({ first, last }) => ` ${first}-${last}`) : [];
    assertEquals(selection.status + ranges.join(""), want);
  });
}

const UNDATED: readonly (readonly [name: string, fields: readonly Field[], want: string])[] = [
  ["13.1.3 If-Modified-Since", [["If-Modified-Since", AFTER]], "200"],
  ["13.1.3 no If-Modified-Since", [], "200"],
  ["13.1.4 If-Unmodified-Since", [["If-Unmodified-Since", BEFORE]], "200"],
  ["13.1.5 If-Range, a date", [["If-Range", MODIFIED], RANGE], "200"],
  ["13.1.5 If-Range, the tag", [["If-Range", TAG], RANGE], PART],
  ["13.1.2 If-None-Match", [["If-None-Match", TAG], ["If-Modified-Since", BEFORE]], "304"],
];
for (const [name, fields, want] of UNDATED) {
  Deno.test(`selectContent() returns ${want} when there is no date to compare with, RFC 9110 ${name}`, () => {
    const validators = { etag: TAG, lastModifiedMs: null, lastModified: null, length: 100 };
    const selection = selectContent(HeaderFields.of(...fields), validators, {
      method: "GET",
      maxRangeCount: 4,
      nowMs: NOW_MS,
    });
    const ranges = selection.status === 206 ? selection.ranges.map(({ first, last }) => ` ${first}-${last}`) : [];
    assertEquals(selection.status + ranges.join(""), want);
  });
}

const DECIDING = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range"];
for (const name of DECIDING) {
  Deno.test(`hasConditions() is true when there is ${name}`, () => {
    assertEquals(hasConditions(HeaderFields.of(["Host", "a"], [name.toLowerCase(), ""])), true);
  });
}

Deno.test("hasConditions() is false when there are other fields alone", () => {
  const fields = HeaderFields.of(["Host", "a"], ["If-Range", TAG], ["Accept-Encoding", "br"], [
    "Accept-Ranges",
    "bytes",
  ]);
  assertEquals(hasConditions(fields), false);
});
