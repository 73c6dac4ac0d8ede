import { assertEquals, assertNotEquals } from "@std/assert";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { Compressor } from "./compressor.ts";
import type { ContentCoding } from "./select_encoding.ts";

const TEXT = new TextEncoder().encode("a text that is worth it, for it says the same again. ".repeat(1000));

const DECODERS: Readonly<Record<ContentCoding, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

Deno.test("Compressor compresses by each coding, several at once", async () => {
  const compressor = new Compressor(() => {});
  const codings = Object.keys(DECODERS) as ContentCoding[];
  const compressed = await Promise.all(codings.map((coding) => compressor.compress(TEXT, coding)));
  const decoded = compressed.map((bytes, at) => new Uint8Array(DECODERS[codings[at]](bytes ?? new Uint8Array())));
  compressor.close();
  assertEquals(decoded, codings.map(() => TEXT));
  assertEquals(compressed.map((bytes) => (bytes?.length ?? 0) < TEXT.length / 10), [true, true, true]);
});

Deno.test("Compressor leaves what is too much, and what waits when it is closed, and begins anew", async () => {
  const compressor = new Compressor(() => {});
  const asked = Array.from({ length: 65 }, () => compressor.compress(TEXT, "gzip"));
  assertEquals(await asked[64], null);
  compressor.close();
  assertEquals(await Promise.all(asked), asked.map(() => null));
  assertNotEquals(await compressor.compress(TEXT, "gzip"), null);
  compressor.close();
});

Deno.test("Compressor tells of a worker that fails, and goes on with another", async () => {
  const told: string[] = [];
  const compressor = new Compressor((problem) => told.push(problem));
  assertEquals(await compressor.compress(TEXT, "none" as ContentCoding), null);
  assertEquals(told.length, 1);
  assertNotEquals(await compressor.compress(TEXT, "gzip"), null);
  compressor.close();
});
