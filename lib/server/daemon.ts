/**
 * Goes into the background: the command starts this program again as a session of its own, waits until it serves, and
 * passes on what kept it from doing so. The runtime cannot fork; a new process of the same binary is the nearest thing.
 * The two talk over a Unix socket in a folder of the command's, so that the daemon has no pipe of it left. I/O.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import { join } from "@std/path";

/** Names the socket in the environment of the daemon; set in no other process. */
const READY_SOCKET = "LISOD_READY_SOCKET";

export interface DaemonOptions {
  /** The arguments of the command, for the daemon to read again. */
  readonly args: readonly string[];
  /** Where the runtime itself may write in an emergency; null for nowhere. */
  readonly logFile: string | null;
  /** How long the daemon may take until it serves. */
  readonly startMs: number;
}

/** Whether this process was started by `startDaemon`. */
export function isDaemon(): boolean {
  return Deno.env.has(READY_SOCKET);
}

/** Starts the daemon. Resolves to null once it serves, else to the text of what kept it from that. */
export async function startDaemon(options: DaemonOptions): Promise<string | null> {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-" });
  const path = join(folder, "ready");
  const listener = Deno.listen({ transport: "unix", path });
  const log = openSync(options.logFile ?? "/dev/null", "a", 0o640);
  try {
    const daemon = spawn(Deno.execPath(), [...programArguments(), ...options.args], {
      detached: true, // setsid(2)
      stdio: ["ignore", "ignore", log],
      env: { ...Deno.env.toObject(), [READY_SOCKET]: path },
    });
    const ended = once(daemon, "exit").then(([code, signal]) => `The daemon ended with ${signal ?? `status ${code}`}`);
    let timer;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => {
        daemon.kill("SIGKILL");
        resolve(`The daemon did not serve within ${options.startMs} ms and was killed`);
      }, options.startMs);
    });
    const answer = await Promise.race([readAnswer(listener), ended, late]);
    clearTimeout(timer);
    daemon.unref();
    return answer === READY ? null : answer;
  } finally {
    closeSync(log);
    listener.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

const READY = "ready";

/**
 * In the daemon, before it opens anything: detaches from what the command leaves behind. Returns how to tell the command,
 * once, that the daemon serves (null) or what keeps it from that.
 */
export async function becomeDaemon(): Promise<(problem: string | null) => Promise<void>> {
  // Files that the daemon makes are not for everybody.
  Deno.umask(0o027);
  const path = Deno.env.get(READY_SOCKET) ?? "";
  // No program that the daemon starts may see it.
  Deno.env.delete(READY_SOCKET);
  const command = await Deno.connect({ transport: "unix", path });
  return async (problem) => {
    try {
      await new Response(problem ?? READY).body?.pipeTo(command.writable);
    } catch {
      // The command was stopped while it waited: nobody is left to tell, and the log has it all.
    }
  };
}

async function readAnswer(listener: Deno.UnixListener): Promise<string> {
  const daemon = await listener.accept();
  return await new Response(daemon.readable).text();
}

/** Under `deno run`, which the tests of the sources use, the program is an argument. */
function programArguments(): readonly string[] {
  return Deno.build.standalone ? [] : ["run", "--allow-all", new URL("../../main.ts", import.meta.url).pathname];
}
