import { assertEquals } from "@std/assert";
import { type LinkRule, refuseLinks } from "./link_rule.ts";

/** Links in a folder, to it and out of it; what they lead to belongs to whoever runs this, or to root. */
function withTree(test: (root: string, outside: string) => void): void {
  const top = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lisod-test-" }));
  try {
    for (const folder of ["root", "root/folder", "outside", "sibling"]) Deno.mkdirSync(`${top}/${folder}`);
    for (const file of ["root/a", "root/folder/b", "outside/c", "outside/d"]) {
      Deno.writeTextFileSync(`${top}/${file}`, "");
    }
    Deno.symlinkSync("a", `${top}/root/in`);
    Deno.symlinkSync("../outside/c", `${top}/root/out`);
    Deno.symlinkSync("out", `${top}/root/out-again`);
    Deno.symlinkSync("../outside", `${top}/root/way`);
    Deno.symlinkSync("root", `${top}/link-to-root`);
    test(`${top}/root`, `${top}/outside`);
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
}

/** The reason without the names of the folders; null for none. */
function reasonOf(path: string, folder: string, rule: LinkRule, real = Deno.realPathSync(path)): string | null {
  return refuseLinks({ path, real, folder }, rule)?.reason.replace(/"[^"]*\//g, '"') ?? null;
}

const TABLE: readonly (readonly [path: string, inside: string | null])[] = [
  ["a", null],
  ["folder/b", null],
  ["in", null],
  ["out", 'is a link to "c", which leads out of "root"'],
  ["out-again", 'is a link to "out", which leads out of "root"'],
  ["way", 'is a link to "outside", which leads out of "root"'],
  ["way/", 'is a link to "outside", which leads out of "root"'],
  ["way/c", 'is a link to "outside", which leads out of "root"'],
];

for (const [path, inside] of TABLE) {
  Deno.test(`refuseLinks() judges ${path} by each rule`, () =>
    withTree((root) => {
      assertEquals(reasonOf(`${root}/${path}`, root, "inside"), inside);
      // What is made here is all of one owner, and the folder itself may be a link.
      for (const folder of [root, root.replace(/root$/, "link-to-root")]) {
        for (const rule of ["owner", "all"] as const) assertEquals(reasonOf(`${folder}/${path}`, folder, rule), null);
      }
    }));
}

Deno.test("refuseLinks() by owner refuses a link, also on the way, to what belongs to another user", () =>
  withTree((root) => {
    const isRoot = Deno.uid() === 0;
    // Root can give links away; anybody else has a whole system of another owner to link to.
    const target = isRoot ? root.replace(/root$/, "outside") : "/usr";
    Deno.symlinkSync(target, `${root}/foreign`);
    const below = isRoot ? "foreign/c" : "foreign/bin";
    if (isRoot) {
      assertEquals(new Deno.Command("chown", { args: ["-h", "12345", `${root}/foreign`] }).outputSync().code, 0);
    }
    for (const path of ["foreign", below]) {
      const reason = refuseLinks(
        { path: `${root}/${path}`, real: Deno.realPathSync(`${root}/${path}`), folder: root },
        "owner",
      );
      assertEquals(reason, {
        path: `${root}/foreign`,
        reason: `is a link to "${target}", which belongs to another user than the link`,
      });
      assertEquals(reasonOf(`${root}/${path}`, root, "all"), null);
    }
    // A link of one's own leads no further than those that it leads to.
    Deno.symlinkSync("foreign", `${root}/by-way-of`);
    assertEquals(
      refuseLinks({ path: `${root}/by-way-of`, real: Deno.realPathSync(target), folder: root }, "owner")?.path,
      isRoot ? `${root}/foreign` : `${root}/by-way-of`,
    );
  }));

Deno.test("refuseLinks() by owner refuses what has led elsewhere in the meantime", () =>
  withTree((root, outside) => {
    assertEquals(reasonOf(`${root}/way/c`, root, "owner", `${outside}/d`), "has led elsewhere while it was looked at");
    assertEquals(reasonOf(`${root}/a`, root, "owner", `${outside}/c`), "has led elsewhere while it was looked at");
    // A listing names what is in a folder by its real path.
    assertEquals(reasonOf(`${outside}/c`, root, "owner"), null);
  }));
