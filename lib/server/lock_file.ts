/**
 * The lock of an instance: a file that holds the pid of the process that holds the lock on it (flock(2)). The system
 * gives the lock back whenever that process ends, so a file that was left behind by a kill -9 never blocks a start; the
 * text alone says nothing. I/O.
 */
import { argumentLabel, type Form } from "./options.ts";
import { osProblem, StartError } from "./start_error.ts";

const MAX_PID_BYTES = 32;

export class LockFile {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes the lock and writes this process's pid and a line feed. Throws StartError that names the holder's pid when
   * another process has it; the file is then as it was.
   */
  static take(path: string, form: Form): LockFile {
    const argument = argumentLabel("lock", form);
    const file = openLock(path, argument);
    if (!file.tryLockSync(true)) {
      const holder = readPid(file);
      file.close();
      throw new StartError({
        argument,
        value: path,
        problem: `held by process ${holder}`,
        remedy: `stop that instance (kill ${holder}), or give another lock file`,
      });
    }
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    return new LockFile(file);
  }

  /** Empties the file and gives the lock back. It is not removed: another instance may hold it open already. */
  release(): void {
    this.#file.truncateSync();
    this.#file.close();
  }
}

/** Opens without truncating: before the lock is held, the text belongs to the holder. */
function openLock(path: string, argument: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o640 });
  } catch (cause) {
    const remedy = "name a file in a folder that may be written";
    throw new StartError({ argument, value: path, problem: osProblem(cause), remedy }, { cause });
  }
}

function readPid(file: Deno.FsFile): string {
  const bytes = new Uint8Array(MAX_PID_BYTES);
  const count = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)).trim() || "(unknown)";
}
