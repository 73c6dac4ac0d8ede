/**
 * Starts programs by Deno.Command: the runtime's way, for machines without glibc and for operators who want no call of a C
 * library. It does what spawner.ts does, but the thread that serves stands still while the runtime copies the process
 * (fork(2), for a program that is to lead a session), and programs inherit what this process was started with open. I/O.
 */
import { constants } from "node:os";
import type { Child, ChildCommand, Starter } from "./child.ts";
import { CommandChild } from "./command_child.ts";
import { byShell } from "./shell_command.ts";
import { ENOENT, ENOEXEC, ENOTDIR, SpawnError } from "./spawn_error.ts";

export class CommandStarter implements Starter {
  // deno-lint-ignore require-await -- what is thrown is to be rejected
  async start({ folder, hasInput, ...given }: ChildCommand): Promise<Child> {
    refuseOtherFormats(given.words[0]);
    const { words: [program, ...args], environment } = byShell(given);
    const command = new Deno.Command(program, {
      args,
      cwd: folder,
      clearEnv: true,
      env: environment,
      stdin: hasInput ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      detached: true, // setsid(2): a process group that can be ended whole
    });
    try {
      return new CommandChild(command.spawn(), { hasInput });
    } catch (error) {
      throw error instanceof TypeError ? error : new SpawnError(errnoOf(error), { cause: error });
    }
  }
}

/** What the kernel executes by itself: ELF, and what names its interpreter. */
const FORMATS = ["#!", "\x7fE"];

/**
 * Throws SpawnError for what is neither: execvp(3), which the runtime calls, has a shell run such a file, as if it were
 * a script. Other formats that the kernel was taught (binfmt_misc) are refused as well. What may not be read is tried.
 */
function refuseOtherFormats(program: string): void {
  const beginning = new Uint8Array(2);
  try {
    using file = Deno.openSync(program);
    if (((file.statSync().mode ?? 0) & 0o111) === 0) return;
    file.readSync(beginning);
  } catch {
    // The start tells what is wrong with it; an interpreter is none of the files that this server may read.
    return;
  }
  if (!FORMATS.includes(String.fromCharCode(...beginning))) throw new SpawnError(ENOEXEC);
}

/** The number of the system's error, by its name; the runtime has words of its own for a folder. */
function errnoOf(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  if (error.message.includes("cwd is not a directory")) return ENOTDIR;
  if (error.message.includes("No such cwd")) return ENOENT;
  const code = "code" in error ? String(error.code) : "";
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return numbers[code] ?? 0;
}
