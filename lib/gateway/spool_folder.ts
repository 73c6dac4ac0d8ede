/**
 * The folder of temporary files for what does not fit into memory, of requests and of answers. Its file system may hang (frozen,
 * remote): whoever uses it then fails after a time, and the threads that wait for it are but some of those that the runtime has
 * for the files of all. I/O, timers.
 */

import { openNameless } from "./nameless_file.ts";

/** Calls that wait for the disk at once; the runtime has 32 threads for all that do. */
const MAX_UNDER_WAY = 8;

export class SpoolFolder {
  readonly path: string;
  readonly #limitMs: number;
  #underWay = 0;
  /** Of those, the ones that nobody waits for any more. */
  #givenUp = 0;
  readonly #waiting = new Set<() => void>();

  /** `limitMs`: how long one call may take. */
  constructor(path: string, limitMs: number) {
    this.path = path;
    this.#limitMs = limitMs;
  }

  /**
   * A new file without a name: nobody else can open it, and the system frees it whatever becomes of this process. Rejects as the
   * system does, and with TimedOut when that takes too long.
   */
  async open(): Promise<SpoolFile> {
    const file = await this.use(() => openNameless(this.path), (late) => late.close());
    return new SpoolFile(this, file);
  }

  /** Does the work in its turn. Rejects with TimedOut when that takes too long; what comes of it later is handed to `undo`. */
  use<Result>(work: () => Promise<Result>, undo: (late: Result) => void = () => {}): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    let [hasBegun, isGivenUp] = [false, false];
    const begin = () => {
      hasBegun = true;
      work().then((result) => isGivenUp ? undo(result) : resolve(result), reject).finally(() => {
        clearTimeout(timer);
        if (isGivenUp) this.#givenUp--;
        this.#endTurn();
      });
    };
    const giveUp = () => {
      isGivenUp = true;
      if (hasBegun) this.#givenUp++;
      else this.#waiting.delete(begin);
      reject(new Deno.errors.TimedOut(`nothing has come of it for ${this.#limitMs} ms`));
    };
    // In two halves: a pause of the whole process ends one of them at most before it is seen that the work has ended.
    const halfMs = this.#limitMs / 2;
    let timer = setTimeout(() => timer = setTimeout(giveUp, halfMs), halfMs);
    if (this.#givenUp < MAX_UNDER_WAY) this.#takeTurn(begin);
    else {
      clearTimeout(timer);
      giveUp();
    }
    return promise;
  }

  /** The same, however long it takes. */
  useSometime(work: () => Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#takeTurn(() => {
      work().catch(() => {}).finally(() => {
        this.#endTurn();
        resolve();
      });
    });
    return promise;
  }

  #takeTurn(begin: () => void): void {
    if (this.#underWay >= MAX_UNDER_WAY) {
      this.#waiting.add(begin);
      return;
    }
    this.#underWay++;
    begin();
  }

  #endTurn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWay--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** A file that its folder has made. One call at a time; each rejects as the system does, and with TimedOut. */
export class SpoolFile {
  readonly #folder: SpoolFolder;
  readonly #file: Deno.FsFile;
  /** The last call to the system, which may go on when its caller waits no more. */
  #underWay: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(folder: SpoolFolder, file: Deno.FsFile) {
    this.#folder = folder;
    this.#file = file;
  }

  /** Resolves to how many of the bytes were written there: some. */
  writeAt(position: number, bytes: Uint8Array): Promise<number> {
    return this.#use(async () => {
      await this.#file.seek(position, Deno.SeekMode.Start);
      return await this.#file.write(bytes);
    });
  }

  /** Resolves to how many bytes were read from there; null at the end. */
  readAt(position: number, space: Uint8Array): Promise<number | null> {
    return this.#use(async () => {
      await this.#file.seek(position, Deno.SeekMode.Start);
      return await this.#file.read(space);
    });
  }

  /** Makes it empty. */
  empty(): Promise<void> {
    return this.#use(() => this.#file.truncate(0));
  }

  /**
   * Returns at once; the descriptor goes a little later. Closing a file without a name frees its blocks, for which a file system
   * that is frozen lets the thread of everybody wait: so it is emptied before, where another thread waits. Idempotent.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const empty = () => this.#folder.useSometime(() => this.#file.truncate(0));
    this.#underWay.then(empty, empty).then(() => this.#file.close());
  }

  #use<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#folder.use(() => {
      const result = call();
      this.#underWay = result;
      return result;
    });
  }
}
