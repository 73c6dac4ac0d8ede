/**
 * What the tests of the daemon share: a site in a temporary folder with a log and a lock file, commands run over it as root
 * or as an ordinary user, and what the system says of the processes that they leave behind.
 */
import { join } from "@std/path";
import { type Ended, run, writeFiles } from "./harness.ts";

const BINARY = join(import.meta.dirname ?? ".", "..", "lisod");
const END_MS = 10_000;
const POLL_MS = 5;

/** Whom a command runs as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** What to put in front of a command. */
  readonly prefix: readonly string[];
}

/** Whoever runs the tests. */
export const SELF: User = { name: "this user", uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, prefix: [] };

/** Debian's user that owns nothing. */
export const NOBODY: User = {
  name: "nobody",
  uid: 65534,
  gid: 65534,
  prefix: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"],
};

export const IS_ROOT = SELF.uid === 0;

/** Root and an ordinary user, or whoever can be had: tests that need root are marked as ignored for the others. */
export const USERS: readonly User[] = IS_ROOT ? [{ ...SELF, name: "root" }, NOBODY] : [SELF];

/** The binary in a folder that every user may enter; the project's own may lie where only its owner comes. */
const sharedBinary = (() => {
  let copied: Promise<string> | null = null;
  const copy = async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-binary-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    await Deno.chmod(folder, 0o755);
    await Deno.copyFile(BINARY, join(folder, "lisod"));
    return join(folder, "lisod");
  };
  return () => copied ??= copy();
})();

/** A site that daemons serve. Disposing ends every process that works in it and removes it. */
export class DaemonSite implements AsyncDisposable {
  readonly folder: string;
  readonly user: User;
  readonly binary: string;
  readonly root: string;
  readonly log: string;
  readonly lock: string;

  private constructor({ folder, user, binary }: { folder: string; user: User; binary: string }) {
    this.folder = folder;
    this.user = user;
    this.binary = binary;
    this.root = join(folder, "www");
    this.log = join(folder, "lisod.log");
    this.lock = join(folder, "lisod.pid");
  }

  /** The folder belongs to `user`, who runs every command. */
  static async make(user: User = SELF, files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<DaemonSite> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-daemon-" });
    const site = new DaemonSite({ folder, user, binary: await sharedBinary() });
    await writeFiles(site.root, { "index.html": "<!doctype html><title>Test</title>\n", ...files });
    await writeFiles(folder, { "script.sh": "#!/bin/sh\n" });
    await Deno.chmod(join(folder, "script.sh"), 0o755);
    await Deno.chmod(folder, 0o755);
    if (user.uid !== SELF.uid) await Deno.chown(folder, user.uid, user.gid);
    return site;
  }

  /** The positional form, paths relative to the folder. */
  positional(http = 0): readonly string[] {
    return [`${http}`, "0", "lisod.log", "lisod.pid", "www", "script.sh", "key.pem", "certificate.pem"];
  }

  /** The named form. */
  named(http = 0): readonly string[] {
    return ["--http", `${http}`, "--root", this.root, "--log", this.log, "--lock", this.lock, "--daemon"];
  }

  /** Runs lisod in the folder, until the command ends; it is one only when nobody holds its output any more. */
  lisod(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const [program, ...words] = [...this.user.prefix, this.binary, ...args];
    return run(program, words, { cwd: this.folder, env });
  }

  /** Starts a daemon and returns its pid; throws with its reason when it does not start. */
  async start(args: readonly string[] = this.named()): Promise<number> {
    const { code, text, stderr } = await this.lisod(args);
    if (code !== 0 || text !== "" || stderr !== "") {
      throw new Error(`lisod ${args.join(" ")} ended with ${code}: ${text}${stderr}\n${this.logText()}`);
    }
    return this.pid;
  }

  /** As the lock file says. */
  get pid(): number {
    return Number(Deno.readTextFileSync(this.lock));
  }

  /** All of the log so far; empty before there is one. */
  logText(): string {
    try {
      return Deno.readTextFileSync(this.log);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Of the listener that was opened last. */
  get port(): number {
    return Number([...this.logText().matchAll(/listening on http:\S+:(\d+)/g)].at(-1)?.[1]);
  }

  /** Fetches the front page and returns its status. */
  async ask(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/`);
    await response.bytes();
    return response.status;
  }

  /** Processes whose command line names the folder, or that were started in it. */
  processes(): readonly number[] {
    return listProcesses().filter((pid) => {
      const [words, folder] = [readProc(pid, "cmdline"), readLink(`/proc/${pid}/cwd`)];
      return words.includes(this.folder) || folder === this.folder;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = [...this.processes(), ...this.#holder()];
    for (const pid of left) kill(pid, "SIGKILL");
    for (const pid of left) await waitForEnd(pid);
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Whoever the lock file names, if that is a lisod of ours. */
  #holder(): readonly number[] {
    try {
      return isRunning(this.pid) && readLink(`/proc/${this.pid}/exe`) === this.binary ? [this.pid] : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}

/** Sends a signal; nothing happens when the process has gone. */
export function kill(pid: number, signal: Deno.Signal): void {
  if (!(pid > 1)) throw new Error(`Not the pid of a daemon: ${pid}`);
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether the process is there and has not ended; one that waits to be reaped has. */
export function isRunning(pid: number): boolean {
  return /^State:\t[^ZX]/m.test(readProc(pid, "status"));
}

/** Resolves when the process has ended. It is not our child, so the system tells nobody here. */
export async function waitForEnd(pid: number): Promise<void> {
  await waitUntil(() => !isRunning(pid), `process ${pid} has ended`);
}

/** Resolves when the condition holds, and rejects when it does not come about. */
export async function waitUntil(holds: () => boolean, what: string, deadlineMs = END_MS): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A file of /proc/PID as text; empty when the process has gone. */
export function readProc(pid: number, name: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

/** The value of a line of /proc/PID/status, of the thread where one is given. */
export function procField(pid: number, name: string, thread = pid): string {
  const status = readProc(pid, `task/${thread}/status`);
  return new RegExp(`^${name}:[\\t ]*(.*?)[\\t ]*$`, "m").exec(status)?.[1] ?? "";
}

/** Where a symbolic link leads; empty when it is gone. */
export function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

function listProcesses(): readonly number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => pid > 1 && pid !== Deno.pid);
}

/** ESRCH is what a process that ends while it is read gives; kernel threads of others may not be looked at. */
function isGone(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return true;
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}
