/**
 * A root of another installation: made by mmdebstrap of what a distribution's mirror has, unpacked in a temporary folder, with
 * processes and a /proc of its own and the network of this machine. Needs root.
 */
import { join } from "@std/path";
import { type Ended, run } from "../harness.ts";
import { waitUntil } from "../daemon.ts";

const ARTEFACTS = join(import.meta.dirname ?? ".", "..", "..", "artefacts", "roots");
/** Longest run of what downloads packages. */
const RUN_MS = 10 * 60_000;

/** What mmdebstrap makes, kept from one run to the next. */
export interface Base {
  readonly suite: string;
  /** As mmdebstrap names it: "extract" is the packages' files and nothing else, not even a shell. */
  readonly variant: "minbase" | "extract";
  readonly include: readonly string[];
}

/** The path of its tar archive. */
async function makeBase({ suite, variant, include }: Base): Promise<string> {
  const path = join(ARTEFACTS, `${[suite, variant, ...include].join("-")}.tar`);
  if (await exists(path)) return path;
  await Deno.mkdir(ARTEFACTS, { recursive: true });
  const packages = include.length === 0 ? [] : [`--include=${include.join(",")}`];
  const args = ["--quiet", "--mode=root", `--variant=${variant}`, ...packages, suite, `${path}.part.tar`];
  const { code, stderr } = await run("mmdebstrap", [...args, "http://deb.debian.org/debian"], { timeoutMs: RUN_MS });
  if (code !== 0) throw new Error(`mmdebstrap ${suite} failed: ${stderr}`);
  await Deno.rename(`${path}.part.tar`, path);
  return path;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Unpacked, with what `files` names copied into it: source by path. Disposing ends its processes and removes it. */
export class Root implements AsyncDisposable {
  readonly folder: string;
  readonly #children: Deno.ChildProcess[] = [];
  /** The first process of those that `must` starts. */
  #holder: number | null = null;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(base: Base, files: Readonly<Record<string, string>>): Promise<Root> {
    const tar = await makeBase(base);
    const root = new Root(await Deno.makeTempDir({ dir: "/var/tmp", prefix: "lisod-root-" }));
    await Deno.chmod(root.folder, 0o755);
    await here("tar", "--extract", "--file", tar, "--directory", root.folder);
    for (const folder of ["proc", "etc", "tmp"]) await Deno.mkdir(root.path(folder), { recursive: true });
    for (const [path, source] of Object.entries({ "etc/resolv.conf": "/etc/resolv.conf", ...files })) {
      await here("cp", "--recursive", "--dereference", source, root.path(path));
    }
    return root;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  write(name: string, text: string, mode = 0o644): void {
    Deno.writeTextFileSync(this.path(name), text, { mode });
    Deno.chmodSync(this.path(name), mode);
  }

  /** Starts a program that runs until the root goes, as the first of processes of its own. */
  start(program: string, ...args: readonly string[]): Deno.ChildProcess {
    const apart = ["--mount", "--pid", "--fork", "--kill-child=KILL", `--mount-proc=${this.path("proc")}`];
    const child = new Deno.Command("unshare", {
      args: [...apart, "chroot", this.folder, program, ...args],
      clearEnv: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#children.push(child);
    return child;
  }

  /** Runs a shell command to its end among processes that stay. */
  async run(command: string): Promise<Ended> {
    this.#holder ??= await this.#hold();
    const args = ["--target", `${this.#holder}`, "--mount", "--pid", "--root", "--wd"];
    const env = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      LC_ALL: "C.UTF-8",
    };
    const words = [...args, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command];
    return await run("nsenter", words, { clearEnv: true, env, timeoutMs: RUN_MS });
  }

  /** The same for one that must end well; returns what it printed. */
  async must(command: string): Promise<string> {
    const { code, text, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`"${command}" ended with ${code}: ${stderr}${text}`);
    return text;
  }

  async #hold(): Promise<number> {
    const { pid } = this.start("sleep", "infinity");
    let held: number | null = null;
    await waitUntil(() => {
      const [child] = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number);
      if (child > 0 && Deno.readTextFileSync(`/proc/${child}/comm`) === "sleep\n") held = child;
      return held !== null;
    }, "the first process of the root runs");
    return held ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        // It has ended.
      }
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function here(program: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed: ${stderr}`);
}
