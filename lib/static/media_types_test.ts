import { assertEquals } from "@std/assert";
import otherTypes from "mime/other.js";
import standardTypes from "mime/standard.js";
import { createMediaTypes, mediaType } from "./media_types.ts";

const REGISTERS = [standardTypes, otherTypes];
const TYPES = createMediaTypes(REGISTERS);

const CASES: readonly (readonly [fileName: string, type: string])[] = [
  ["index.html", "text/html"],
  ["style.css", "text/css"],
  ["a.png", "image/png"],
  ["a.jpg", "image/jpeg"],
  ["a.jpeg", "image/jpeg"],
  ["a.gif", "image/gif"],
  ["a.JPG", "image/jpeg"],
  ["a.b.HtMl", "text/html"],
  ["a.js", "text/javascript"],
  ["a.mjs", "text/javascript"],
  ["a.json", "application/json"],
  ["a.js.map", "application/json"],
  ["a.wasm", "application/wasm"],
  ["a.svg", "image/svg+xml"],
  ["a.xml", "application/xml"],
  ["a.webmanifest", "application/manifest+json"],
  ["a.md", "text/markdown"],
  ["a.txt", "text/plain"],
  ["a.c", "text/plain"],
  ["a.py", "text/plain"],
  ["a.rs", "text/plain"],
  ["a.sh", "text/plain"],
  ["a.tsx", "text/plain"],
  ["a.ts", "video/mp2t"],
  ["a.ico", "image/x-icon"],
  ["a.woff2", "font/woff2"],
  ["a.webp", "image/webp"],
  ["a.avif", "image/avif"],
  ["a.mp4", "video/mp4"],
  ["a.mp3", "audio/mpeg"],
  ["a.pdf", "application/pdf"],
  ["a.zip", "application/zip"],
  ["a.tar.gz", "application/gzip"],
  ["a.zst", "application/zstd"],
  ["a.unheard-of", "application/octet-stream"],
  ["a.tgz", "application/gzip"],
  ["a.ndjson", "application/x-ndjson"],
  ["a.jsonl", "application/jsonl"],
  ["a.TXZ", "application/x-xz"],
  ["a.deb", "application/vnd.debian.binary-package"],
  ["a.sha256", "text/plain"],
  ["README", "text/plain"],
  ["/a.d/Makefile", "text/plain"],
  ["/.well-known/apple-app-site-association", "application/json"],
  ["README.", "application/octet-stream"],
  [".readme", "application/octet-stream"],
  ["a.readme", "application/octet-stream"],
  ["a.jsp", "application/octet-stream"],
  ["a.", "application/octet-stream"],
  ["", "application/octet-stream"],
  [".html", "application/octet-stream"],
  ["/a/.html", "application/octet-stream"],
  ["/a.html/b", "application/octet-stream"],
  ["/a.d/b.html", "text/html"],
  ["a.constructor", "application/octet-stream"],
  ["a.__proto__", "application/octet-stream"],
];

for (const [fileName, type] of CASES) {
  Deno.test(`mediaType() returns ${type} when the name is "${fileName}"`, () => {
    assertEquals(mediaType(fileName, TYPES), type);
  });
}

Deno.test("createMediaTypes() lets the first register win and skips second choices when an extension repeats", () => {
  const types = createMediaTypes([{ "a/one": ["*x", "y"] }, { "a/two": ["x", "y"] }]);
  assertEquals([mediaType("f.x", types), mediaType("f.y", types)], ["a/two", "a/one"]);
  assertEquals(mediaType("f.*x", types), "application/octet-stream");
});

Deno.test("createMediaTypes() knows more than a thousand extensions when it has both registers", () => {
  assertEquals(TYPES.size > 1000, true);
});

const OWN: readonly (readonly [fileName: string, type: string])[] = [
  ["a.foo", "text/x-foo"],
  ["A.FOO", "text/x-foo"],
  ["a.md", "text/plain"],
  ["a.tar.gz", "application/x-tar-gz"],
  ["b.gz", "application/gzip"],
  ["a.tar.gz.gz", "application/gzip"],
  ["Readme", "text/x-readme"],
  ["README.md", "text/plain"],
  ["special.md", "text/html; charset=koi8-r"],
  ["a.txt", "text/plain;charset=us-ascii"],
  ["a.css", "text/css"],
];
for (const [fileName, want] of OWN) {
  Deno.test(`mediaType() returns the operator's ${want} when the name is "${fileName}"`, () => {
    const own = [
      [".foo", "text/plain"],
      [".Foo", "text/x-foo"],
      [".md", "text/plain"],
      [".tar.gz", "application/x-tar-gz"],
      ["README", "text/x-readme"],
      ["special.md", "text/html; charset=koi8-r"],
      [".txt", "text/plain;charset=us-ascii"],
    ] as const;
    assertEquals(mediaType(fileName, createMediaTypes(REGISTERS, own)), want);
  });
}
