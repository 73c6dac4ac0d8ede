/**
 * What lib/static/static_files.ts tells one state of a file from another by, on a real folder: entity tags and dates where
 * times lie. Needs --allow-read and --allow-write for a temporary folder. RFC 9110 8.8 and 13.
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { ask, BIG_BYTES, decode, makeRequest, pattern, respond, withSite } from "./static_site.ts";

const [WHOLE_SECOND, BROKEN_SECOND] = [1_700_000_000, 1_700_000_000.25];

// The time that two states have, the bytes of each, and whether the second state is seen where the first was answered.
const STATES: readonly (readonly [name: string, seconds: number, length: number])[] = [
  ["a small file of 1970", 0, 1000],
  ["a small file of the first second", 1, 1000],
  ["a small file of the one date of an archive", WHOLE_SECOND, 1000],
  ["a small file whose time was put back", BROKEN_SECOND, 1000],
  ["a file of 500 KB of 1970", 0, 500_000],
  ["a file of 500 KB of the one date of an archive", WHOLE_SECOND, 500_000],
  ["a big file of 1970", 0, BIG_BYTES],
  ["a big file of the one date of an archive", WHOLE_SECOND, BIG_BYTES],
];
for (const [name, seconds, length] of STATES) {
  for (const how of ["renamed over", "written over"] as const) {
    Deno.test(`createStaticHandler() has another ETag when ${name} is ${how} by one of the same size and time`, () =>
      withSite(async (site) => {
        const path = `${site.root}/a.bin`;
        const put = (round: number) => {
          const to = how === "renamed over" ? `${site.outside}/new.bin` : path;
          Deno.writeFileSync(to, pattern(length, round));
          Deno.utimeSync(to, seconds, seconds);
          if (to !== path) Deno.renameSync(to, path);
        };
        put(1);
        const handler = site.handler();
        // The system's note of the change has whole seconds for the server: within them a file is young.
        if (how === "written over") site.nowMs = Date.now();
        const first = await ask(handler, "/a.bin");
        const etag = first.fields.get("etag") ?? "";
        assertEquals(etag.startsWith("W/"), false);
        assertEquals((await ask(handler, "/a.bin", [["If-None-Match", etag]])).status, 304);
        put(2);
        // A server that was started meanwhile knows nothing of the first state, and this one looks again.
        site.nowMs += 5000;
        for (const each of [handler, site.handler()]) {
          const again = await ask(each, "/a.bin", [["If-None-Match", etag]]);
          assertEquals([again.status, again.text === decode(pattern(length, 2))], [200, true]);
          assertNotEquals(again.fields.get("etag"), etag);
          const resumed = await ask(each, "/a.bin", [["If-Range", etag], ["Range", "bytes=10-"]]);
          assertEquals([resumed.status, resumed.text.length], [200, again.text.length]);
        }
        assertEquals(first.fields.get("last-modified") === null, seconds < 2);
      }));
  }
}

for (const length of [0, 1000, 500_000, BIG_BYTES]) {
  for (const seconds of [0, WHOLE_SECOND, BROKEN_SECOND]) {
    Deno.test(`createStaticHandler() has one ETag for copies of ${length} bytes and of the time ${seconds}`, () =>
      withSite(async (site) => {
        const tags: unknown[] = [];
        for (const machine of ["one", "two"]) {
          const root = `${site.root}/${machine}`;
          Deno.mkdirSync(root);
          for (const [name, round] of [["a.bin", 1], ["a.bin.gz", 2]] as const) {
            Deno.writeFileSync(`${root}/${name}`, pattern(length, round));
            Deno.utimeSync(`${root}/${name}`, seconds, seconds);
          }
          const handler = site.handler({ root });
          const fields = ["", "gzip"].map(async (codings) =>
            (await ask(handler, "/a.bin", [["Accept-Encoding", codings]])).fields.get("etag")
          );
          tags.push(await Promise.all(fields));
        }
        assertEquals(tags[0], tags[1]);
        const [plain, gzip] = tags[0] as readonly string[];
        assertNotEquals(plain, gzip, "RFC 9110 8.8.3.3");
      }));
  }
}

Deno.test("createStaticHandler() keeps a download resumable and its date still when a file is of the future", () =>
  withSite(async (site) => {
    const handler = site.handler();
    for (const length of [1000, BIG_BYTES]) {
      const path = `${site.root}/${length}.bin`;
      Deno.writeFileSync(path, pattern(length));
      Deno.utimeSync(path, site.nowMs / 1000 + 86_400, site.nowMs / 1000 + 86_400);
      const { fields } = await ask(handler, `/${length}.bin`);
      const [etag, modified] = [fields.get("etag") ?? "", fields.get("last-modified") ?? ""];
      site.nowMs += 60_000;
      for (const validator of [etag, modified]) {
        const { status, text } = await ask(handler, `/${length}.bin`, [["If-Range", validator], ["Range", "bytes=-3"]]);
        assertEquals([status, text], [206, decode(pattern(length).subarray(-3))], validator);
      }
      assertEquals((await ask(handler, `/${length}.bin`, [["If-Modified-Since", modified]])).status, 304);
      assert(Date.parse(modified) <= site.nowMs - 60_000, "RFC 9110 8.8.2.1");
    }
  }));

Deno.test("createStaticHandler() says that a file is of 1960 where that can be known, and else nothing", () =>
  withSite(async (site) => {
    const path = `${site.root}/old.txt`;
    Deno.writeTextFileSync(path, "old");
    // As the runtime gives it.
    Deno.utimeSync(path, new Date(Date.UTC(1980, 0, 2)), new Date(Date.UTC(1980, 0, 2)));
    const rows = [
      [() => true, "Fri, 01 Jan 1960 00:00:00 GMT", "1960-01-01 00:00"],
      [() => false, "Wed, 02 Jan 1980 00:00:00 GMT", "1980-01-02 00:00"],
      [undefined, null, "<td></td></tr>"],
    ] as const;
    for (const [isBefore1970, date, shown] of rows) {
      const handler = site.handler({ isBefore1970, listing: true });
      const { fields } = await ask(handler, "/old.txt");
      assertEquals(fields.get("last-modified"), date);
      assertStringIncludes((await ask(handler, "/")).text, shown);
    }
  }));

Deno.test("createStaticHandler() examines a file once for all who ask at once", () =>
  withSite(async (site) => {
    Deno.writeFileSync(`${site.root}/a.bin`, pattern(1000));
    const handler = site.handler();
    const answers = await Promise.all(Array.from({ length: 50 }, () => respond(handler, makeRequest("/a.bin"))));
    assertEquals(new Set(answers).size, 1);
  }));

Deno.test("createStaticHandler() answers one state under one ETag when a small file is written all the time", () =>
  withSite(async (site) => {
    const path = `${site.root}/a.bin`;
    const states = new Map<string, string>();
    const handler = site.handler({ limits: { fileCacheMs: 0 } });
    for (let round = 0; round < 200; round++) {
      Deno.writeFileSync(path, pattern(2000, round % 7));
      Deno.utimeSync(path, 0, 0);
      site.nowMs = Date.now();
      const pending = ask(handler, "/a.bin");
      if (round % 3 === 0) Deno.writeFileSync(path, pattern(2000, (round + 1) % 7));
      const { fields, text } = await pending;
      const etag = fields.get("etag") ?? "";
      if (etag.startsWith("W/")) continue;
      assert((states.get(etag) ?? text) === text, etag);
      states.set(etag, text);
    }
    assertEquals(states.size, 7);
  }));

Deno.test("createStaticHandler() looks again for a range that is beyond the end as it was known", () =>
  withSite(async (site) => {
    const handler = site.handler();
    for (const length of [1000, BIG_BYTES]) {
      const path = `${site.root}/growing`;
      Deno.writeFileSync(path, pattern(length));
      assertEquals((await ask(handler, "/growing")).status, 200);
      site.nowMs += 1;
      Deno.writeFileSync(path, pattern(length + 5));
      const { status, text } = await ask(handler, "/growing", [["Range", `bytes=${length}-`]]);
      assertEquals([status, text], [206, decode(pattern(length + 5).slice(-5))], `${length}`);
      site.nowMs += 60_000;
    }
  }));

Deno.test("createStaticHandler() knows of a file no more what it was once another state of it was sent", () =>
  withSite(async (site) => {
    const handler = site.handler();
    const path = `${site.root}/replaced`;
    Deno.writeFileSync(path, pattern(BIG_BYTES));
    const old = (await ask(handler, "/replaced")).fields.get("etag") ?? "";
    site.nowMs += 1;
    Deno.writeFileSync(`${path}.new`, pattern(2 * BIG_BYTES, 1));
    Deno.renameSync(`${path}.new`, path);
    assertEquals((await ask(handler, "/replaced")).length, 2 * BIG_BYTES);
    const head = await ask(handler, "/replaced", [], { method: "HEAD" });
    const again = await ask(handler, "/replaced", [["If-None-Match", old]]);
    assertEquals([head.length, again.status], [2 * BIG_BYTES, 200]);
  }));
