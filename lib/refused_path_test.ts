import { assertEquals } from "@std/assert";
import process from "node:process";
import { explainRefusal } from "./refused_path.ts";

const top = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lisod-test-" }));
globalThis.addEventListener("unload", () => Deno.removeSync(top, { recursive: true }));
Deno.chmodSync(top, 0o755);
for (const folder of ["root/a/b", "root/shut", "rootx"]) Deno.mkdirSync(`${top}/${folder}`, { recursive: true });
for (const file of ["root/a/b/file", "root/shut/file", "rootx/file"]) Deno.writeTextFileSync(`${top}/${file}`, "");
Deno.chmodSync(`${top}/root/shut`, 0);
Deno.chmodSync(`${top}/root/a/b/file`, 0);
const LINKS = {
  out: "../rootx",
  "a/up": "../../rootx/file",
  inner: "a/b",
  loop: "loop",
  dead: "nothing",
  to: "shut/x",
};
for (const [name, target] of Object.entries(LINKS)) Deno.symlinkSync(target, `${top}/root/${name}`);

const OUT = `which leads out of "${top}/root"`;
const TABLE: readonly (readonly [path: string, culprit: string, reason: string])[] = [
  ["/out", "/out", `is a link to "../rootx", ${OUT}`],
  ["/out/file", "/out", `is a link to "../rootx", ${OUT}`],
  ["//out//file/", "/out", `is a link to "../rootx", ${OUT}`],
  ["/a/up/", "/a/up", `is a link to "../../rootx/file", ${OUT}`],
  ["/loop/x", "/loop", 'is a link to "loop", which leads in a circle'],
  ["/dead", "/dead", 'is a link to "nothing", which leads nowhere'],
  ["/to", "/to", 'is a link to "shut/x", which the user of the server may not follow'],
  ["/shut/file", "/shut", "may not be entered by the user of the server"],
  ["/shut/made/up", "/shut", "may not be entered by the user of the server"],
  ["/inner/file", "/inner/file", "may not be read by the user of the server"],
  ["/gone/x", "", "has changed since the server started, and can no longer be read"],
  ["/", "", "may not be read by the user of the server"],
];

for (const [path, culprit, reason] of TABLE) {
  Deno.test({
    name: `explainRefusal() blames "${culprit || "the folder"}" for "${path}"`,
    // Only root can become somebody else for a moment and come back; anybody else is somebody else already.
    fn: () => {
      const isRoot = Deno.uid() === 0;
      if (isRoot) process.seteuid?.(65_534);
      try {
        assertEquals(explainRefusal(`${top}/root${path}`, `${top}/root`), { path: `${top}/root${culprit}`, reason });
      } finally {
        if (isRoot) process.seteuid?.(0);
      }
    },
  });
}

Deno.test("explainRefusal() knows that nothing leads out of all", () => {
  const reason = "may not be read by the user of the server";
  assertEquals(explainRefusal(`${top}/root/out`, "/"), { path: `${top}/root/out`, reason });
});
