/**
 * Starts CGI programs as forks of an interpreter that has imported their modules, where that is possible, and plainly where it
 * is not: the same command either way, each request a process of its own. All scripts of a worker that are kept warm are known
 * here, so that there are not too many, and none outlives the server. Separate from lib/cgi/, which knows no interpreters.
 */
import { dirname } from "@std/path";
import type { Child, ChildCommand, Starter } from "../child/child.ts";
import type { GivenEnds, StartedElsewhere } from "../child/spawner.ts";
import type { Limits } from "../limits.ts";
import { ToldOnce } from "../log/told_once.ts";
import { readFirstLine } from "../first_line.ts";
import { BOOTSTRAPS } from "./bootstrap.ts";
import { type Interpreter, interpreterOfHandler, interpreterOfLine } from "./interpreter.ts";
import { WarmScript, type WarmView } from "./warm_script.ts";
import type { ZygoteServices } from "./zygote.ts";

/** What starts programs, by itself or through others. */
export interface ElsewhereStarter extends Starter {
  startBy(hasInput: boolean, start: (ends: GivenEnds) => Promise<StartedElsewhere | null>): Promise<Child | null>;
}

/** A script to run, and of what it is made. */
export interface WarmCommand extends ChildCommand {
  /** Absolute path of the script: the word from which on `words` are its own. */
  readonly file: string;
  /** The program that a handler runs it with; null: its first line says. */
  readonly interpreter: string | null;
  /** The part of the environment that is the same for every request of the place, one object for all of them. */
  readonly base: Readonly<Record<string, string>>;
}

export interface WarmOptions extends Omit<ZygoteServices, "starter"> {
  readonly starter: ElsewhereStarter;
  readonly limits: Limits;
  /** Words before the command of a zygote. */
  readonly prefix: readonly string[];
  /** Processor seconds of each script; null: no bound. */
  readonly cpuSeconds: number | null;
}

/** How often limits are looked at while a script is warm. */
const SWEEP_MS = 250;
/** One that was asked for within this time gives no room to another. */
const BUSY_MS = 10_000;
/** As many scripts are remembered, be it that they run plainly. */
const MOST_SCRIPTS = 1000;
/** A thread of a library for vectors is one that is not copied; set by the operator, it stays so. */
const ONE_THREAD = { OPENBLAS_NUM_THREADS: "1" };

/** What is known of a file. */
interface Known {
  /** Of the file, as it was looked at. */
  readonly signature: string;
  /** Text: it runs plainly, for that reason. */
  readonly script: WarmScript | string;
  /** How often it was asked for as it is, where it runs plainly. */
  askedCount: number;
}

export class WarmStarter {
  readonly #options: WarmOptions;
  readonly #known = new Map<string, Known>();
  readonly #told: ToldOnce;
  readonly #bases = new WeakMap<WarmCommand["base"], string>();
  /** Scripts that have changed, until their zygotes have ended. */
  readonly #closing = new Set<Promise<void>>();
  #timer: number | null = null;
  #isStopped = false;

  /** Whoever makes it calls `stop`. */
  constructor(options: WarmOptions) {
    this.#options = options;
    this.#told = new ToldOnce(options.log);
  }

  /** As `Starter.start`. */
  async start(command: WarmCommand): Promise<Child> {
    const script = this.#isStopped ? null : this.#find(command);
    const zygote = script?.use(this.#mayStart(script)) ?? null;
    const child = zygote === null ? null : await this.#options.starter.startBy(
      command.hasInput,
      (ends) => zygote.fork({ ...command, words: scriptWords(command) }, ends),
    );
    script?.count(child === null ? "plain" : "warm");
    return child ?? await this.#options.starter.start(command);
  }

  /** Ends all zygotes. To be called when no script runs any more. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { script } of this.#known.values()) {
      if (typeof script !== "string") this.#close(script, "the server stops");
    }
    await Promise.all(this.#closing);
  }

  /** SIGKILL to all zygotes. */
  kill(): void {
    for (const script of this.#scripts()) script.kill();
  }

  /** All that were asked for, those that run plainly too. */
  get views(): readonly WarmView[] {
    return [...this.#known].map(([key, { script, askedCount: plainRequests }]) => {
      if (typeof script !== "string") return script.view;
      const none = { pid: null, modules: 0, warmRequests: 0, plainRequests };
      return { file: key.slice(0, key.indexOf("\0")), state: "plain", reason: script, ...none };
    });
  }

  #scripts(): readonly WarmScript[] {
    return [...this.#known.values()].flatMap(({ script }) => typeof script === "string" ? [] : script);
  }

  /** The script as it is now; null: it runs plainly. */
  #find(command: WarmCommand): WarmScript | null {
    const { file, interpreter, base } = command;
    const key = [file, interpreter ?? "", this.#textOf(base)].join("\0");
    const signature = signatureOf(file);
    const known = this.#known.get(key);
    if (known?.signature === signature) {
      known.askedCount++;
      return warmOf(known);
    }
    const before = known === undefined ? null : warmOf(known);
    if (before !== null) this.#close(before, "it has changed");
    if (signature === null) {
      this.#known.delete(key);
      return null;
    }
    if (known === undefined && this.#known.size >= MOST_SCRIPTS) return null;
    const made = { signature, script: this.#create(command), askedCount: 1 };
    this.#known.set(key, made);
    return warmOf(made);
  }

  #create(command: WarmCommand): WarmScript | string {
    const { file, interpreter } = command;
    const found = interpreter === null ? interpreterOfLine(readFirstLine(file)) : interpreterOfHandler(interpreter);
    if ("reason" in found) {
      // One that could be warm is the operator's to mend; a shell script beside it is as it should be.
      this.#told[found.isForeign ? "info" : "warn"]("warm", `"${file}" runs plainly: ${found.reason}`);
      return found.reason;
    }
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    const { limits, log } = this.#options;
    return new WarmScript({ file, plan: this.#plan(command, found), services: this.#options, limits, log });
  }

  #plan({ file, folder, base, environment }: WarmCommand, interpreter: Interpreter) {
    const { prefix, cpuSeconds } = this.#options;
    const { words, text } = BOOTSTRAPS[interpreter.language];
    // Of what the server says to every request; nothing that a client has sent.
    const { SERVER_SOFTWARE, GATEWAY_INTERFACE } = environment;
    return {
      name: file.slice(file.lastIndexOf("/") + 1),
      words: [...prefix, ...words(interpreter, file)],
      environment: { ...ONE_THREAD, ...base, SERVER_SOFTWARE, GATEWAY_INTERFACE },
      folder,
      bootstrap: text,
      go: [file, String(cpuSeconds ?? "")],
    };
  }

  /** Whether a zygote may be started for it: another one that nobody asks for gives way. */
  #mayStart(script: WarmScript): boolean {
    if (script.isWarm || !script.isWilling) return script.isWarm;
    const warm = this.#scripts().filter((each) => each.isWarm);
    if (warm.length < this.#options.limits.maxWarmCount) return true;
    const [oldest] = warm.toSorted((a, b) => a.usedMs - b.usedMs);
    if (oldest === undefined || performance.now() - oldest.usedMs < BUSY_MS) return false;
    oldest.cool("another script is asked for more often");
    return true;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const script of this.#scripts()) script.sweep(nowMs);
  }

  #close(script: WarmScript, reason: string): void {
    const closing = script.close(reason).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #textOf(base: WarmCommand["base"]): string {
    const known = this.#bases.get(base);
    if (known !== undefined) return known;
    const text = JSON.stringify(base);
    this.#bases.set(base, text);
    return text;
  }
}

/** Null: it runs plainly. */
function warmOf({ script }: Known): WarmScript | null {
  return typeof script === "string" ? null : script;
}

/** The script and its arguments, without what stands before them. */
function scriptWords({ words, file }: WarmCommand): readonly string[] {
  return words.slice(words.indexOf(file));
}

/**
 * What is another when the file is, or the folder that its name leads to: releases that a link leads to one after the other may share
 * files, and not what stands beside them. Null: it cannot be looked at.
 */
function signatureOf(file: string): string | null {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(file);
    const folder = Deno.statSync(dirname(file));
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime(), folder.dev, folder.ino].join(" ");
  } catch {
    return null; // whoever starts it tells why
  }
}
