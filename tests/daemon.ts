/**
 * What the tests of the daemon share: a site in a temporary folder with a log and a lock file, commands run over it as root
 * or as an ordinary user, and what the system says of the processes that they leave behind.
 */
import { join } from "@std/path";
import { type Ended, run, wayArguments, writeFiles } from "./harness.ts";
import { makeCertificates } from "./https.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
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

/** What all sites use: a copy of the binary that every user may enter the folder of, and key and certificate. */
const makeShared = (() => {
  let made: Promise<string> | null = null;
  const make = async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-shared-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    await Deno.chmod(folder, 0o755);
    await Deno.copyFile(join(PROJECT, "lisod"), join(folder, "lisod"));
    await makeCertificates(folder);
    return folder;
  };
  return () => made ??= make();
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
    const shared = await makeShared();
    const folder = await Deno.makeTempDir({ prefix: "lisod-daemon-" });
    const site = new DaemonSite({ folder, user, binary: join(shared, "lisod") });
    await writeFiles(site.root, { "index.html": "<!doctype html><title>Test</title>\n", ...files });
    await writeFiles(folder, { "script.sh": "#!/bin/sh\n" });
    await Deno.chmod(join(folder, "script.sh"), 0o755);
    for (const name of ["server.key", "server.crt", "root.crt"]) {
      await Deno.copyFile(join(shared, name), join(folder, name));
    }
    await Deno.chmod(folder, 0o755);
    if (user.uid === SELF.uid) return site;
    for (const path of [folder, join(folder, "server.key")]) await Deno.chown(path, user.uid, user.gid);
    return site;
  }

  /** The positional form, paths relative to the folder. */
  positional(http = 0): readonly string[] {
    const eight = [`${http}`, "0", "lisod.log", "lisod.pid", "www", "script.sh", "server.key", "server.crt"];
    return [...eight, ...wayArguments()];
  }

  /** The named form. */
  named(http = 0): readonly string[] {
    const files = ["--root", this.root, "--log", this.log, "--lock", this.lock];
    return [...wayArguments(), "--http", `${http}`, ...files, "--daemon"];
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

  /** Runs the command until there is the process that is going to be its daemon. */
  async startHalfway(
    args: readonly string[] = this.named(),
  ): Promise<{ readonly command: Deno.ChildProcess; readonly daemon: number }> {
    const [program, ...words] = [...this.user.prefix, this.binary, ...args];
    const command = new Deno.Command(program, { args: words, cwd: this.folder, stderr: "piped" }).spawn();
    let daemon: number | undefined;
    await waitUntil(() => {
      // Between fork and exec the new process is still a copy of the command.
      daemon = this.processes().find((pid) => readProc(pid, "environ").includes("LISOD_READY_SOCKET"));
      return daemon !== undefined;
    }, "the daemon starts");
    return { command, daemon: daemon ?? 0 };
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

  /** Of the listener for that scheme that was opened last. */
  port(scheme: "http" | "https" = "http"): number {
    return Number([...this.logText().matchAll(new RegExp(`listening on ${scheme}:\\S+:(\\d+)`, "g"))].at(-1)?.[1]);
  }

  /** Fetches a page and returns its status. */
  async ask(scheme: "http" | "https" = "http", path = "/"): Promise<number> {
    const caCerts = [Deno.readTextFileSync(join(this.folder, "root.crt"))];
    using client = Deno.createHttpClient({ caCerts });
    const response = await fetch(`${scheme}://127.0.0.1:${this.port(scheme)}${path}`, { client });
    await response.bytes();
    return response.status;
  }

  /** Processes of this test's binary. */
  processes(): readonly number[] {
    const pids = Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name)).filter((pid) => pid > 1);
    return pids.filter((pid) => readLink(`/proc/${pid}/exe`) === this.binary && isRunning(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = this.processes();
    for (const pid of left) kill(pid, "SIGKILL");
    for (const pid of left) await waitForEnd(pid);
    await Deno.remove(this.folder, { recursive: true });
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

/** A process may end while it is read (ESRCH, which the runtime has no class for), and may be nobody's to look at. */
function isGone(error: unknown): boolean {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return true;
  return error instanceof Error && error.message.startsWith("No such process");
}

/** A port below 1024 that nobody listens on; not the same for two tests that look for one at once. */
export function freeLowPort(): number {
  for (let port = 600 + Math.floor(Math.random() * 424); port > 512; port--) {
    try {
      Deno.listen({ port, hostname: "::" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("No port below 1024 is free");
}
