/**
 * The lock of an instance: a file that holds the pid of the process that holds the lock on it (flock(2)). The system
 * gives the lock back whenever that process ends, so a file that was left behind by a kill -9 never blocks a start; the
 * text alone says nothing. I/O.
 */
import { type Given, osProblem, StartError } from "../start_error.ts";

const MAX_PID_BYTES = 32;
/** How long emptying the file may take. */
const RELEASE_MS = 200;

export class LockFile {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes the lock and writes this process's pid and a line feed. Throws StartError that names the holder's pid when
   * another process has it; the file is then as it was.
   */
  static take(lock: Given): LockFile {
    const refusal = (problem: string, remedy: string, cause?: unknown) =>
      new StartError({ ...lock, problem, remedy }, { cause });
    const file = openLock(lock);
    try {
      if (!file.statSync().isFile) throw refusal("not a regular file", "name a file of its own");
      if (!file.tryLockSync(true)) {
        const holder = readPid(file);
        throw refusal(`held by process ${holder}`, `stop that instance (kill ${holder}), or give another lock file`);
      }
      writePid(file);
      return new LockFile(file);
    } catch (error) {
      file.close();
      throw error instanceof StartError ? error : refusal(osProblem(error), "name a file on a disk with room", error);
    }
  }

  /**
   * Empties the file and gives the lock back. It is not removed: another instance may hold it open already. Where its file system
   * takes no changes, that is left to the end of the process: to nobody else may the file seem free and be emptied later.
   */
  async release(): Promise<void> {
    let timer: number | undefined;
    const late = new Promise((resolve) => timer = setTimeout(resolve, RELEASE_MS));
    await Promise.race([this.#file.truncate(), late]);
    clearTimeout(timer);
    this.#file.close();
  }
}

/** Opens without truncating: before the lock is held, the text belongs to the holder. */
function openLock(lock: Given): Deno.FsFile {
  try {
    return Deno.openSync(lock.value, { read: true, write: true, create: true, mode: 0o640 });
  } catch (cause) {
    const remedy = "name a file in a folder that may be written";
    throw new StartError({ ...lock, problem: osProblem(cause), remedy }, { cause });
  }
}

/** The first line and the only one, whatever a former instance has left. */
function writePid(file: Deno.FsFile): void {
  file.truncateSync();
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
}

function readPid(file: Deno.FsFile): string {
  const bytes = new Uint8Array(MAX_PID_BYTES);
  const count = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)).trim() || "(unknown)";
}
