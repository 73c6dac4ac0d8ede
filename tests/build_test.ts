/** scripts/build: what it makes depends on the sources alone. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { run } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const SOURCES = ["main.ts", "lib", "deno.json", "deno.lock", "scripts/build", "scripts/setup.sh"];

/** Builds a copy of the sources, all as old as `time` says where it does, and returns the hash of the binary. */
async function buildElsewhere(name: string, time: Date | null): Promise<string> {
  const parent = await Deno.makeTempDir({ prefix: "lisod-build-test-" });
  const folder = join(parent, name);
  await Deno.mkdir(folder);
  try {
    await runHere("cp", "--recursive", "--parents", ...SOURCES, folder);
    // Deno, denort and esbuild need not be got again.
    await runHere("bash", "-c", 'mkdir "$0/.tools"; ln -s "$PWD"/.tools/{den,es}* "$0/.tools"', folder);
    if (time !== null) await runHere("find", folder, "-exec", "touch", `--date=${time.toISOString()}`, "{}", "+");
    const { code, stderr } = await run("scripts/build", [], { cwd: folder });
    assertEquals(code, 0, stderr);
    return (await runHere("sha256sum", join(folder, "lisod"))).slice(0, 64);
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

Deno.test("scripts/build makes the same bytes of the same sources, wherever and however old they are", async () => {
  const here = await buildElsewhere("a", null);
  const there = await buildElsewhere("another folder", new Date(1e12));
  assertEquals(there, here);
});
