/**
 * A disk that takes no writes for a while, and what a server is looked at with meanwhile: for tests of writes that hang. Only
 * root can mount and freeze one.
 */
import { assert } from "@std/assert";
import { join } from "@std/path";
import { isRunning } from "./daemon.ts";

/** Longest wait for anything. */
export const BOUND_MS = 30_000;

/** Resolves when that holds; throws at a bound. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const endMs = performance.now() + BOUND_MS; !await isSo();) {
    if (performance.now() > endMs) throw new Error(`Not within ${BOUND_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A disk of its own that can be frozen, and is thawed whatever happens. */
export class FreezingDisk implements AsyncDisposable {
  readonly folder: string;
  readonly #image: string;
  #thawer: Deno.ChildProcess | null = null;

  private constructor(place: string) {
    this.folder = join(place, "disk");
    this.#image = join(place, "image");
  }

  /** Null where this machine or user cannot have one. */
  static make(): FreezingDisk | null {
    if (Deno.uid() !== 0) return null;
    const place = Deno.makeTempDirSync({ prefix: "lisod-disk-" });
    const disk = new FreezingDisk(place);
    Deno.mkdirSync(disk.folder);
    const made = [
      ["truncate", "-s", "16M", disk.#image],
      ["mkfs.ext4", "-q", disk.#image],
      ["mount", "-o", "loop", disk.#image, disk.folder],
      ["fsfreeze", "-f", disk.folder],
      ["fsfreeze", "-u", disk.folder],
    ].every(succeeds);
    if (made) return disk;
    succeeds(["umount", disk.folder]);
    Deno.removeSync(place, { recursive: true });
    return null;
  }

  /**
   * Until `thaw`, or what this gives is disposed of, before the server that is to end; or for half a minute: a test that was
   * killed leaves no disk frozen.
   */
  freeze(): AsyncDisposable {
    const thaw = 'read -r -t 30 line; exec fsfreeze -u "$0"';
    this.#thawer = new Deno.Command("bash", { args: ["-c", thaw, this.folder], stdin: "piped" }).spawn();
    assert(succeeds(["fsfreeze", "-f", this.folder]));
    return { [Symbol.asyncDispose]: () => this.thaw() };
  }

  async thaw(): Promise<void> {
    if (this.#thawer === null) return;
    const thawer = this.#thawer;
    this.#thawer = null;
    await thawer.stdin.close();
    await thawer.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thaw();
    await until(() => succeeds(["umount", this.folder]), "the disk is free");
    await Deno.remove(join(this.folder, ".."), { recursive: true });
  }
}

function succeeds([program, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    // There is no such program here.
    return false;
  }
}

/** Whether this machine and user can have one. */
export async function canFreeze(): Promise<boolean> {
  await using disk = FreezingDisk.make();
  return disk !== null;
}

/** Whether nobody listens there. */
export function isClosed(port: number): Promise<boolean> {
  return Deno.connect({ port, hostname: "127.0.0.1" }).then((found) => (found.close(), false), () => true);
}

/** Whether the main thread has ended, which is so while others cannot. */
export function hasExited(pid: number): boolean {
  return !isRunning(pid);
}
