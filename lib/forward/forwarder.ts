/**
 * Hands requests on to applications that answer as programs do, and run by themselves: FastCGI, SCGI and HTTP. All of a worker's requests under
 * way are known here, so that one timer sweeps the limits of each, and the idle connections to each upstream. What is sent and
 * what may be answered is what holds for CGI (lib/gateway/). I/O, timer.
 */
import { basename } from "@std/path";
import type { ScriptLog } from "../child/child_log.ts";
import type { WaitClock } from "../clock.ts";
import { GatherTimer } from "../gateway/gather_timer.ts";
import { metaVariables, type MetaVariableSettings, type ScriptLocation } from "../gateway/meta_variables.ts";
import type { OutputRoom } from "../gateway/output_ahead.ts";
import { ProgramExchange } from "../gateway/program_exchange.ts";
import { ScriptContent } from "../gateway/script_content.ts";
import { spoolContent } from "../gateway/spool_content.ts";
import { SpoolFolder } from "../gateway/spool_folder.ts";
import { type Body, HttpError, type HttpRequest, type HttpResponse, type LocalRedirect } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { ConnectionPool, type PoolLimits } from "./connection_pool.ts";
import { FastCgiPeer } from "./fastcgi_peer.ts";
import { MalformedRecord } from "./fastcgi_records.ts";
import type { ForwardPeer } from "./forward_peer.ts";
import { HttpPeer } from "./http_peer.ts";
import { upstreamRequestHead } from "./http_request.ts";
import { MalformedResponse } from "./http_response_reader.ts";
import { ScgiPeer } from "./scgi_peer.ts";
import type { Upstream } from "./upstream.ts";
import { BrokenConnection, type ConnectOptions, UpstreamConnection } from "./upstream_connection.ts";

export interface ForwarderOptions {
  readonly limits: Limits;
  /** Where content that comes in chunks is kept: its length is told before it. */
  readonly spoolFolder: string;
  readonly log: ScriptLog;
  readonly clock: WaitClock;
  readonly budget: MemoryBudget;
  /** For answers that slow clients have not taken; of all programs together. */
  readonly room: OutputRoom;
  readonly shutDown: ConnectOptions["shutDown"];
}

/** A request to hand on, and what the place that it belongs to tells of it. */
export interface ForwardCall {
  readonly upstream: Upstream;
  readonly script: ScriptLocation;
  readonly settings: MetaVariableSettings;
  /** As the place has them; those of the options where it says nothing. */
  readonly limits?: Limits;
}

/** An upstream, as this worker knows it. */
interface Known {
  readonly pool: ConnectionPool<UpstreamConnection>;
  readonly maxIdleCount: number;
  /** Requests for whose head is waited. */
  waitingCount: number;
}

/** How often limits are looked at while a request is under way. */
const SWEEP_MS = 100;

/** RFC 9110 9.2.1: what may be asked for twice, where a connection that was kept breaks before an answer. */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #spoolFolder: SpoolFolder;
  /** By the text of the upstream. */
  readonly #known = new Map<string, Known>();
  readonly #exchanges = new Set<ProgramExchange>();
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
   * Answers by the application. Throws HttpError: 502 where it cannot be reached or its answer is none, 503 where it has no
   * room, 504 where it takes too long.
   */
  async answer(request: HttpRequest, call: ForwardCall): Promise<HttpResponse | LocalRedirect> {
    const content = await this.#takeContent(request, call.upstream);
    try {
      return await this.#ask(request, call, content);
    } catch (error) {
      if (content !== request.body) await content.close();
      throw asBadGateway(error, call.upstream);
    }
  }

  /** Ends all requests and resolves when none is left; those that come are answered 503. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const exchange of this.#exchanges) exchange.stop();
    for (const { pool } of this.#known.values()) pool.close();
    if (this.#exchanges.size > 0) await new Promise<void>((resolve) => this.#setEmpty = resolve);
    this.#stopTimer();
    this.#gatherTimer.stop();
  }

  /** The content of the request, of a known length but for HTTP, which needs none. */
  async #takeContent({ body }: HttpRequest, { protocol }: Upstream): Promise<Body> {
    if (body.length !== null || protocol === "http") return body;
    const { limits: { maxSpoolMemoryBytes: maxMemoryBytes }, budget } = this.#options;
    return await spoolContent(body, { maxMemoryBytes, folder: this.#spoolFolder, budget });
  }

  async #ask(request: HttpRequest, call: ForwardCall, content: Body): Promise<HttpResponse | LocalRedirect> {
    const { clock } = this.#options;
    const known = this.#knownOf(call.upstream);
    const isRepeatable = content.length === 0 && SAFE_METHODS.includes(request.method);
    const kept = isRepeatable ? known.pool.take(clock.nowMs) : null;
    if (kept !== null) {
      const peer = this.#startPeer(kept, { request, call, contentLength: 0, known });
      try {
        return await this.#exchange(peer, { request, call, content, known });
      } catch (error) {
        // Its upstream may have ended it just then.
        if (peer.hasAnswered || !(error instanceof BrokenConnection)) throw error;
      }
    }
    const connection = await this.#connect(call.upstream);
    const peer = this.#startPeer(connection, { request, call, contentLength: content.length, known });
    return await this.#exchange(peer, { request, call, content, known });
  }

  async #connect(upstream: Upstream): Promise<UpstreamConnection> {
    const { limits, shutDown, clock } = this.#options;
    const connection = await UpstreamConnection.open(
      upstream,
      { connectMs: limits.forwardConnectMs, shutDown },
      clock.nowMs,
    );
    if (!this.#isStopping) return connection;
    connection.close();
    throw new HttpError(503, "The server stops");
  }

  #startPeer(
    connection: UpstreamConnection,
    { request, call: { script, settings, upstream }, contentLength, known }: {
      readonly request: HttpRequest;
      readonly call: ForwardCall;
      /** Null for HTTP alone, where it is not known. */
      readonly contentLength: number | null;
      readonly known: Known;
    },
  ): ForwardPeer {
    const { limits, log, clock } = this.#options;
    const file = script.interpreter === null ? "" : `${basename(script.file)} `;
    const label = `${file}${upstream.text}`;
    const { passesAuthorization } = settings;
    const isKept = known.maxIdleCount > 0;
    const start = (): ForwardPeer => {
      if (upstream.protocol === "http") {
        const told = { request, rest: script.pathInfo, contentLength, upstream, isKept, passesAuthorization };
        return new HttpPeer(connection, upstreamRequestHead(told), {
          label,
          ...request,
          contentLength,
          isKept,
          limits,
        });
      }
      const variables = metaVariables({ request, script, contentLength: contentLength ?? 0 }, settings);
      const common = { label, hasContent: contentLength !== 0 };
      if (upstream.protocol === "scgi") return new ScgiPeer(connection, variables, common);
      return new FastCgiPeer(connection, variables, {
        ...common,
        log,
        maxErrorBytes: limits.maxScriptErrorBytes,
        isKept,
      });
    };
    const peer = start();
    peer.done.then((isUsable) => {
      // A process of php-fpm waits on each connection that is kept, and so does a request that finds none of them free.
      if (isUsable && (upstream.protocol === "http" || known.waitingCount === 0)) {
        known.pool.put(connection, clock.nowMs);
      } else connection.close();
    });
    return peer;
  }

  async #exchange(
    peer: ForwardPeer,
    { request, call, content, known }: {
      readonly request: HttpRequest;
      readonly call: ForwardCall;
      readonly content: Body;
      readonly known: Known;
    },
  ): Promise<HttpResponse | LocalRedirect> {
    const { log, clock, budget, room } = this.#options;
    const { limits = this.#options.limits } = call;
    const exchange = new ProgramExchange(peer, {
      ...{ request, limits, log, clock },
      ahead: { room, budget, folder: this.#spoolFolder },
    });
    this.#exchanges.add(exchange);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    Promise.all([peer.done, exchange.outputEnded]).then(() => this.#exchanges.delete(exchange));
    this.#feed(exchange, content, request);
    known.waitingCount++;
    const { response, rest } = await exchange.readHead().finally(() => known.waitingCount--);
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

  #knownOf({ text, protocol }: Upstream): Known {
    const found = this.#known.get(text);
    if (found !== undefined) return found;
    const { limits } = this.#options;
    const own: PoolLimits = protocol === "http"
      ? { maxIdleCount: limits.maxForwardHttpIdleCount, keepMs: limits.forwardHttpIdleMs, keptFrom: "last_use" }
      : { maxIdleCount: limits.maxForwardIdleCount, keepMs: limits.forwardKeepMs, keptFrom: "opening" };
    const known = {
      pool: new ConnectionPool<UpstreamConnection>(own),
      maxIdleCount: own.maxIdleCount,
      waitingCount: 0,
    };
    this.#known.set(text, known);
    return known;
  }

  #sweep(): void {
    const { clock } = this.#options;
    clock.update();
    for (const exchange of this.#exchanges) exchange.sweep(clock.nowMs);
    const pools = [...this.#known.values()].map(({ pool }) => pool);
    for (const pool of pools) pool.sweep(clock.nowMs);
    if (this.#exchanges.size > 0) return;
    this.#setEmpty?.();
    if (pools.every(({ idleCount }) => idleCount === 0)) this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** RFC 9110 15.6.3: what is wrong with an answer that this server has asked for is no fault of its own. */
function asBadGateway(error: unknown, { text }: Upstream): unknown {
  if (error instanceof HttpError) return error.status === 500 ? new HttpError(502, `${text}: ${error.message}`) : error;
  const isBroken = error instanceof BrokenConnection || error instanceof MalformedRecord ||
    error instanceof MalformedResponse;
  return isBroken ? new HttpError(502, `${text}: ${error.message}`) : error;
}
