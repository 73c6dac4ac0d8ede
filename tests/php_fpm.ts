/** A php-fpm of a test's own, in the foreground, with one pool on a socket in a temporary folder. */
import { join } from "@std/path";

const START_MS = 10_000;

export interface PhpFpm extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
}

/** Debian's names have the version in them. */
function findPhpFpm(): string {
  const names = [...Deno.readDirSync("/usr/sbin")].map(({ name }) => name).filter((name) => /^php-fpm\d/.test(name));
  const [name] = names.toSorted().toReversed();
  if (name === undefined) throw new Error("php-fpm is missing (Debian: apt-get install php-fpm)");
  return `/usr/sbin/${name}`;
}

/** `folder` gets its files. `directives` are lines of the pool. */
export async function startPhpFpm(folder: string, directives: readonly string[] = []): Promise<PhpFpm> {
  const [config, socket, log] = ["fpm.conf", "fpm.sock", "fpm.log"].map((name) => join(folder, name));
  const isRoot = Deno.uid() === 0;
  await Deno.writeTextFile(
    config,
    [
      ...["[global]", `error_log = ${log}`, "daemonize = no", "[test]", `listen = ${socket}`],
      ...(isRoot ? ["user = root", "group = root"] : []),
      ...["pm = static", "pm.max_children = 3", "catch_workers_output = no", ...directives],
      "",
    ].join("\n"),
  );
  using watcher = Deno.watchFs(folder);
  const process = new Deno.Command(findPhpFpm(), {
    args: ["--nodaemonize", "--fpm-config", config, "--no-php-ini", ...(isRoot ? ["--allow-to-run-as-root"] : [])],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const timer = setTimeout(() => process.kill("SIGKILL"), START_MS);
  const isReady = () => {
    try {
      return Deno.readTextFileSync(log).includes("ready to handle connections");
    } catch {
      return false;
    }
  };
  const events = watcher[Symbol.asyncIterator]();
  while (!isReady()) {
    const event = await Promise.race([events.next(), process.status]);
    if ("code" in event) {
      throw new Error(`php-fpm ended: ${await Deno.readTextFile(log).catch(() => "without a word")}`);
    }
  }
  clearTimeout(timer);
  return {
    ...{ socket, pid: process.pid },
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
    },
  };
}
