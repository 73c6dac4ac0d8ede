/**
 * A WebSocket connection that is handed on: bytes both ways as they come, each as fast as the other end takes them. Of what
 * passes only the ends of the upstream's frames are looked for, so that the client can be told between two of them that the server
 * stops. Separate from the request that asked for it (lib/forward/http_peer.ts). Pure. RFC 6455 5.5.1, RFC 9110 7.8.
 */
import { HeaderFields } from "../http/header_fields.ts";
import type { Body, HttpResponse, Soon, TakeBytes, Upgrade, UpgradedStream } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { FrameEnds } from "../websocket/frame_ends.ts";
import { CLOSE, closeFrame } from "../websocket/frames.ts";

/** An upstream that has answered 101. */
export interface SwitchedUpstream {
  /** For the client, but for Upgrade. */
  readonly fields: HeaderFields;
  /** What it says, until its end, until that says false, and until it is closed. */
  readonly flow: (take: TakeBytes) => Promise<void>;
  /** Writes all; false when nobody reads any more. The bytes may change once it returns. */
  readonly write: (bytes: Uint8Array) => boolean | Promise<boolean>;
  /** Idempotent. */
  readonly close: () => void;
}

type TunnelLimits = Pick<Limits, "websocketIdleMs" | "websocketCloseMs">;

/** The answer for the client; whoever gets it has the upstream closed by it. */
export function openTunnel(upstream: SwitchedUpstream, limits: TunnelLimits): HttpResponse {
  const tunnel = new Tunnel(upstream, limits);
  const fields = HeaderFields.of(["Upgrade", "websocket"], ...upstream.fields);
  return { status: 101, fields, body: tunnel.body, upgrade: tunnel };
}

class Tunnel implements Upgrade {
  /** Closed with the answer, it closes the upstream. */
  readonly body: Body;
  readonly #upstream: SwitchedUpstream;
  readonly #limits: TunnelLimits;
  readonly #ends = new FrameEnds();
  #isDraining = false;
  #isWriting = false;
  #hasSaidGoodbye = false;

  constructor(upstream: SwitchedUpstream, limits: TunnelLimits) {
    const close = () => Promise.resolve(upstream.close());
    this.body = { length: 0, [Symbol.asyncIterator]: noParts, close };
    this.#upstream = upstream;
    this.#limits = limits;
  }

  /** Resolves as soon as one of both ends has closed, and all that it said before has been passed on. */
  async run(stream: UpgradedStream): Promise<void> {
    stream.limitSilence(this.#limits.websocketIdleMs);
    stream.draining.then(() => this.#drain(stream));
    await Promise.race([
      stream.flow((bytes) => this.#upstream.write(bytes)),
      this.#upstream.flow((bytes) => this.#passDown(bytes, stream)),
    ]);
  }

  #passDown(bytes: Uint8Array, stream: UpgradedStream): Soon<boolean> {
    // RFC 6455 5.5.1: nothing may follow a close.
    if (this.#hasSaidGoodbye) return true;
    const end = this.#ends.pass(bytes);
    const writing = stream.write(this.#isDraining && end !== null ? bytes.subarray(0, end) : bytes);
    if (!(writing instanceof Promise)) return this.#passed(end, stream);
    this.#isWriting = true;
    return writing.then(() => {
      this.#isWriting = false;
      return this.#passed(end, stream);
    });
  }

  #passed(end: number | null, stream: UpgradedStream): Soon<boolean> {
    if (!this.#isDraining || (end === null && !this.#ends.isBetween)) return true;
    return this.#sayGoodbye(stream).then(() => true);
  }

  #drain(stream: UpgradedStream): void {
    this.#isDraining = true;
    if (this.#isWriting || !this.#ends.isBetween) return;
    // Whoever reads meets the same failure.
    this.#sayGoodbye(stream).catch(() => {});
  }

  /** The client answers it, which is passed on, and by that the upstream closes. */
  async #sayGoodbye(stream: UpgradedStream): Promise<void> {
    this.#hasSaidGoodbye = true;
    stream.endWithin(this.#limits.websocketCloseMs);
    if (!this.#ends.hasClosed) await stream.write(closeFrame(CLOSE.goingAway));
  }
}

async function* noParts(): AsyncGenerator<Uint8Array> {}
