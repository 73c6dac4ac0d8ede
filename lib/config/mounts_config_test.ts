import { assertEquals, assertThrows } from "@std/assert";
import { cutPath } from "../http/located.ts";
import { UsageError } from "../start_error.ts";
import { readMounts } from "./mounts_config.ts";
import { Settings } from "./settings.ts";

function read(given: Readonly<Record<string, readonly string[]>>, taken: readonly string[] = []) {
  const settings = Object.entries(given).map(([name, texts]) => {
    return [name, texts.map((text) => ({ label: `--${name}`, text, folder: "/home" }))] as const;
  });
  const { aliases, scriptAliases, redirects } = readMounts(
    new Settings(new Map(settings)),
    taken.map((prefix) => ({ segments: cutPath(prefix) })),
  );
  const mounts = [aliases, scriptAliases].map((mounts) =>
    mounts.map(({ prefix, path }) => `${path.argument} /${prefix.segments.join("/")} ${path.value}`)
  );
  const moved = redirects.map(({ prefix, redirect }) =>
    `/${prefix.segments.join("/")} ${redirect.status} ${redirect.base}`
  );
  return [...mounts, moved];
}

Deno.test("readMounts() gives folders and programs with their prefixes", () => {
  assertEquals(read({}), [[], [], []]);
  assertEquals(
    read({ alias: ["/icons/=/usr/share/icons", "/a/b=docs=x"], "script-alias": ["/cgi-bin=/usr/lib/cgi-bin"] }, ["/"]),
    [
      ["--alias /icons /usr/share/icons", "--alias /a/b /home/docs=x"],
      ["--script-alias /cgi-bin /usr/lib/cgi-bin"],
      [],
    ],
  );
  assertEquals(read({ redirect: ["/a/=/b", "/c=308 https://d/c"] })[2], ["/a 301 /b", "/c 308 https://d/c"]);
});

const REFUSED: readonly (readonly [name: string, texts: readonly string[], taken?: readonly string[]])[] = [
  ...["icons=/x", "/icons", "/icons=", "/a//b=/x", "/a%20b=/x", "/..=/x", "/a?=/x"].map((text) => {
    return ["alias", [text]] as const;
  }),
  ["alias", ["/=/x"], ["/"]],
  ["alias", ["/a=/x", "/a/=/y"]],
  ["script-alias", ["/cgi/=/x"], ["/cgi"]],
  ...["/a", "/a=", "/a=b", "a=/b", "/a%20=/b", "/a=304 /b", "/a=/a", "/a=/a/b", "/a=//b"].map((text) => {
    return ["redirect", [text]] as const;
  }),
  ["redirect", ["/=/x"], ["/"]],
  ["redirect", ["/a=/x", "/a/=/y"]],
];

for (const [name, texts, taken] of REFUSED) {
  Deno.test(`readMounts() refuses --${name} ${texts.join(" and ")}${taken ? ` beside ${taken}` : ""}`, () => {
    assertThrows(() => read({ [name]: texts }, taken), UsageError, `--${name} "${texts.at(-1)}"`);
  });
}
