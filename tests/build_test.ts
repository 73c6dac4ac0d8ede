/** scripts/build: what it makes depends on the sources alone. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { run } from "./harness.ts";
import { IS_LONG } from "./long.ts";
import { ARM64_TARGET, build, OWN_TARGET, type Target } from "./targets.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const SOURCES = ["main.ts", "lib", "deno.json", "deno.lock", "scripts/build", "scripts/setup.sh"];

interface Elsewhere {
  /** Of the folder that becomes the project's. */
  readonly name: string;
  /** How old all sources say that they are; null: as they are. */
  readonly time: Date | null;
}

/** Builds a copy of the sources and returns the hash of the binary. */
async function buildElsewhere(target: Target, { name, time }: Elsewhere): Promise<string> {
  const parent = await Deno.makeTempDir({ prefix: "lisod-build-test-" });
  const folder = join(parent, name);
  await Deno.mkdir(folder);
  try {
    await runHere("cp", "--recursive", "--parents", ...SOURCES, folder);
    // Deno, denort and esbuild need not be got again.
    await runHere("bash", "-c", 'mkdir "$0/.tools"; ln -s "$PWD"/.tools/{den,es}* "$0/.tools"', folder);
    if (time !== null) await runHere("find", folder, "-exec", "touch", `--date=${time.toISOString()}`, "{}", "+");
    return (await runHere("sha256sum", await build(folder, target))).slice(0, 64);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** Runs a program in the project's folder, which must end well, and returns what it printed. */
async function runHere(program: string, ...args: readonly string[]): Promise<string> {
  const { code, text, stderr } = await run(program, args, { cwd: PROJECT });
  assertEquals(code, 0, stderr);
  return text;
}

// Sources, copies and times are those of both; each takes two builds.
for (const target of IS_LONG ? [OWN_TARGET, ARM64_TARGET] : [OWN_TARGET]) {
  Deno.test(`scripts/build makes the same bytes for ${target.name} of the same sources, wherever and however old they are`, async () => {
    const here = await buildElsewhere(target, { name: "a", time: null });
    const there = await buildElsewhere(target, { name: "another folder", time: new Date(1e12) });
    assertEquals(there, here);
  });
}
