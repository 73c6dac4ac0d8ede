import { assertEquals, assertNotEquals } from "@std/assert";
import { Counters, MOST_PLACES, NO_PLACE } from "./counters.ts";
import { countOf } from "./histogram.ts";

/** `SITE PLACE CLASS COUNT BYTES`, a line for each that there was any of. */
function told(counters: Counters): readonly string[] {
  return counters.places.flatMap(({ site, place, answers }) =>
    answers.map((answer) => `${site} ${place} ${answer.class} ${countOf(answer)} ${answer.bytes}`)
  );
}

Deno.test("count() and countTimed() keep places and classes of status apart", () => {
  const counters = new Counters();
  const [icons, all] = ["/icons/", "/"].map((place) => counters.placeIndex({ site: "*", place }));
  counters.count(icons, 200, 10);
  counters.count(icons, 206, 5);
  counters.count(icons, 404, 1);
  counters.countTimed(all, { status: 599, bytes: 7, ms: 40 });
  counters.count(NO_PLACE, 400, 3);
  counters.count(all, 101, 0);
  assertEquals(told(counters), [
    "none none 4xx 1 3",
    "* /icons/ 2xx 2 15",
    "* /icons/ 4xx 1 1",
    "* / 1xx 1 0",
    "* / 5xx 1 7",
  ]);
  const [slow] = counters.places[2].answers.slice(-1);
  assertEquals([slow.sumMs, slow.buckets.indexOf(1)], [40, 4]);
  assertEquals(counters.requestCount, 6);
});

Deno.test("content that is told as it leaves is not counted again with its answer", () => {
  const counters = new Counters();
  counters.count(NO_PLACE, 200, 10);
  counters.send(20);
  counters.countTimed(NO_PLACE, { status: 200, bytes: 20, ms: 0 });
  assertEquals(counters.sentBytes, 30);
});

Deno.test("placeIndex() is the same for the same names, and one for all beyond the most", () => {
  const counters = new Counters();
  const indexes = Array.from({ length: MOST_PLACES }, (_, at) => counters.placeIndex({ site: "a", place: `/${at}/` }));
  assertEquals(new Set(indexes).size, MOST_PLACES);
  assertEquals(counters.placeIndex({ site: "a", place: "/7/" }), indexes[7]);
  const beyond = ["/x/", "/y/"].map((place) => counters.placeIndex({ site: "a", place }));
  assertEquals(beyond[0], beyond[1]);
  assertNotEquals(beyond[0], NO_PLACE);
  for (const index of [...indexes.slice(-1), ...beyond]) counters.count(index, 200, 1);
  assertEquals(told(counters), ["others others 2xx 2 2", `a /${MOST_PLACES - 1}/ 2xx 1 1`]);
  assertEquals(counters.otherPlaceCount, 2);
  // As after SIGHUP.
  counters.placeIndex({ site: "a", place: "/x/" });
  assertEquals(counters.otherPlaceCount, 2);
});
