/**
 * ./lisod as process 1 of a container that bubblewrap makes of a root: read-only, without a capability, as a user that is nobody,
 * with the configuration of examples/container. The network is this machine's.
 */
import { join } from "@std/path";
import { waitUntil } from "./daemon.ts";
import { freePort } from "./front.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const EXAMPLE = join(PROJECT, "examples", "container");
const NOBODY = "65534";

export interface ContainerOptions {
  /** A folder that is the root; where there is none it is made of this machine's /usr. */
  readonly root?: string;
  /** The server in it. */
  readonly binary: string;
  /** What is served, at /srv. */
  readonly site: string;
  /** More of the configuration. */
  readonly config?: string;
}

export class Container implements AsyncDisposable {
  readonly port: number;
  /** Of bubblewrap, as this machine sees it. */
  readonly #process: Deno.ChildProcess;
  readonly #streams: { stdout: string; stderr: string } = { stdout: "", stderr: "" };
  readonly #read: Promise<unknown>;
  readonly #folder: string;

  private constructor(process: Deno.ChildProcess, place: { readonly port: number; readonly folder: string }) {
    this.#process = process;
    this.port = place.port;
    this.#folder = place.folder;
    this.#read = Promise.all([this.#follow("stdout"), this.#follow("stderr")]);
  }

  /** Resolves when it listens. */
  static async start({ root, binary, site, config = "" }: ContainerOptions): Promise<Container> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-container-" });
    const port = freePort();
    const text = Deno.readTextFileSync(join(EXAMPLE, "lisod.conf")).replace("http = 8080", `http = ${port}`);
    await Deno.mkdir(join(folder, "conf.d"));
    await Deno.writeTextFile(join(folder, "lisod.conf"), text);
    await Deno.writeTextFile(join(folder, "conf.d", "site.conf"), config);
    await Deno.copyFile(join(EXAMPLE, "health"), join(folder, "health"));
    await Deno.chmod(folder, 0o755);
    const parts = root === undefined ? OWN_ROOT : ["--ro-bind", root, "/"];
    const args = ["--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--unshare-pid", "--as-pid-1", "--unshare-ipc"]
      .concat("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv")
      .concat("--setenv", "PATH", "/usr/bin:/bin", parts)
      .concat("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run")
      .concat("--tmpfs", "/srv", "--ro-bind", site, "/srv", "--tmpfs", "/etc/lisod", "--ro-bind", folder, "/etc/lisod")
      .concat("--tmpfs", "/opt", "--ro-bind", binary, "/opt/lisod", "--remount-ro", "/");
    const process = new Deno.Command("bwrap", {
      args: [...args, "/opt/lisod", "--foreground", "--config", "/etc/lisod/lisod.conf"],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const container = new Container(process, { port, folder });
    await waitUntil(() => container.stderr.includes("listening on"), "the server in the container listens");
    return container;
  }

  get stdout(): string {
    return this.#streams.stdout;
  }

  get stderr(): string {
    return this.#streams.stderr;
  }

  /** The server, as this machine sees it. */
  get pid(): number {
    const [child] = Deno.readTextFileSync(`/proc/${this.#process.pid}/task/${this.#process.pid}/children`).split(" ");
    return Number(child);
  }

  /** Tells process 1 to stop, as docker stop does, and resolves to the exit status. */
  async stop(): Promise<number> {
    Deno.kill(this.pid, "SIGTERM");
    const { code } = await this.#process.status;
    await this.#read;
    return code;
  }

  async #follow(name: "stdout" | "stderr"): Promise<void> {
    for await (const text of this.#process[name].pipeThrough(new TextDecoderStream())) this.#streams[name] += text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#process.status;
    await this.#read;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Libraries and programs of this machine, and no more. */
const OWN_ROOT: readonly string[] = [
  ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"],
  ...["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/etc/passwd", "/etc/passwd"],
];
