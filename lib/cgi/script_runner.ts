/**
 * Answers requests by running programs: waits for the turn of a script, starts it, and turns what it prints into a response.
 * All scripts of a worker are known here, whatever place they belong to, so that the limits of each are swept by one timer,
 * and none outlives the server. RFC 3875; what a script is told and what it may print is pure and in files of its own.
 */
import type { WaitClock } from "../clock.ts";
import { basename, dirname } from "@std/path";
import { type Body, Crowded, type HttpRequest, type HttpResponse, type LocalRedirect } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { commandPrefix, type ResourceLimits, type ScriptUser } from "../child/command_prefix.ts";
import { GatherTimer } from "../gateway/gather_timer.ts";
import { metaVariables } from "../gateway/meta_variables.ts";
import { ScriptContent } from "../gateway/script_content.ts";
import type { ChildGuard } from "../child/child_guard.ts";
import type { ScriptLog } from "../child/child_log.ts";
import type { OutputRoom } from "../gateway/output_ahead.ts";
import type { Child, Starter } from "../child/child.ts";
import { ProgramExchange } from "../gateway/program_exchange.ts";
import { ScriptQueue, type ScriptTurn } from "./script_queue.ts";
import type { RunnerView, ScriptTimes } from "./runner_view.ts";
import { type RunExchange, type ScriptPeer, ScriptRun } from "./script_run.ts";
import { searchWords } from "./search_words.ts";
import { noteStart, type ScriptCall, type Told } from "./script_call.ts";
import { takePlace } from "./take_place.ts";
import type { WarmStarter } from "../warm/warm_starter.ts";
import { startHttpError } from "./start_failure.ts";
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
  /** Null: nobody. */
  readonly times?: ScriptTimes | null;
}

/** Who finds no room is told so often at most. */
const CROWD_AGAIN_MS = 1000;

/** How often limits are looked at while a script runs. */
const SWEEP_MS = 100;

interface StartOptions<Exchange> extends Told {
  /** Makes what talks with the script. */
  readonly exchangeOf: (peer: ScriptPeer) => Exchange;
}

/** One that answers a request. */
type AnsweringRun = ScriptRun<ProgramExchange>;

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
    let run: AnsweringRun;
    if (request.notes) request.notes.answerer = call.script.file;
    try {
      turn = this.#queue.admit(request.connection.remoteAddress, request.body.length !== 0);
      run = await this.#start(request, call, turn);
    } catch (error) {
      if (turn !== null) this.#queue.end(turn);
      if (error instanceof Crowded) this.#tellCrowd(error);
      throw error;
    }
    noteStart(request, call, run);
    return await this.#readResponse(run, request);
  }

  get view(): RunnerView {
    const { waitingCount, comingCount } = this.#queue;
    // The next sweep forgets the others.
    return { runs: [...this.#runs].filter((run) => !run.isOver), waitingCount, comingCount };
  }

  /**
   * Starts a script for a client that talks with it for as long as both like; whatever makes an end of that also ends what
   * `exchangeOf` makes of it. Throws as `answer` does before there is a head.
   */
  async converse<Exchange extends RunExchange>(
    request: HttpRequest,
    call: ScriptCall,
    exchangeOf: (peer: ScriptPeer, services: Pick<RunnerOptions, "limits" | "log" | "clock">) => Exchange,
  ): Promise<Exchange> {
    const { log, clock } = this.#options;
    const limits = this.#limitsOf(call);
    if (request.notes) request.notes.answerer = call.script.file;
    const turn = this.#queue.admit(request.connection.remoteAddress, false);
    try {
      this.#queue.beginTalk(turn);
      await takePlace(this.#queue, turn, { request, clock, scriptMs: limits.scriptMs });
      const run = await this.#run(request, call, {
        ...{ contentLength: 0, hasInput: true, searchWords: [] },
        exchangeOf: (peer) => exchangeOf(peer, { limits, log, clock }),
      });
      run.done.then(() => this.#queue.end(turn));
      noteStart(request, call, run);
      return run.exchange;
    } catch (error) {
      this.#queue.end(turn);
      if (error instanceof Crowded) this.#tellCrowd(error);
      throw error;
    }
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

  #answerOf(peer: ScriptPeer, request: HttpRequest, limits: Limits): ProgramExchange {
    const { log, clock, budget } = this.#options;
    const ahead = { room: this.#room, folder: this.#spoolFolder, budget };
    return new ProgramExchange(peer, { request, limits, log, clock, ahead });
  }

  async #start(request: HttpRequest, call: ScriptCall, turn: ScriptTurn): Promise<AnsweringRun> {
    const content = await this.#takeContent(request, turn);
    if (content !== request.body) request.notes?.mark("content");
    try {
      const limits = this.#limitsOf(call);
      const { scriptMs } = limits;
      const { clock } = this.#options;
      if (turn.state === "running") request.notes?.mark("queue");
      else await takePlace(this.#queue, turn, { request, clock, scriptMs });
      const run = await this.#run(request, call, {
        contentLength: content.length ?? 0,
        hasInput: content.length !== 0,
        searchWords: searchWords(request.method, request.query),
        exchangeOf: (peer) => this.#answerOf(peer, request, limits),
      });
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

  async #run<Exchange extends RunExchange>(
    request: HttpRequest,
    call: ScriptCall,
    { exchangeOf, ...told }: StartOptions<Exchange>,
  ): Promise<ScriptRun<Exchange>> {
    const { log, clock, guard, times } = this.#options;
    const { script: { file } } = call;
    const limits = this.#limitsOf(call);
    const askedMs = performance.now();
    const process = await this.#spawn(request, call, told);
    const label = `${basename(file)}[${process.pid}]`;
    const client = request.connection.remoteAddress;
    const run = new ScriptRun(process, { label, file, client, limits, log, clock, exchangeOf });
    this.#runs.add(run);
    times?.starts.observe(run.startMs - askedMs);
    if (times) run.done.then(() => times.runs.observe(performance.now() - run.startMs));
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
    { contentLength, hasInput, searchWords }: Told,
  ): Promise<Child> {
    const { file, interpreter } = script;
    // An interpreter could take a search-word for an option of its own (CVE-2012-1823).
    const words = interpreter === null ? [file, ...searchWords] : [interpreter, file];
    const command = {
      words: [...run?.prefix ?? this.#prefix, ...words],
      folder: dirname(file),
      environment: metaVariables({ request, script, contentLength }, settings),
      hasInput,
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
      throw startHttpError(error, { program: command.words[0], file });
    } finally {
      this.#starts.delete(starting);
    }
  }

  async #feed(run: AnsweringRun, content: Body, request: HttpRequest): Promise<void> {
    if (content.length !== 0) await run.exchange.feed(content);
    // The body of the request itself belongs to the connection.
    if (content !== request.body) await content.close();
  }

  async #readResponse(run: AnsweringRun, request: HttpRequest): Promise<HttpResponse | LocalRedirect> {
    const { response, rest } = await run.exchange.readHead();
    request.notes?.mark("first byte");
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
