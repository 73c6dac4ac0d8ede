import { assert, assertEquals, assertRejects } from "@std/assert";
import { CountedPace } from "../../tests/counted_pace.ts";
import { type Body, HttpError } from "../http/message.ts";
import { ListingPages } from "./listing_pages.ts";

const ALONE = { isDue: () => false, pause: () => Promise.resolve() };
const PART_BYTES = 70_000;
/** What pages weigh beside their parts, at most. */
const BESIDE_BYTES = 10_000;

async function* partsOf(...fills: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const fill of fills) yield new Uint8Array(PART_BYTES).fill(fill);
}

/** The first byte of each part. */
async function readAll(body: Body): Promise<number[]> {
  const fills: number[] = [];
  for await (const part of body) fills.push(part[0]);
  await body.close();
  return fills;
}

Deno.test("ListingPages hands out one page in shared parts, to each reader at its own speed", async () => {
  const pages = new ListingPages(10 * PART_BYTES, ALONE);
  const page = await pages.make(partsOf(1, 2, 3), null);
  const [slow, quick, unread] = [pages.open(page), pages.open(page), pages.open(page)];
  assertEquals([slow.length, slow.bytes], [3 * PART_BYTES, undefined]);
  const parts = slow[Symbol.asyncIterator]();
  const first = await parts.next();
  assertEquals(await readAll(quick), [1, 2, 3]);
  assert((await pages.open(page)[Symbol.asyncIterator]().next()).value === first.value);
  assertEquals((await parts.next()).value?.[0], 2);
  await Promise.all([slow.close(), slow.close(), unread.close()]);
  assert(pages.bytes - 3 * PART_BYTES < BESIDE_BYTES);
});

Deno.test("ListingPages gives content that fits into one write as one", async () => {
  const pages = new ListingPages(10 * PART_BYTES, ALONE);
  const page = await pages.make(
    (async function* () {
      yield await Promise.resolve(new Uint8Array(1000));
    })(),
    null,
  );
  assertEquals(pages.open(page).bytes?.length, 1000);
});

Deno.test("ListingPages makes room: first what nobody reads, then what nobody has asked for, which is cut", async () => {
  const pages = new ListingPages(4 * PART_BYTES + BESIDE_BYTES, ALONE);
  const [read, stuck, idle] = [
    await pages.make(partsOf(1), null),
    await pages.make(partsOf(2, 3), null),
    await pages.make(partsOf(4), null),
  ];
  const gone: string[] = [];
  for (const [name, page] of Object.entries({ read, stuck, idle })) page.whenGivenUp = () => gone.push(name);
  const reader = pages.open(read);
  const client = pages.open(stuck);
  const parts = client[Symbol.asyncIterator]();
  assertEquals((await parts.next()).value?.[0], 2);
  const readerParts = reader[Symbol.asyncIterator]();
  assertEquals((await readerParts.next()).value?.[0], 1);
  await pages.make(partsOf(5), null);
  assertEquals(gone, ["idle"]);
  const held = pages.open(await pages.make(partsOf(6), null));
  // The page of 5 made room.
  assertEquals(gone, ["idle"]);
  await held[Symbol.asyncIterator]().next();
  await pages.make(partsOf(7), null);
  assertEquals(gone, ["idle", "stuck"]);
  assert(pages.bytes <= 4 * PART_BYTES + BESIDE_BYTES);
  const error = await assertRejects(() => parts.next(), HttpError);
  // The client's affair: nothing above DEBUG.
  assertEquals(error.status, 408);
  await client.close();
  assertEquals((await readerParts.next()).done, true);
  // Also for one that comes too late.
  await assertRejects(() => readAll(pages.open(stuck)), HttpError);
});

Deno.test("ListingPages keeps the same page when one comes out the same, and what is alike of one that does not", async () => {
  const pages = new ListingPages(10 * PART_BYTES, ALONE);
  const page = await pages.make(partsOf(1, 2, 3), null);
  const { bytes } = pages;
  assert(await pages.make(partsOf(1, 2, 3), page) === page);
  assertEquals(pages.bytes, bytes);
  for (const fills of [[1, 2, 4], [1, 2], [9, 2, 3], [1, 2, 3, 4]]) {
    const other = await pages.make(partsOf(...fills), page);
    assert(other !== page);
    assertEquals(await readAll(pages.open(other)), fills);
    assertEquals(other.length, fills.length * PART_BYTES);
    if (fills[0] === 1) assert(other.parts[0] === page.parts[0]);
    pages.retire(other);
    assertEquals(pages.bytes, bytes);
  }
});

Deno.test("ListingPages grows beside the page that it replaces no further than to the bound, which the new one takes", async () => {
  const pages = new ListingPages(4 * PART_BYTES + BESIDE_BYTES, ALONE);
  const old = await pages.make(partsOf(1, 2, 3), null);
  const client = pages.open(old);
  const parts = client[Symbol.asyncIterator]();
  await parts.next();
  // The same needs no room.
  assert(await pages.make(partsOf(1, 2, 3), old) === old);
  assertEquals((await parts.next()).value?.[0], 2);
  const page = await pages.make(partsOf(1, 2, 4), old);
  await assertRejects(() => parts.next(), HttpError);
  await client.close();
  assertEquals(await readAll(pages.open(page)), [1, 2, 4]);
  assert(pages.bytes <= 4 * PART_BYTES + BESIDE_BYTES);
});

Deno.test("ListingPages drops a page that is retired with its last reader", async () => {
  const pages = new ListingPages(10 * PART_BYTES, ALONE);
  const page = await pages.make(partsOf(1, 2), null);
  const [a, b] = [pages.open(page), pages.open(page)];
  pages.retire(page);
  await a.close();
  assert(pages.bytes > 0);
  assertEquals(await readAll(b), [1, 2]);
  assertEquals(pages.bytes, 0);
});

Deno.test("ListingPages weighs nothing when the parts fail", async () => {
  const pages = new ListingPages(10 * PART_BYTES, ALONE);
  const page = await pages.make(partsOf(1, 2), null);
  const { bytes } = pages;
  const failing = async function* () {
    yield* partsOf(1, 3);
    throw new Error("broken");
  };
  await assertRejects(() => pages.make(failing(), page), Error, "broken");
  await assertRejects(() => pages.make(failing(), null), Error, "broken");
  assertEquals(pages.bytes, bytes);
});

Deno.test("ListingPages lets others have a turn between parts when they have waited long enough", async () => {
  const pace = new CountedPace();
  const pages = new ListingPages(10 * PART_BYTES, pace);
  assertEquals(await readAll(pages.open(await pages.make(partsOf(1, 2, 3), null))), [1, 2, 3]);
  assertEquals(pace.pauseCount, 3);
});
