/** What scripts/build can be asked for, and what runs a binary for arm64 on a machine that is none. */
import { join } from "@std/path";
import { run } from "./harness.ts";

/** What a binary is built for. */
export interface Target {
  readonly name: string;
  /** Arguments of scripts/build. */
  readonly args: readonly string[];
  /** What is then called so in the project's folder. */
  readonly binary: string;
  readonly env: Readonly<Record<string, string>>;
}

/** This machine. */
export const OWN_TARGET: Target = { name: "this machine", args: [], binary: "lisod", env: {} };

export const ARM64_TARGET: Target = {
  name: "arm64",
  args: ["--target", "aarch64"],
  binary: Deno.build.arch === "aarch64" ? "lisod" : "lisod-aarch64",
  // That of whoever runs the tests is for this machine.
  env: { DENORT_BIN: "" },
};

/** Runs scripts/build in a copy of the project and returns the path of the binary. Throws when it fails. */
export async function build(folder: string, { args, binary, env }: Target): Promise<string> {
  const { code, stderr } = await run("scripts/build", args, { cwd: folder, env });
  if (code !== 0) throw new Error(`scripts/build ${args.join(" ")} failed: ${stderr}`);
  return join(folder, binary);
}

/** Where Debian puts the libraries of arm64 on other machines. */
const LIBRARIES = "/usr/aarch64-linux-gnu/lib";

/**
 * A program, with its arguments, that runs one for arm64; `folder`, which must be empty, becomes what such a machine has as
 * libraries. qemu-user translates instructions alone: system calls, and with them the programs that are executed, are those
 * of this machine.
 */
export async function emulatorIn(folder: string): Promise<readonly string[]> {
  const lib = join(folder, "lib");
  await Deno.mkdir(lib);
  await Deno.symlink(join(LIBRARIES, "ld-linux-aarch64.so.1"), join(lib, "ld-linux-aarch64.so.1"));
  // Where Debian for arm64 has libc, and lisod looks for it.
  await Deno.symlink(LIBRARIES, join(lib, "aarch64-linux-gnu"));
  // A processor without pointer authentication, which would take more than half of the time of a start.
  return ["qemu-aarch64-static", "-cpu", "cortex-a72", "-L", folder];
}
