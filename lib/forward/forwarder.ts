/**
 * Hands requests on to applications that answer as programs do, and run by themselves: FastCGI, SCGI and HTTP. All of a worker's requests under
 * way are known here, so that one timer sweeps the limits of each, and the idle connections to each upstream. What is sent and
 * what may be answered is what holds for CGI (lib/gateway/). I/O, timer.
 */
import type { ScriptLog } from "../child/child_log.ts";
import type { WaitClock } from "../clock.ts";
import { GatherTimer } from "../gateway/gather_timer.ts";
import type { OutputRoom } from "../gateway/output_ahead.ts";
import { ProgramExchange } from "../gateway/program_exchange.ts";
import { ScriptContent } from "../gateway/script_content.ts";
import { spoolContent } from "../gateway/spool_content.ts";
import { SpoolFolder } from "../gateway/spool_folder.ts";
import { openTunnel, type SwitchedUpstream } from "../gateway/tunnel.ts";
import {
  type Body,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
  type Soon,
} from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { type Linked, LinkedList } from "../linked_list.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { asBadGateway, messageOf, noneLeft, NotAnswered } from "./answer_errors.ts";
import { AnswerWait } from "./answer_wait.ts";
import type { ForwardPeer, WholeAnswer, WholePeer } from "./forward_peer.ts";
import { KnownGroup, type KnownUpstream, type UpstreamView } from "./known_upstream.ts";
import { type ForwardCall, startPeer } from "./start_peer.ts";
import { UpstreamChecks } from "./upstream_checks.ts";
import { BrokenConnection, UpstreamConnection } from "./upstream_connection.ts";
import type { UpstreamGroup } from "./upstream_group.ts";
import type { ConnectOptions } from "./upstream_socket.ts";
import { WholeContent } from "./whole_content.ts";

export interface ForwarderOptions {
  readonly limits: Limits;
  /** Where content that comes in chunks is kept: its length is told before it. */
  readonly spoolFolder: string;
  readonly log: ScriptLog;
  readonly clock: WaitClock;
  readonly budget: MemoryBudget;
  /** For answers that slow clients have not taken; of all programs together. */
  readonly room: OutputRoom;
  readonly connect: ConnectOptions["connect"];
  readonly shutDown: ConnectOptions["shutDown"];
}

interface Asked {
  readonly request: HttpRequest;
  readonly call: ForwardCall;
  readonly content: Body;
  /** Whether it may be asked for once more though it has been sent. */
  readonly isRepeatable: boolean;
}

/** What a request is on. */
interface Use {
  readonly connection: UpstreamConnection;
  readonly known: KnownUpstream;
  /** Whether it was opened for this request. */
  readonly isNew: boolean;
}

/** What is to be looked after. */
interface Waiting extends Linked<Waiting> {
  readonly what: Pick<ProgramExchange, "sweep" | "stop">;
}

/** How often limits are looked at while a request is under way. */
const SWEEP_MS = 100;

/** RFC 9110 9.2.2: what does the same when it is done twice, where an upstream breaks off before an answer. */
const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #spoolFolder: SpoolFolder;
  /** By the text of the group. */
  readonly #groups = new Map<string, KnownGroup>();
  readonly #checks = new Map<KnownGroup, UpstreamChecks>();
  readonly #waiting = new LinkedList<Waiting>();
  #timer: number | null = null;
  readonly #gatherTimer = new GatherTimer();
  #isStopping = false;
  #setEmpty: (() => void) | null = null;

  /** Whoever makes it calls `stop`. */
  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#spoolFolder = new SpoolFolder(options.spoolFolder, options.limits.spoolMs);
  }

  /**
   * Answers by an application. Throws HttpError: 502 where it cannot be reached or its answer is none, 503 where it has no
   * room, or none of several can be asked, 504 where it takes too long.
   */
  answer(request: HttpRequest, call: ForwardCall): Promise<HttpResponse | LocalRedirect> {
    const { body } = request;
    // Only HTTP needs no length before the content.
    if (body.length === null && call.group.protocol !== "http") return this.#answerSpooled(request, call);
    return this.#ask({ request, call, content: body, isRepeatable: isRepeatable(request, body) });
  }

  async #answerSpooled(request: HttpRequest, call: ForwardCall): Promise<HttpResponse | LocalRedirect> {
    const { limits: { maxSpoolMemoryBytes: maxMemoryBytes }, budget } = this.#options;
    const content = await spoolContent(request.body, { maxMemoryBytes, folder: this.#spoolFolder, budget });
    request.notes?.mark("content");
    try {
      return await this.#ask({ request, call, content, isRepeatable: isRepeatable(request, content) });
    } catch (error) {
      await content.close();
      throw error;
    }
  }

  /** What is to be seen of all upstreams, those of a group one after the other. */
  get views(): readonly UpstreamView[] {
    return [...this.#groups.values()].flatMap(({ members }) => members.map(({ view }) => view));
  }

  /**
   * These are named from now on, and asked for their health where that is wanted. What is not named any more is given up: requests
   * under way go on to their end, and no connection is kept.
   */
  use(groups: readonly UpstreamGroup[]): void {
    const named = new Set(groups.map(({ text }) => text));
    for (const [text, known] of this.#groups) {
      if (named.has(text)) continue;
      known.close();
      this.#checks.get(known)?.close();
      this.#checks.delete(known);
      this.#groups.delete(text);
    }
    for (const group of groups) this.#groupOf(group);
  }

  /** Ends all requests and resolves when none is left; those that come are answered 503. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { what } of this.#waiting) what.stop();
    this.use([]);
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#setEmpty = resolve);
    this.#stopTimer();
    this.#gatherTimer.stop();
  }

  #ask(asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const group = this.#groupOf(asked.call.group);
    if (group.members.length > 1) return this.#askSeveral(group, asked);
    const known = this.#choose(group, asked.request, null);
    return known === null ? Promise.reject(noneLeft(group, null)) : this.#askOne(known, asked);
  }

  /** Each upstream of the group is asked once at most. */
  async #askSeveral(group: KnownGroup, asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const tried = new Set<KnownUpstream>();
    let problem: unknown = null;
    for (;;) {
      const known = this.#choose(group, asked.request, tried);
      if (known === null) throw noneLeft(group, problem);
      try {
        return await this.#askOne(known, asked);
      } catch (error) {
        if (!(error instanceof NotAnswered)) throw error;
        problem = error.cause;
        tried.add(known);
        this.#options.log.debug(known.text, "Another one is asked", problem);
      }
    }
  }

  #choose(
    { balancer }: KnownGroup,
    { connection }: HttpRequest,
    tried: ReadonlySet<KnownUpstream> | null,
  ): KnownUpstream | null {
    return balancer.choose({ client: connection.remoteAddress, nowMs: this.#options.clock.nowMs, tried });
  }

  /** Throws NotAnswered where another one may be asked, if there is one. */
  async #askOne(known: KnownUpstream, asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const { clock } = this.#options;
    known.begin();
    const kept = asked.isRepeatable ? known.pool.take(clock.nowMs) : null;
    if (kept !== null) {
      const use = { connection: kept, known, isNew: false };
      const peer = this.#startPeer(use, asked);
      try {
        return await this.#exchange(peer, use, asked);
      } catch (error) {
        // Its upstream may have ended it just then, which says nothing of how it is.
        if (peer.hasAnswered || !(error instanceof BrokenConnection)) throw this.#failed(error, known);
      }
    }
    const connecting = this.#connect(known);
    const connection = connecting instanceof Promise ? await connecting : connecting;
    const use = { connection, known, isNew: true };
    const peer = this.#startPeer(use, asked);
    try {
      return await this.#exchange(peer, use, asked);
    } catch (error) {
      const mayBeAskedAgain = asked.isRepeatable && !peer.hasAnswered && error instanceof BrokenConnection;
      const failure = this.#failed(error, known);
      throw mayBeAskedAgain ? notAnswered(known, failure) : failure;
    }
  }

  #connect(known: KnownUpstream): Soon<UpstreamConnection> {
    const { limits: { forwardConnectMs: connectMs }, connect, shutDown, clock } = this.#options;
    const opening = UpstreamConnection.open(known.upstream, { connectMs, connect, shutDown }, clock.nowMs);
    return opening instanceof Promise ? this.#awaitConnection(opening, known) : this.#orStop(opening, known);
  }

  async #awaitConnection(opening: Promise<UpstreamConnection>, known: KnownUpstream): Promise<UpstreamConnection> {
    let connection;
    try {
      connection = await opening;
    } catch (error) {
      // What has no room is not ill.
      if (error instanceof HttpError && error.status === 503) known.leaveOpen();
      else known.fail(messageOf(error), this.#options.clock.nowMs);
      throw notAnswered(known, error);
    }
    return this.#orStop(connection, known);
  }

  #orStop(connection: UpstreamConnection, known: KnownUpstream): UpstreamConnection {
    if (!this.#isStopping) return connection;
    connection.close();
    known.leaveOpen();
    throw new HttpError(503, "The server stops");
  }

  /** Counts what went wrong, and says it as the client gets it. */
  #failed(error: unknown, known: KnownUpstream): unknown {
    const told = asBadGateway(error, known);
    const isItsFault = told instanceof HttpError && (told.status === 502 || told.status === 504);
    if (isItsFault) known.fail(messageOf(told), this.#options.clock.nowMs);
    else known.leaveOpen();
    return told;
  }

  #startPeer({ connection, known }: Use, { request, call, content }: Asked): ForwardPeer {
    const { limits, log } = this.#options;
    try {
      const peer = startPeer(connection, { request, call, known, contentLength: content.length, limits, log });
      known.underWayCount++;
      noteConnection(request, peer);
      return peer;
    } catch (error) {
      connection.close();
      known.leaveOpen();
      throw error;
    }
  }

  /** What a peer was on is free, or to be closed. */
  #endUse({ connection, known }: Use, isUsable: boolean): void {
    known.underWayCount--;
    if (isUsable) known.keep(connection, this.#options.clock);
    else connection.close();
  }

  #exchange(peer: ForwardPeer, use: Use, asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const isShort = asked.content.length === 0 && isWholePeer(peer);
    return isShort ? this.#awaitWhole(peer, use, asked) : this.#readAnswer(peer, use, asked);
  }

  /** For a request without content. */
  async #awaitWhole(peer: WholePeer, use: Use, asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const { request, call: { limits = this.#options.limits } } = asked;
    const { connection, known } = use;
    const { clock: { nowMs } } = this.#options;
    const wait = new AnswerWait(peer, { request, connection, limitMs: limits.scriptMs, nowMs });
    const waiting = this.#begin(wait);
    const queueing = this.#beginWait(use);
    let answer: WholeAnswer | null;
    try {
      try {
        await peer.receive();
      } finally {
        known.endWait(queueing);
        this.#waiting.remove(waiting);
        wait.end();
      }
      answer = peer.whole();
    } catch (error) {
      this.#endUse(use, false);
      throw error;
    }
    if (answer === null) return this.#readAnswer(peer, use, asked);
    known.succeed();
    request.notes?.mark("first byte");
    const { response, content } = answer;
    const release = () => {
      const isUsable = peer.release();
      connection.giveRoom();
      this.#endUse(use, isUsable);
    };
    if (response.kind === "local_redirect") {
      release();
      return { localRedirect: response.location };
    }
    const { status, reason, fields } = response;
    return { status, reason, fields, body: new WholeContent(content, release) };
  }

  #beginWait({ known, isNew }: Use): { readonly sinceMs: number } | null {
    return isNew ? known.beginWait(this.#options.clock) : null;
  }

  /** What it returns is to be taken out of `#waiting`. */
  #begin(what: Waiting["what"]): Waiting {
    const waiting: Waiting = { what, before: null, after: null };
    this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    return waiting;
  }

  async #readAnswer(peer: ForwardPeer, use: Use, asked: Asked): Promise<HttpResponse | LocalRedirect> {
    const { request, call, content } = asked;
    const { known } = use;
    const { log, clock, budget, room } = this.#options;
    peer.done.then((isUsable) => this.#endUse(use, isUsable));
    const { limits = this.#options.limits } = call;
    const exchange = new ProgramExchange(peer, {
      ...{ request, limits, log, clock },
      ahead: { room, budget, folder: this.#spoolFolder },
    });
    const waiting = this.#begin(exchange);
    Promise.all([peer.done, exchange.outputEnded]).then(() => this.#waiting.remove(waiting));
    this.#feed(exchange, content, request);
    const queueing = this.#beginWait(use);
    const { response, rest } = await exchange.readHead().finally(() => known.endWait(queueing));
    known.succeed();
    request.notes?.mark("first byte");
    if (response.kind === "document" && response.status === 101) {
      // Its limits are those of the client's connection from now on.
      this.#waiting.remove(waiting);
      return openTunnel({ fields: response.fields, ...endsOf(peer, use) }, limits);
    }
    if (response.kind === "local_redirect") {
      exchange.discard();
      return { localRedirect: response.location };
    }
    const body = new ScriptContent(exchange, { document: response, rest, limits, log });
    await body.gather(this.#gatherTimer.moment());
    return { status: response.status, reason: response.reason, fields: response.fields, body };
  }

  async #feed(exchange: ProgramExchange, content: Body, request: HttpRequest): Promise<void> {
    if (content.length === 0) return;
    await exchange.feed(content);
    // The body of the request itself belongs to the connection.
    if (content !== request.body) await content.close();
  }

  #groupOf(group: UpstreamGroup): KnownGroup {
    const found = this.#groups.get(group.text);
    if (found !== undefined) return found;
    const known = new KnownGroup(group, this.#options);
    this.#groups.set(group.text, known);
    const checks = this.#isStopping ? null : UpstreamChecks.open(known, this.#options);
    if (checks !== null) this.#checks.set(known, checks);
    return known;
  }

  #sweep(): void {
    const { clock } = this.#options;
    clock.update();
    for (const { what } of this.#waiting) what.sweep(clock.nowMs);
    let idleCount = 0;
    for (const { members } of this.#groups.values()) {
      for (const { pool } of members) {
        pool.sweep(clock.nowMs);
        idleCount += pool.idleCount;
      }
    }
    if (this.#waiting.size > 0) return;
    this.#setEmpty?.();
    if (idleCount === 0) this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

function isRepeatable({ method }: HttpRequest, content: Body): boolean {
  return content.length === 0 && IDEMPOTENT_METHODS.has(method);
}

/** What the client is told where nobody else can be asked. */
function notAnswered({ isAlone }: KnownUpstream, problem: unknown): unknown {
  return isAlone ? problem : new NotAnswered(problem);
}

function noteConnection({ notes }: HttpRequest, { label }: ForwardPeer): void {
  if (!notes) return;
  notes.answerer = label;
  notes.mark("connect");
}

/** Both ways of a connection after 101. */
function endsOf(peer: ForwardPeer, { connection }: Use): Omit<SwitchedUpstream, "fields"> {
  return {
    // HTTP alone knows 101.
    flow: (take) => peer.flow?.(take).catch(asEnd) ?? Promise.resolve(),
    write: (bytes) => connection.write(bytes),
    close: () => peer.output.close(),
  };
}

/** One that breaks is one that ends: whoever reads sees that no close came before. */
function asEnd(error: unknown): void {
  if (!(error instanceof BrokenConnection)) throw error;
}

function isWholePeer(peer: ForwardPeer): peer is WholePeer {
  return "whole" in peer;
}
