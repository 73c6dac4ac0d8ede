/**
 * The lock of an instance: a file that holds the pid of the process that holds the lock on it (flock(2)). The system
 * gives the lock back whenever that process ends, so a file that was left behind by a kill -9 never blocks a start; the
 * text alone says nothing. I/O.
 */
import type { PortOffer } from "../net/listen_address.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";

const MAX_TEXT_BYTES = 4096;
/** How long emptying the file may take. */
const RELEASE_MS = 200;

/** The last line of one whose place was taken. */
const TAKEN = "taken\n";
/** That of one whose holder keeps its place. */
const REFUSED = "refused\n";
/** What a lock file that is to be taken over lies beside until then. */
const NEXT = ".next";

export class LockFile {
  readonly #file: Deno.FsFile;
  /** Where the file lies as long as it has not taken the place of another one. */
  #beside: string | null = null;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** The process that holds the lock; null where nobody does. Throws StartError for what can be no lock file. */
  static holderOf(lock: Given): number | null {
    const file = openLock(lock);
    try {
      if (file.tryLockSync(true)) return null;
      return Number.parseInt(readPid(file));
    } finally {
      file.close();
    }
  }

  /** The lock of a file beside that one, for `replace`. Throws StartError as `take` does. */
  static takeBeside(lock: Given): LockFile {
    const beside = `${lock.value}${NEXT}`;
    const taken = LockFile.take({ ...lock, value: beside });
    taken.#beside = beside;
    return taken;
  }

  /** Takes the place of the file that it was taken beside; whoever holds the lock of that one sees `isReplaced`. Throws StartError. */
  replace(lock: Given): void {
    if (this.#beside === null) return;
    const before = openLock(lock);
    try {
      Deno.renameSync(this.#beside, lock.value);
      this.#beside = null;
      before.seekSync(0, Deno.SeekMode.End);
      before.writeSync(new TextEncoder().encode(TAKEN));
    } catch (cause) {
      const remedy = "restart the server in place of --upgrade";
      throw new StartError({ ...lock, problem: osProblem(cause), remedy }, { cause });
    } finally {
      before.close();
    }
  }

  /** Whether another file has taken the place of this one. By its text: the runtime no longer lets a server look at the path. */
  get isReplaced(): boolean {
    this.#file.seekSync(0, Deno.SeekMode.Start);
    return readText(this.#file).endsWith(TAKEN);
  }

  /** Says, behind the pid, what a server is offered that takes the place of this one. */
  offer({ socketCount, userId, numbers }: PortOffer): void {
    writePid(this.#file, `${[socketCount, userId, ...numbers].join(" ")}\n`);
  }

  /** Says that nothing is offered. */
  refuse(): void {
    writePid(this.#file, REFUSED);
  }

  withdraw(): void {
    writePid(this.#file);
  }

  /** What its holder has offered; null where it has said nothing yet. Throws StartError for what cannot be read. */
  static readOffer(lock: Given): PortOffer | "refused" | null {
    const file = openLock(lock);
    try {
      const text = readText(file);
      if (text.endsWith(`\n${REFUSED}`)) return "refused";
      const [, offer] = /^\d+\n(\d+(?: \d+)+)\n$/.exec(text) ?? [];
      if (offer === undefined) return null;
      const [socketCount, userId, ...numbers] = offer.split(" ").map(Number);
      return { socketCount, userId, numbers };
    } finally {
      file.close();
    }
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
    // Nobody else has a file of that name open, but for a moment.
    if (this.#beside !== null) Deno.removeSync(this.#beside);
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

/** The first line, whatever a former instance has left, and what follows it. */
function writePid(file: Deno.FsFile, more = ""): void {
  file.truncateSync();
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n${more}`));
}

function readPid(file: Deno.FsFile): string {
  return readText(file).split("\n")[0].trim() || "(unknown)";
}

function readText(file: Deno.FsFile): string {
  const bytes = new Uint8Array(MAX_TEXT_BYTES);
  const count = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count));
}
