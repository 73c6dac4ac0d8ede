/**
 * Answers requests by running programs: waits for the turn of a script, starts it, and turns what it prints into a response.
 * All scripts of a worker are known here, whatever place they belong to, so that the limits of each are swept by one timer,
 * and none outlives the server. RFC 3875; what a script is told and what it may print is pure and in files of its own.
 */
import type { WaitClock } from "../clock.ts";
import { basename, dirname } from "@std/path";
import {
  type Body,
  Crowded,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
  Refusal,
} from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { commandPrefix, type ResourceLimits, type ScriptUser } from "../child/command_prefix.ts";
import { GatherTimer } from "../gateway/gather_timer.ts";
import { metaVariables, type MetaVariableSettings, type ScriptLocation } from "../gateway/meta_variables.ts";
import { ScriptContent } from "../gateway/script_content.ts";
import type { ChildGuard } from "../child/child_guard.ts";
import type { ScriptLog } from "../child/child_log.ts";
import type { OutputRoom } from "../gateway/output_ahead.ts";
import type { Child, Starter } from "../child/child.ts";
import { ScriptQueue, scriptsUnavailable, type ScriptTurn } from "./script_queue.ts";
import { ScriptRun } from "./script_run.ts";
import { searchWords } from "./search_words.ts";
import { EACCES, SpawnError } from "../child/spawn_error.ts";
import type { WarmStarter } from "../warm/warm_starter.ts";
import { startFailure } from "./start_failure.ts";
import { spoolContent } from "../gateway/spool_content.ts";
import { SpoolFolder } from "../gateway/spool_folder.ts";

export interface RunnerOptions {
  readonly limits: Limits;
  /** Scripts that run at once. */
  readonly maxScripts: number;
  /** Requests that wait beyond those; 503 beyond. */
  readonly maxQueue: number;
  /** Null: scripts run as the server does. */
  readonly user: ScriptUser | null;
  readonly resources: ResourceLimits;
  /** Where content that does not fit into memory is kept while it comes. */
  readonly spoolFolder: string;
  readonly log: ScriptLog;
  /** A pause of the process is no time in which a script was waited for. */
  readonly clock: WaitClock;
  readonly budget: MemoryBudget;
  /** For what programs have printed and clients have not taken; as the limits have it where it is left out. */
  readonly room?: OutputRoom;
  /** Usable until `stop` has resolved. */
  readonly starter: Starter;
  /** Starts those that are to be kept warm; null: they run plainly as well. */
  readonly warm?: Pick<WarmStarter, "start"> | null;
  /** Is told which process groups are to end with the server. */
  readonly guard: Pick<ChildGuard, "begin" | "end">;
}

/** Who finds no room is told so often at most. */
const CROWD_AGAIN_MS = 1000;

/** How often limits are looked at while a script runs. */
const SWEEP_MS = 100;

/** A script to run, and what the place that it belongs to tells it. */
export interface ScriptCall {
  readonly script: ScriptLocation;
  readonly settings: MetaVariableSettings;
  /** How it runs; null: as the options of the runner say. */
  readonly run?: PlaceRun | null;
}

/** How the programs of a place run. */
export interface PlaceRun {
  /** What stands in front of the command. */
  readonly prefix: readonly string[];
  readonly limits: Limits;
}

export class ScriptRunner {
  readonly #options: RunnerOptions;
  readonly #prefix: readonly string[];
  readonly #queue: ScriptQueue;
  readonly #spoolFolder: SpoolFolder;
  /** For what scripts have printed and clients have not taken. */
  readonly #room: OutputRoom;
  readonly #runs = new Set<ScriptRun>();
  /** Programs that are being started. */
  readonly #starts = new Set<Promise<Child>>();
  /** When it was last told that there was no room, by the clock. */
  #toldCrowdMs = -Infinity;
  #timer: number | null = null;
  readonly #gatherTimer = new GatherTimer();
  #stopping: Promise<void> | null = null;
  #setEmpty: (() => void) | null = null;

  /** Whoever makes it calls `stop`. */
  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#prefix = commandPrefix(options);
    const { scriptSharePercent } = options.limits;
    this.#spoolFolder = new SpoolFolder(options.spoolFolder, options.limits.spoolMs);
    this.#queue = new ScriptQueue({ ...options, scriptSharePercent });
    const { maxOutputMemoryBytes, maxOutputFileBytes } = options.limits;
    this.#room = options.room ?? { memoryBytes: maxOutputMemoryBytes, fileBytes: maxOutputFileBytes };
  }

  /**
   * Answers by a script. Throws HttpError: 500 for a script that fails before its head is whole, 503 with Retry-After when
   * too many requests wait, 504 when a script takes too long.
   */
  async answer(request: HttpRequest, call: ScriptCall): Promise<HttpResponse | LocalRedirect> {
    let turn: ScriptTurn | null = null;
    let run: ScriptRun;
    try {
      turn = this.#queue.admit(request.connection.remoteAddress, request.body.length !== 0);
      run = await this.#start(request, call, turn);
    } catch (error) {
      if (turn !== null) this.#queue.end(turn);
      if (error instanceof Crowded) this.#tellCrowd(error);
      throw error;
    }
    return await this.#readResponse(run);
  }

  /** How many are refused is for clients to choose. */
  #tellCrowd({ message }: Crowded): void {
    const { clock, log } = this.#options;
    if (clock.nowMs - this.#toldCrowdMs < CROWD_AGAIN_MS) return;
    this.#toldCrowdMs = clock.nowMs;
    log.warn("cgi", `${message}: 503 (--cgi-max, --cgi-queue, --script-share-percent)`);
  }

  /** Ends all scripts and resolves when none is left; requests that come are answered 503. Idempotent. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  /** Kills whatever still runs: for a server that ends at once. */
  kill(): void {
    for (const run of this.#runs) run.kill();
  }

  async #stop(): Promise<void> {
    this.#queue.close();
    for (const run of this.#runs) run.stop();
    // Each of these then is one of the runs, and stopped as well.
    await Promise.allSettled(this.#starts);
    if (this.#runs.size > 0) await new Promise<void>((resolve) => this.#setEmpty = resolve);
    this.#stopTimer();
    this.#gatherTimer.stop();
  }

  async #start(request: HttpRequest, call: ScriptCall, turn: ScriptTurn): Promise<ScriptRun> {
    const content = await this.#takeContent(request, turn);
    try {
      const waiting = turn.state === "running" ? null : this.#queue.begin(turn);
      if (waiting !== null) await this.#wait(request, { turn, waiting, scriptMs: this.#limitsOf(call).scriptMs });
      const run = await this.#run(request, call, content.length ?? 0);
      run.done.then(() => this.#queue.end(turn));
      this.#feed(run, content, request).then(() => this.#queue.endFeeding(turn));
      return run;
    } catch (error) {
      if (content !== request.body) await content.close();
      throw error;
    }
  }

  #limitsOf({ run }: ScriptCall): Limits {
    return run?.limits ?? this.#options.limits;
  }

  /**
   * The content of the request, of a known length; the turn runs where it still comes. A script that is fed may answer before
   * it has all, but waits for its client, so few may.
   */
  async #takeContent({ body }: HttpRequest, turn: ScriptTurn): Promise<Body> {
    if (body.length === 0 || (body.length !== null && this.#queue.beginFeeding(turn))) return body;
    const { limits, budget } = this.#options;
    const { maxSpoolMemoryBytes: maxMemoryBytes } = limits;
    return await spoolContent(body, { maxMemoryBytes, folder: this.#spoolFolder, budget });
  }

  /** Waits for the turn as long as for a head, and no longer than the client. */
  async #wait(
    request: HttpRequest,
    { turn, waiting, scriptMs }: {
      readonly turn: ScriptTurn;
      readonly waiting: Promise<void>;
      readonly scriptMs: number;
    },
  ): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.nowMs + scriptMs;
    const giveUp = (error: unknown) => this.#queue.cancel(turn, error);
    const onAbort = () => giveUp(new Deno.errors.Interrupted("The client has gone"));
    const look = () => {
      clock.update();
      if (clock.nowMs < endMs) timer = setTimeout(look, endMs - clock.nowMs);
      else giveUp(new Crowded(`No script ended within ${scriptMs} ms to make room`));
    };
    let timer = setTimeout(look, scriptMs);
    const { signal } = request;
    signal.addEventListener("abort", onAbort);
    try {
      if (signal.aborted) onAbort();
      await waiting;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #run(request: HttpRequest, call: ScriptCall, contentLength: number): Promise<ScriptRun> {
    const { log, clock, guard, budget } = this.#options;
    const limits = this.#limitsOf(call);
    const process = await this.#spawn(request, call, contentLength);
    const run = new ScriptRun(process, {
      request,
      label: `${basename(call.script.file)}[${process.pid}]`,
      limits,
      log,
      clock,
      ahead: { room: this.#room, folder: this.#spoolFolder, budget },
    });
    this.#runs.add(run);
    guard.begin(process.pid);
    run.closed.then(() => {
      // Else the sweep sees to it.
      if (run.isOver) guard.end(process.pid);
    });
    if (this.#stopping !== null) run.stop();
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    return run;
  }

  async #spawn(
    request: HttpRequest,
    { script, settings, run = null }: ScriptCall,
    contentLength: number,
  ): Promise<Child> {
    const { file, interpreter } = script;
    // An interpreter could take a search-word for an option of its own (CVE-2012-1823).
    const words = interpreter === null ? [file, ...searchWords(request.method, request.query)] : [interpreter, file];
    const command = {
      words: [...run?.prefix ?? this.#prefix, ...words],
      folder: dirname(file),
      environment: metaVariables({ request, script, contentLength }, settings),
      hasInput: contentLength > 0,
    };
    const { starter, warm = null } = this.#options;
    // Zygotes are started as the runner's options say.
    const starting = settings.isWarm && warm !== null && run === null
      ? warm.start({ ...command, file, interpreter, base: settings.environment })
      : starter.start(command);
    this.#starts.add(starting);
    try {
      return await starting;
    } catch (error) {
      const [program] = command.words;
      const message = `Cannot start "${program}"${program === file ? "" : ` for "${file}"`}`;
      if (error instanceof SpawnError && error.isShortage) throw scriptsUnavailable(`${message}: ${error.message}`);
      if (!(error instanceof SpawnError)) throw new HttpError(500, message, { cause: error });
      const why = startFailure(program, error);
      // As for one that nobody may execute, whom its mode lets do so is the operator's to mend.
      if (error.errno === EACCES && program === file) {
        const reason = "may not be executed by the user of the server";
        throw new Refusal({ path: file, reason: why === error.message ? reason : `${reason}: ${why}` });
      }
      throw new HttpError(500, `${message}: ${why}`);
    } finally {
      this.#starts.delete(starting);
    }
  }

  async #feed(run: ScriptRun, content: Body, request: HttpRequest): Promise<void> {
    if (content.length !== 0) await run.exchange.feed(content);
    // The body of the request itself belongs to the connection.
    if (content !== request.body) await content.close();
  }

  async #readResponse(run: ScriptRun): Promise<HttpResponse | LocalRedirect> {
    const { response, rest } = await run.exchange.readHead();
    if (response.kind === "local_redirect") {
      run.exchange.discard();
      return { localRedirect: response.location };
    }
    const { limits, log } = this.#options;
    const body = new ScriptContent(run.exchange, { document: response, rest, limits, log });
    await body.gather(this.#gatherTimer.moment());
    return { status: response.status, reason: response.reason, fields: response.fields, body };
  }

  #sweep(): void {
    const { clock } = this.#options;
    clock.update();
    const { nowMs } = clock;
    for (const run of this.#runs) {
      if (!run.isOver) run.sweep(nowMs);
      if (run.isOver) this.#forget(run);
    }
    this.#boundHeld();
    if (this.#runs.size > 0) return;
    this.#stopTimer();
    this.#setEmpty?.();
  }

  #forget(run: ScriptRun): void {
    this.#runs.delete(run);
    this.#options.guard.end(run.pid);
  }

  /** Scripts whose pipes are held by what they left have no place any more, but each takes descriptors. */
  #boundHeld(): void {
    const { maxScripts } = this.#options;
    const held = this.#runs.size > maxScripts ? [...this.#runs].filter((run) => run.isHeld) : [];
    const oldest = held.slice(0, Math.max(0, held.length - maxScripts));
    for (const run of oldest) run.letGo(`and so do those of ${maxScripts} later scripts`);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
