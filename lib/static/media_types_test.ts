import { assertEquals } from "@std/assert";
import otherTypes from "mime/other.js";
import standardTypes from "mime/standard.js";
import { createMediaTypes, mediaType } from "./media_types.ts";
import { RULES } from "../rules.ts";

const REGISTERS = [standardTypes, otherTypes];
const BARE = createMediaTypes(REGISTERS, RULES.course);
const WITH_CHARSET = createMediaTypes(REGISTERS, RULES.standard);

const CASES: readonly (readonly [fileName: string, course: string, standard: string])[] = [
  ["index.html", "text/html", "text/html; charset=utf-8"],
  ["style.css", "text/css", "text/css; charset=utf-8"],
  ["a.png", "image/png", "image/png"],
  ["a.jpg", "image/jpeg", "image/jpeg"],
  ["a.jpeg", "image/jpeg", "image/jpeg"],
  ["a.gif", "image/gif", "image/gif"],
  ["a.JPG", "image/jpeg", "image/jpeg"],
  ["a.b.HtMl", "text/html", "text/html; charset=utf-8"],
  ["a.js", "text/javascript", "text/javascript; charset=utf-8"],
  ["a.mjs", "text/javascript", "text/javascript; charset=utf-8"],
  ["a.json", "application/json", "application/json"],
  ["a.js.map", "application/json", "application/json"],
  ["a.wasm", "application/wasm", "application/wasm"],
  ["a.svg", "image/svg+xml", "image/svg+xml"],
  ["a.xml", "application/xml", "application/xml"],
  ["a.webmanifest", "application/manifest+json", "application/manifest+json"],
  ["a.md", "text/markdown", "text/markdown; charset=utf-8"],
  ["a.txt", "text/plain", "text/plain; charset=utf-8"],
  ["a.c", "text/plain", "text/plain; charset=utf-8"],
  ["a.py", "text/plain", "text/plain; charset=utf-8"],
  ["a.rs", "text/plain", "text/plain; charset=utf-8"],
  ["a.sh", "text/plain", "text/plain; charset=utf-8"],
  ["a.tsx", "text/plain", "text/plain; charset=utf-8"],
  ["a.ts", "video/mp2t", "video/mp2t"],
  ["a.ico", "image/x-icon", "image/x-icon"],
  ["a.woff2", "font/woff2", "font/woff2"],
  ["a.webp", "image/webp", "image/webp"],
  ["a.avif", "image/avif", "image/avif"],
  ["a.mp4", "video/mp4", "video/mp4"],
  ["a.mp3", "audio/mpeg", "audio/mpeg"],
  ["a.pdf", "application/pdf", "application/pdf"],
  ["a.zip", "application/zip", "application/zip"],
  ["a.tar.gz", "application/gzip", "application/gzip"],
  ["a.zst", "application/zstd", "application/zstd"],
  ["a.unheard-of", "application/octet-stream", "application/octet-stream"],
  ["a.tgz", "application/gzip", "application/gzip"],
  ["a.ndjson", "application/x-ndjson", "application/x-ndjson"],
  ["a.jsonl", "application/jsonl", "application/jsonl"],
  ["a.TXZ", "application/x-xz", "application/x-xz"],
  ["a.deb", "application/vnd.debian.binary-package", "application/vnd.debian.binary-package"],
  ["a.sha256", "text/plain", "text/plain; charset=utf-8"],
  ["README", "text/plain", "text/plain; charset=utf-8"],
  ["/a.d/Makefile", "text/plain", "text/plain; charset=utf-8"],
  ["/.well-known/apple-app-site-association", "application/json", "application/json"],
  ["README.", "application/octet-stream", "application/octet-stream"],
  [".readme", "application/octet-stream", "application/octet-stream"],
  ["a.readme", "application/octet-stream", "application/octet-stream"],
  ["a.jsp", "application/octet-stream", "application/octet-stream"],
  ["a.", "application/octet-stream", "application/octet-stream"],
  ["", "application/octet-stream", "application/octet-stream"],
  [".html", "application/octet-stream", "application/octet-stream"],
  ["/a/.html", "application/octet-stream", "application/octet-stream"],
  ["/a.html/b", "application/octet-stream", "application/octet-stream"],
  ["/a.d/b.html", "text/html", "text/html; charset=utf-8"],
  ["a.constructor", "application/octet-stream", "application/octet-stream"],
  ["a.__proto__", "application/octet-stream", "application/octet-stream"],
];

for (const [fileName, course, standard] of CASES) {
  Deno.test(`mediaType() returns ${course} when the name is "${fileName}"`, () => {
    assertEquals(mediaType(fileName, BARE), course);
    assertEquals(mediaType(fileName, WITH_CHARSET), standard);
  });
}

Deno.test("createMediaTypes() lets the first register win and skips second choices when an extension repeats", () => {
  const types = createMediaTypes([{ "a/one": ["*x", "y"] }, { "a/two": ["x", "y"] }], { textTypeSuffix: "" });
  assertEquals([mediaType("f.x", types), mediaType("f.y", types)], ["a/two", "a/one"]);
  assertEquals(mediaType("f.*x", types), "application/octet-stream");
});

Deno.test("createMediaTypes() knows more than a thousand extensions when it has both registers", () => {
  assertEquals(BARE.size > 1000, true);
});

const OWN: readonly (readonly [fileName: string, type: string])[] = [
  ["a.foo", "text/x-foo; charset=utf-8"],
  ["A.FOO", "text/x-foo; charset=utf-8"],
  ["a.md", "text/plain; charset=utf-8"],
  ["a.tar.gz", "application/x-tar-gz"],
  ["b.gz", "application/gzip"],
  ["a.tar.gz.gz", "application/gzip"],
  ["Readme", "text/x-readme; charset=utf-8"],
  ["README.md", "text/plain; charset=utf-8"],
  ["special.md", "text/html; charset=koi8-r"],
  ["a.txt", "text/plain;charset=us-ascii"],
  ["a.css", "text/css; charset=utf-8"],
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
    assertEquals(mediaType(fileName, createMediaTypes(REGISTERS, { ...RULES.standard, own })), want);
  });
}
