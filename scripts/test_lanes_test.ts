import { assertEquals } from "@std/assert";
import { listSources } from "./check_layers.ts";
import { ALONE, LONGEST, shareOut, SHARING } from "./test_lanes.ts";

const FILES = listSources("tests").filter((path) => path.endsWith("_test.ts"));

Deno.test("shareOut() gives each file to one batch, those that run alone after all others", () => {
  const batches = shareOut(FILES);
  assertEquals(batches.flatMap(({ files }) => files).toSorted(), FILES.toSorted());
  const firstAlone = batches.findIndex(({ isAlone }) => isAlone);
  const alone = batches.slice(firstAlone);
  assertEquals(alone.flatMap(({ files }) => files).toSorted(), Object.keys(ALONE).toSorted());
  assertEquals(alone.every(({ isAlone }) => isAlone), true);
});

Deno.test("shareOut() begins with the longest, and keeps together what uses the same thing", () => {
  const [[first, second]] = SHARING.map(({ files }) => files);
  const longest = LONGEST.filter((file) => file !== first && file !== second);
  const names = (files: readonly string[]) => shareOut(files).map((batch) => batch.files);
  assertEquals(
    names(["tests/new_test.ts", ...longest.toReversed()]),
    [...longest, "tests/new_test.ts"].map((one) => [one]),
  );
  assertEquals(names([second, "tests/new_test.ts", first]).toSorted(), [[first, second], ["tests/new_test.ts"]]);
  assertEquals(shareOut(["tests/new_test.ts"]), [{ files: ["tests/new_test.ts"], isAlone: false }]);
  assertEquals(shareOut([]), []);
});

Deno.test("what is said of test files is said of files that are there, once", () => {
  const shared = SHARING.flatMap(({ files }) => files);
  for (const files of [Object.keys(ALONE), LONGEST, shared]) {
    assertEquals(files.filter((file) => !FILES.includes(file)), []);
    assertEquals(new Set(files).size, files.length);
  }
  // A batch begins early where its first file does.
  const within = SHARING.flatMap(({ files }) => files.toSorted().slice(1));
  assertEquals([...LONGEST, ...within].filter((file) => file in ALONE), []);
  assertEquals(LONGEST.filter((file) => within.includes(file)), []);
});
