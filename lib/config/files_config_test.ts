import { assertEquals, assertThrows } from "@std/assert";
import { readFilesConfig } from "./files_config.ts";
import { RULES } from "../rules.ts";
import { Settings } from "./settings.ts";
import { UsageError } from "../start_error.ts";

function read(name: "media-type" | "charset" | "index", ...texts: readonly string[]) {
  const given = texts.map((text) => ({ label: `--${name}`, text, folder: "/" }));
  return readFilesConfig(new Settings(new Map(texts.length === 0 ? [] : [[name, given]])), {
    rules: RULES.standard,
    extensions: [".php"],
  });
}

Deno.test("readFilesConfig() gives the media types in their order", () => {
  const types = [".tgz=application/gzip", "README=text/plain; charset=koi8-r", '.x=a/b;c="d e"'];
  assertEquals(read("media-type", ...types).mediaTypes, [
    [".tgz", "application/gzip"],
    ["README", "text/plain; charset=koi8-r"],
    [".x", 'a/b;c="d e"'],
  ]);
  assertEquals(read("media-type").mediaTypes, []);
});

for (
  const text of [
    ...["tgz", "=a/b", ".tgz=", ".tgz=gzip", ".tgz=application/", ".tgz=a/b/c", ".=a/b", "a.=a/b", "a/b=c/d"],
    ...[".x=a/b;", ".x=a/b; c", '.x=a/b; c="d', ".x=a/b\r\nX: y", ".x=a/b; c=\u00e9", ".x= a/b"],
  ]
) {
  Deno.test(`readFilesConfig() refuses the media type ${JSON.stringify(text)}`, () => {
    assertThrows(
      () => read("media-type", text),
      UsageError,
      "not an extension or name and a media type: give one such as",
    );
  });
}

Deno.test("readFilesConfig() gives the charset that is named, else that of the rules", () => {
  assertEquals([read("charset", "off").charset, read("charset", "auto").charset], ["off", "auto"]);
  assertEquals(read("charset", "iso-8859-1").charset, { name: "iso-8859-1" });
  assertEquals(read("charset").charset, "auto");
  assertEquals(readFilesConfig(new Settings(new Map()), { rules: RULES.course, extensions: [] }).charset, "off");
});

for (const text of ["a b", 'x"', "utf-8\r\nX: y", "utf-8; a=b", "\u00e9"]) {
  Deno.test(`readFilesConfig() refuses the charset ${JSON.stringify(text)}`, () => {
    assertThrows(() => read("charset", text), UsageError, "not a name: give one such as iso-8859-1, or auto or off");
  });
}

Deno.test("readFilesConfig() gives index.html and an index for each handler, or the names that are given, in their order", () => {
  assertEquals(read("index").indexNames, ["index.html", "index.php"]);
  assertEquals(read("index", "index.php, start.htm").indexNames, ["index.php", "start.htm"]);
  for (const text of ["a/b", ".index", "", "a,,b", "a\0"]) {
    assertThrows(() => read("index", text), UsageError, "--index");
  }
});
