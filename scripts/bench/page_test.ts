import { assertEquals, assertThrows } from "@std/assert";
import { checkPageLoad, IMAGE_COUNT, imageBytes, imageName, type PageLoad, pageText } from "./page.ts";

const FILES = [pageText().length, ...Array.from({ length: IMAGE_COUNT }, (_, number) => imageBytes(number).length)];
const LOAD: PageLoad = { loadMs: 12.5, files: FILES.map((bytes) => ({ protocol: "h2", bytes })) };

Deno.test("pageText() names each image once", () => {
  const names = [...pageText().matchAll(/src="([^"]*)"/g)].map(([, name]) => name);
  assertEquals(names, Array.from({ length: IMAGE_COUNT }, (_, number) => imageName(number)));
});

Deno.test("imageBytes() are bitmaps of 1 to 4 KiB whose head tells their length, and no two are equal", () => {
  for (let number = 0; number < IMAGE_COUNT; number += 1) {
    const bytes = imageBytes(number);
    assertEquals(bytes.length >= 1024 && bytes.length <= 4096, true);
    const view = new DataView(bytes.buffer);
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 2)), "BM");
    assertEquals(view.getUint32(2, true), bytes.length);
    assertEquals(view.getUint32(10, true) + view.getInt32(18, true) * view.getInt32(22, true) * 3, bytes.length);
  }
  assertEquals(new Set(FILES.slice(1)).size, IMAGE_COUNT);
});

Deno.test("checkPageLoad() takes a whole page in any order", () => {
  checkPageLoad(LOAD, "h2");
  checkPageLoad({ ...LOAD, files: LOAD.files.toReversed() }, "h2");
});

const WRONG: readonly { readonly name: string; readonly load: PageLoad; readonly want: string }[] = [
  { name: "an image is missing", load: { ...LOAD, files: LOAD.files.slice(1) }, want: `with ${IMAGE_COUNT} files` },
  {
    name: "an image is short",
    load: { ...LOAD, files: [...LOAD.files.slice(1), { protocol: "h2", bytes: 1 }] },
    want: "of 1,",
  },
  {
    name: "one came by another protocol",
    load: { ...LOAD, files: LOAD.files.map((file, index) => index === 7 ? { ...file, protocol: "http/1.1" } : file) },
    want: '"http/1.1" instead of "h2"',
  },
  { name: "it had no load event", load: { ...LOAD, loadMs: 0 }, want: "no load event" },
];

for (const { name, load, want } of WRONG) {
  Deno.test(`checkPageLoad() throws when ${name}`, () => {
    assertThrows(() => checkPageLoad(load, "h2"), Error, want);
  });
}
