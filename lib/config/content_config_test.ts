import { assertEquals, assertThrows } from "@std/assert";
import { readContentConfig } from "./content_config.ts";
import { Settings } from "./settings.ts";
import { UsageError } from "../start_error.ts";

function read(name: "media-type", ...texts: readonly string[]) {
  const given = texts.map((text) => ({ label: `--${name}`, text, folder: "/" }));
  return readContentConfig(new Settings(new Map([[name, given]])));
}

Deno.test("readContentConfig() gives the media types in their order", () => {
  const types = [".tgz=application/gzip", "README=text/plain; charset=koi8-r", '.x=a/b;c="d e"'];
  assertEquals(read("media-type", ...types).mediaTypes, [
    [".tgz", "application/gzip"],
    ["README", "text/plain; charset=koi8-r"],
    [".x", 'a/b;c="d e"'],
  ]);
  assertEquals(readContentConfig(new Settings(new Map())).mediaTypes, []);
});

for (
  const text of [
    ...["tgz", "=a/b", ".tgz=", ".tgz=gzip", ".tgz=application/", ".tgz=a/b/c", ".=a/b", "a.=a/b", "a/b=c/d"],
    ...[".x=a/b;", ".x=a/b; c", '.x=a/b; c="d', ".x=a/b\r\nX: y", ".x=a/b; c=\u00e9", ".x= a/b"],
  ]
) {
  Deno.test(`readContentConfig() refuses the media type ${JSON.stringify(text)}`, () => {
    assertThrows(
      () => read("media-type", text),
      UsageError,
      "not an extension or name and a media type: give one such as",
    );
  });
}
