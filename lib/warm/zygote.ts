/**
 * One process of an interpreter that has imported what a script is known to import, and forks for each of the script's requests:
 * its start, what it is asked and what it answers. Separate from warm_script.ts, which decides when there is one. What the
 * process does: zygote.py and what stands before it, zygote.pl. It ends when its connection does, whatever ends the server.
 *
 * A process that it has forked says "started" and gives the connection up before the script's first line runs. So when the
 * connection has ended and a request was not said to be started, no process runs it or ever will.
 */
import type { Child, ChildEnd, Starter } from "../child/child.ts";
import type { ChildGuard } from "../child/child_guard.ts";
import { logLines, type ScriptLog } from "../child/child_log.ts";
import { describeEnd } from "../child/child_process.ts";
import { processEnd } from "../child/process_end.ts";
import type { GivenEnds, StartedElsewhere } from "../child/spawner.ts";
import type { Watcher } from "../system/epoll.ts";
import { type MessageCalls, MessageSocket } from "../system/message_socket.ts";
import type { SystemCalls } from "../system/process_calls.ts";
import { decodeMessage, encodeRequest, encodeStart, type ZygoteMessage, type ZygoteRequest } from "./messages.ts";

/** What every zygote of a worker needs. */
export interface ZygoteServices {
  readonly starter: Starter;
  readonly calls: SystemCalls;
  readonly messages: MessageCalls;
  readonly readiness: Watcher;
  readonly guard: Pick<ChildGuard, "begin" | "end">;
  readonly log: ScriptLog;
  /** Bytes of its own output and errors that are told. */
  readonly maxErrorBytes: number;
}

export interface ZygotePlan {
  /** What it is called in the log. */
  readonly name: string;
  /** Program and arguments. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  /** What the interpreter reads from standard input. */
  readonly bootstrap: string;
  /** What it imports: `Learned.lines`. */
  readonly lines: readonly string[];
  /** What it is told last, as its language has it. */
  readonly go: readonly string[];
}

/** What has become of a zygote that was started. */
export type ZygoteState =
  | { readonly kind: "starting" }
  | { readonly kind: "ready"; readonly count: number; readonly ms: number; readonly skipped: number }
  /** It says that it cannot be one: for ever, or because something has changed on disk. */
  | { readonly kind: "refuse" | "stale"; readonly reason: string }
  /** It cannot be one that imports that module. */
  | { readonly kind: "leave"; readonly module: string; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string };

/** Who is told of what a zygote says unasked. */
export interface ZygoteOwner {
  /** Its state has changed. */
  onState(zygote: Zygote): void;
  onLearned(lines: readonly string[]): void;
}

/** A request that was sent. */
interface Waiting {
  /** By performance.now(). */
  readonly sentMs: number;
  readonly resolve: (started: StartedElsewhere | null) => void;
}

/** So long it may take to end by itself. */
const CLOSE_MS = 1000;
const UNKNOWN_END: ChildEnd = { isSuccess: true, description: "no status: the zygote that had forked it has ended" };

export class Zygote {
  readonly pid: number;
  /** By performance.now(). */
  readonly startMs = performance.now();
  /** Resolves when it is reaped. Never rejects. */
  readonly ended: Promise<void>;
  readonly #services: ZygoteServices;
  readonly #owner: ZygoteOwner;
  readonly #child: Child;
  readonly #socket: MessageSocket;
  /** Requests that were sent, by their id. */
  readonly #waiting = new Map<number, Waiting>();
  /** What it has forked, by process id. */
  readonly #running = new Map<number, (end: ChildEnd) => void>();
  #state: ZygoteState = { kind: "starting" };
  #count = 0;
  #isRetired = false;
  /** Whether it has been told all that it needs. */
  #isTold = true;
  #hasRefused = false;

  private constructor(
    child: Child,
    { services, owner, socket, name }: {
      readonly services: ZygoteServices;
      readonly owner: ZygoteOwner;
      readonly socket: MessageSocket;
      readonly name: string;
    },
  ) {
    this.pid = child.pid;
    this.#services = services;
    this.#owner = owner;
    this.#child = child;
    this.#socket = socket;
    services.guard.begin(child.pid);
    this.ended = this.#run(name);
  }

  /** Starts one. Throws SpawnError as `Starter.start` does; null for want of descriptors. Whoever has it calls `retire`. */
  static async start(
    plan: ZygotePlan,
    { services, owner }: { readonly services: ZygoteServices; readonly owner: ZygoteOwner },
  ): Promise<Zygote | null> {
    const { name, words, environment, folder } = plan;
    const pair = MessageSocket.openPair({ calls: services.messages, watcher: services.readiness });
    if (pair === null) return null;
    const { own: socket, other: control } = pair;
    try {
      const command = { words, environment, folder, hasInput: true, isService: true, control };
      const child = await services.starter.start(command);
      const zygote = new Zygote(child, { services, owner, socket, name });
      zygote.#tell(plan);
      return zygote;
    } catch (error) {
      socket.close();
      throw error;
    } finally {
      services.calls.close(control);
    }
  }

  get state(): ZygoteState {
    return this.#state;
  }

  /** Requests that it was asked for. */
  get count(): number {
    return this.#count;
  }

  /** Whether nobody waits for it and nothing that it has forked runs. */
  get isIdle(): boolean {
    return this.#waiting.size + this.#running.size === 0;
  }

  /**
   * Has it fork for a request, with copies of the descriptors. Null where it has not and never will: then the request may be
   * answered in another way. Never rejects but with TypeError for a text with a NUL.
   */
  async fork(
    request: Omit<ZygoteRequest, "id">,
    { input, output, errors }: GivenEnds,
  ): Promise<StartedElsewhere | null> {
    if (this.#state.kind !== "ready" || this.#isRetired) return null;
    const id = this.#count++;
    const bytes = encodeRequest({ ...request, id });
    const descriptors = input === null ? [output, errors] : [input, output, errors];
    if (!this.#socket.send(bytes, descriptors)) return null;
    return await new Promise((resolve) => this.#waiting.set(id, { sentMs: performance.now(), resolve }));
  }

  /** It gets no further requests, and ends when all that it has forked has ended. Idempotent. */
  retire(): void {
    this.#isRetired = true;
    if (this.isIdle) this.#socket.close();
  }

  /** Milliseconds for which a request, or its start, has waited for it; 0: nothing waits. */
  waitedMs(nowMs: number): number {
    if (this.#state.kind === "starting") return nowMs - this.startMs;
    const [oldest] = this.#waiting.values();
    return oldest === undefined ? 0 : nowMs - oldest.sentMs;
  }

  /** SIGKILL. What it has forked lives on, and requests that wait for it are answered in another way. */
  kill(): void {
    try {
      this.#child.signalGroup("SIGKILL");
    } catch (error) {
      this.#services.log.error("warm", `Cannot end zygote ${this.pid}`, error);
    }
  }

  /** Ends it, whatever it does; resolves when it is reaped. */
  async close(): Promise<void> {
    this.retire();
    this.#socket.close();
    await this.ended;
  }

  #tell({ bootstrap, lines, go }: ZygotePlan): void {
    const { input } = this.#child;
    input?.write(new TextEncoder().encode(bootstrap)).catch(() => false).then(() => input.close());
    // What does not fit is not imported; what it is told last must.
    for (const part of encodeStart(lines, go)) this.#isTold = this.#socket.send(part) && this.#isTold;
    if (!this.#isTold) this.kill();
  }

  async #run(name: string): Promise<void> {
    const { log, guard, maxErrorBytes: maxBytes } = this.#services;
    const source = `${name}[${this.pid}]`;
    for (const reader of [this.#child.output, this.#child.errors]) {
      logLines(reader, { log, source, maxBytes }).catch(() => {});
    }
    await this.#listen();
    this.#socket.close();
    // It may hang in what it imports, or have been stopped.
    const timer = setTimeout(() => this.kill(), CLOSE_MS);
    const { description } = await this.#child.reap();
    clearTimeout(timer);
    guard.end(this.pid);
    this.#child.output.close();
    this.#child.errors.close();
    if (this.#state.kind === "starting" || this.#state.kind === "ready") {
      this.#enter({ kind: "lost", reason: description });
    }
  }

  async #listen(): Promise<void> {
    try {
      for (let bytes = await this.#socket.read(); bytes !== null; bytes = await this.#socket.read()) {
        this.#hear(decodeMessage(bytes));
      }
    } catch (error) {
      this.#services.log.error("warm", `Zygote ${this.pid} cannot be understood`, error);
      this.kill();
    }
    for (const { resolve } of this.#waiting.values()) resolve(null);
    this.#waiting.clear();
    for (const [pid, resolve] of this.#running) {
      processEnd(pid, this.#services).then(() => resolve(UNKNOWN_END));
    }
    this.#running.clear();
  }

  #hear(message: ZygoteMessage): void {
    switch (message.kind) {
      case "ready":
      case "refuse":
      case "stale":
      case "leave":
        return this.#enter(message);
      case "learned":
        return this.#owner.onLearned(message.lines);
      case "started":
        return this.#onStarted(message.id, message.pid);
      case "no":
        this.#tellRefusal(message.reason);
        return this.#settle(message.id, null);
      case "ended":
        return this.#onEnded(message.pid, describeEnd(message.status));
    }
  }

  /** Once, but for what has changed on disk, which is told as a state. */
  #tellRefusal(reason: string): void {
    const { log } = this.#services;
    const text = `Zygote ${this.pid} has not forked: ${reason}`;
    if (reason === "stale" || this.#hasRefused) log.debug("warm", text);
    else log.warn("warm", text);
    this.#hasRefused ||= reason !== "stale";
  }

  #enter(state: ZygoteState): void {
    this.#state = state;
    this.#owner.onState(this);
  }

  #onStarted(id: number, pid: number): void {
    const { promise, resolve } = Promise.withResolvers<ChildEnd>();
    this.#running.set(pid, resolve);
    this.#settle(id, { pid, ended: promise });
  }

  #settle(id: number, started: StartedElsewhere | null): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.resolve(started);
  }

  #onEnded(pid: number, end: ChildEnd): void {
    this.#running.get(pid)?.(end);
    this.#running.delete(pid);
    if (this.#isRetired) this.retire();
  }
}
