/**
 * Waits for the first bytes of an answer, for as long as the limits allow and somebody wants it. Separate from
 * lib/gateway/program_exchange.ts, which does the same for answers in parts: most are whole with their first bytes, and an
 * exchange for each would take longer than all else here. Clock.
 */
import { HttpError, type HttpRequest } from "../http/message.ts";
import type { WholePeer } from "./forward_peer.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

export interface AnswerWaitOptions {
  readonly request: Pick<HttpRequest, "signal">;
  /** What the peer is on. */
  readonly connection: Pick<UpstreamConnection, "close">;
  readonly limitMs: number;
  readonly nowMs: number;
}

/** Watching a client costs a read of its socket, so it starts for upstreams that take longer than most. */
const WATCH_AFTER_MS = 100;

export class AnswerWait {
  readonly #peer: WholePeer;
  readonly #options: AnswerWaitOptions;
  /** Null where nobody is watched. */
  #signal: AbortSignal | null = null;
  #failure: { readonly error: unknown } | null = null;
  #onAbort: (() => void) | null = null;

  constructor(peer: WholePeer, options: AnswerWaitOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  /**
   * To be called when the peer has received something, or failed. Throws HttpError 504 when it took too long, 503 after `stop`, and
   * Interrupted when the client has gone.
   */
  end(): void {
    if (this.#onAbort !== null) this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** To be called often meanwhile. */
  sweep(nowMs: number): void {
    const { request, limitMs, nowMs: startMs } = this.#options;
    if (nowMs - startMs > limitMs) {
      this.#fail(new HttpError(504, `${this.#peer.label} printed no head within ${limitMs} ms`), "late");
    }
    if (this.#signal !== null || this.#failure !== null || nowMs - startMs < WATCH_AFTER_MS) return;
    const onAbort = this.#onAbort = () => this.#fail(new Deno.errors.Interrupted("The client has gone"));
    this.#signal = request.signal;
    if (this.#signal.aborted) onAbort();
    else this.#signal.addEventListener("abort", onAbort);
  }

  /** The server stops. */
  stop(): void {
    this.#fail(new HttpError(503, "The server stops"), "late");
  }

  #fail(error: unknown, why: "unwanted" | "late" = "unwanted"): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.#peer.end(why);
    // Ends what is waited for.
    this.#peer.done.then(() => this.#options.connection.close());
  }
}
