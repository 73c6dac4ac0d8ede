import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../start_error.ts";
import { NO_SETTINGS } from "../site/place_settings.ts";
import { readPlaceConfig, readRewrites } from "./place_config.ts";
import { Settings } from "./settings.ts";
import { DEFAULT_LIMITS } from "../limits.ts";

function settingsOf(name: string, texts: readonly string[]): Settings {
  const given = texts.map((text) => ({ label: `--${name}`, text, folder: "/" }));
  return new Settings(new Map(given.length === 0 ? [] : [[name, given]]));
}

Deno.test("readPlaceConfig() gives a fallback with the prefix that it was said for, and none by default", () => {
  const prefix = { segments: ["wiki"] };
  assertEquals(readPlaceConfig(settingsOf("fallback", ["/doku.php?id={path}"]), prefix).fallback?.prefix, prefix);
  assertEquals(readPlaceConfig(settingsOf("fallback", []), prefix), {
    ...NO_SETTINGS,
    maxBodyBytes: DEFAULT_LIMITS.maxBodyBytes,
  });
  assertThrows(
    () => readPlaceConfig(settingsOf("fallback", ["index.php"]), prefix),
    UsageError,
    '--fallback "index.php": not a path of the site: give one such as /index.php',
  );
});

Deno.test("readRewrites(, null) gives at most ten in their order", () => {
  const texts = Array.from({ length: 10 }, (_, index) => `/${index}=/x`);
  assertEquals(
    readRewrites(settingsOf("rewrite", texts), null).map(({ pattern }) => pattern.pathname).join(" "),
    [
      "/0 /1 /2 /3 /4 /5 /6 /7 /8 /9",
    ].join(),
  );
  assertThrows(() => readRewrites(settingsOf("rewrite", [...texts, "/y=/x"]), null), UsageError, "give at most 10");
  assertThrows(() => readRewrites(settingsOf("rewrite", ["/:a=/{b}"]), null), UsageError, "not a pattern and a path");
});

Deno.test("readPlaceConfig() passes encoded slashes where it is told so", () => {
  const passes = (text: string) =>
    readPlaceConfig(settingsOf("encoded-slash", [text]), { segments: [] }).passesEncodedSlash;
  assertEquals([passes("pass"), passes("refuse")], [true, false]);
  assertThrows(() => passes("decode"), UsageError, '--encoded-slash "decode": unknown: give refuse or pass');
});

Deno.test("readPlaceConfig() reads methods, HEAD with GET, and takes what is around where nothing is said", () => {
  const methods = (...texts: readonly string[]) =>
    readPlaceConfig(settingsOf("methods", texts), { segments: [] }).methods;
  assertEquals(methods("GET, POST,GET"), ["GET", "HEAD", "POST"]);
  assertEquals(methods("PROPFIND"), ["PROPFIND"]);
  assertEquals([methods("all"), methods()], [null, null]);
  for (const text of ["get", "GET POST", "GET,", ",", "G(T"]) {
    assertThrows(() => methods(text), UsageError, `--methods "${text}": not methods: give some such as GET,POST`);
  }
});
