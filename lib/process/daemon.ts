/**
 * Goes into the background: the command starts this program again as a session of its own, waits until it serves, and
 * passes on what kept it from doing so. The runtime cannot fork; a new process of the same binary is the nearest thing.
 * The two talk over a Unix socket in a folder of the command's, so that the daemon has no pipe of it left. I/O.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "@std/path";
import { keepDescriptorsFromPrograms } from "../system/process_calls.ts";
import { O_CLOEXEC } from "../system/flags.ts";
import type { Libc } from "../system/libc.ts";
import { osProblem, StartError } from "../start_error.ts";

/** Names the socket in the environment of the daemon; set in no other process. */
const READY_SOCKET = "LISOD_READY_SOCKET";
const READY = "ready";

/**
 * After so many turns of its loop at the latest the runtime looks at its sockets, however much other threads have finished
 * meanwhile; it reads this once, before any code of ours. With its default of 61 clients of HTTPS wait twice as long beside CGI
 * programs, of which something has always just ended; with 1 each request over TLS of a client that has no other under way costs a
 * sixth more (scripts/bench/NOTES.md, "Who waits").
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = { DENO_TOKIO_EVENT_INTERVAL: "8" };

/** Signals that end the command while it waits, and then the daemon too: whoever sends them wants no server. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface DaemonOptions {
  /** The arguments of the command, for the daemon to read again. */
  readonly args: readonly string[];
  /** How long the daemon may take until it serves. */
  readonly startMs: number;
  /** Without libc the daemon keeps open what the command has inherited open. */
  readonly libc: Libc;
}

/** Whether this process was started by `startDaemon`. */
export function isDaemon(): boolean {
  return Deno.env.has(READY_SOCKET);
}

/**
 * Starts the daemon. Resolves to null once it serves, else to the text of what kept it from that, and then it has ended.
 * Throws StartError where the machine has no folder for temporary files.
 */
export async function startDaemon(options: DaemonOptions): Promise<string | null> {
  const socket = openReadySocket();
  // A script that holds a lock, a pipe or a terminal on a further descriptor must not lend it to a process without end.
  keepDescriptorsFromPrograms(options.libc);
  try {
    return await runDaemon(options, socket);
  } finally {
    socket.listener.close();
    Deno.removeSync(socket.folder, { recursive: true });
  }
}

interface ReadySocket {
  /** Of the command alone (mode 0700), so that nobody else can answer in the daemon's place. */
  readonly folder: string;
  readonly path: string;
  readonly listener: Deno.UnixListener;
}

function openReadySocket(): ReadySocket {
  try {
    const folder = Deno.makeTempDirSync({ prefix: "lisod-" });
    const path = join(folder, "ready");
    return { folder, path, listener: Deno.listen({ transport: "unix", path }) };
  } catch (cause) {
    const value = Deno.env.get("TMPDIR") ?? "/tmp";
    const remedy = "set it to a folder where this user may write";
    throw new StartError({ argument: "TMPDIR", value, problem: osProblem(cause), remedy }, { cause });
  }
}

/** Starts the daemon and resolves to the outcome, as `startDaemon` does. */
async function runDaemon(
  { args, startMs }: DaemonOptions,
  { path, listener }: ReadySocket,
): Promise<string | null> {
  let killedBecause: string | null = null;
  const kill = (reason: string) => {
    killedBecause ??= reason;
    daemon.kill("SIGKILL");
  };
  const stop = () => kill("The command was stopped before the daemon served");
  // Before there is a daemon: a signal that ended the command at once would leave it behind.
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
  const daemon = spawn(Deno.execPath(), [...programArguments(), ...args], {
    detached: true, // setsid(2)
    stdio: "ignore",
    env: { ...RUNTIME_ENVIRONMENT, ...Deno.env.toObject(), [READY_SOCKET]: path },
  });
  const timer = setTimeout(() => kill(`The daemon did not serve within ${startMs} ms and was killed`), startMs);
  try {
    const ended = once(daemon, "exit").then(([code, signal]) => `The daemon ended with ${signal ?? `status ${code}`}`);
    ended.then(() => answerNothing(path));
    const answer = await readAnswer(listener);
    if (answer === READY && killedBecause === null) {
      daemon.unref();
      return null;
    }
    // What failed leaves nothing running, not even for a moment.
    const end = await ended;
    return killedBecause ?? (answer === "" ? end : answer);
  } finally {
    clearTimeout(timer);
    for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, stop);
  }
}

/** "" when the daemon ended without a word. */
async function readAnswer(listener: Deno.UnixListener): Promise<string> {
  const daemon = await listener.accept();
  return await new Response(daemon.readable).text();
}

/**
 * For a daemon that has ended: `readAnswer` accepts this connection when the daemon has made none, and gives "". When it
 * has made one, that is the first in the queue, and its answer counts although it ended before anybody read it.
 */
async function answerNothing(path: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch {
    // The answer has been read already, and the socket is gone.
  }
}

/** Under `deno run`, which the tests of the sources use, the program is an argument. */
function programArguments(): readonly string[] {
  return Deno.build.standalone ? [] : ["run", "--allow-all", new URL("../../main.ts", import.meta.url).pathname];
}

/**
 * In the daemon, before it opens anything and after it has made all paths absolute: detaches from what the command leaves
 * behind. Returns how to tell the command, once, that the daemon serves (null) or what keeps it from that.
 */
export async function becomeDaemon(): Promise<(problem: string | null) => Promise<void>> {
  // Files that the daemon makes are not for everybody.
  Deno.umask(0o027);
  // The folder that the command was called in may be unmounted.
  Deno.chdir("/");
  const path = Deno.env.get(READY_SOCKET) ?? "";
  // No program that the daemon starts may see it.
  Deno.env.delete(READY_SOCKET);
  const command = await Deno.connect({ transport: "unix", path });
  return async (problem) => {
    try {
      await new Response(problem ?? READY).body?.pipeTo(command.writable);
    } catch {
      // The command was killed while it waited: nobody is left to tell, and the log has it all.
    }
  };
}

/** Linux open(2), for x86-64 and AArch64. */
const O_WRONLY_APPEND = 0o2001;
const STDERR_FD = 2;

/**
 * Lets the process's standard error be the file at `path`, null for leaving it as it is: where the runtime itself writes
 * its last words. Best effort: whoever calls has opened the file before, and nothing else is written there.
 */
export function sendStderrTo(path: string | null, libc: Libc): void {
  if (path === null) return;
  const fd = libc.open(new TextEncoder().encode(`${path}\0`), O_WRONLY_APPEND | O_CLOEXEC, 0);
  if (fd < 0) return;
  libc.dup3(fd, STDERR_FD, 0);
  libc.close(fd);
}
