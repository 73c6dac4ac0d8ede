import { assertEquals } from "@std/assert";
import { isCompressible } from "./compressible.ts";

Deno.test("isCompressible() takes texts and what is made of text, with parameters and in any case", () => {
  const types = [
    "text/html; charset=utf-8",
    "TEXT/CSS",
    "application/json",
    "image/svg+xml",
    "application/ld+json ;a=b",
  ];
  assertEquals(types.filter((type) => !isCompressible(type)), []);
});

Deno.test("isCompressible() leaves out what is compressed already, and what nobody knows", () => {
  const types = [
    "image/png",
    "video/mp4",
    "application/zip",
    "font/woff2",
    "application/octet-stream",
    "",
    "xtext/html",
  ];
  assertEquals(types.filter(isCompressible), []);
});
