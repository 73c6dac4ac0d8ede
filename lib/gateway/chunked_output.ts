/**
 * Decodes the chunked content of a script that printed a whole HTTP response. Separate because next to no script does
 * so; what the decoder needs is made only for one that does. RFC 9112 7.1.
 */
import { ChunkedReader } from "../http/body_readers.ts";
import { BrokenAnswer, HttpError } from "../http/message.ts";
import { ReceiveBuffer } from "../http/receive_buffer.ts";
import type { Limits } from "../limits.ts";

export class ChunkedOutput {
  readonly #buffer = new ReceiveBuffer();
  readonly #reader: ChunkedReader;
  #hasEnded = false;

  /** What a script prints has no bound in all; the limits of lines and trailers hold. */
  constructor(limits: Limits) {
    this.#reader = new ChunkedReader({ ...limits, maxBodyBytes: Number.MAX_SAFE_INTEGER });
  }

  /** Whether the last chunk has been decoded. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes the next bytes of the output. */
  push(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length;) {
      const space = this.#buffer.space(bytes.length);
      const count = Math.min(space.length, bytes.length - taken);
      space.set(bytes.subarray(taken, taken + count));
      this.#buffer.commit(count);
      taken += count;
    }
  }

  /** The next decoded bytes, valid until the next `push`; null when more must be pushed. Throws BrokenAnswer. */
  take(): Uint8Array | null {
    if (this.#hasEnded) return null;
    try {
      const part = this.#reader.read(this.#buffer);
      if (part !== "end") return part;
      this.#hasEnded = true;
      return null;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // The reader speaks of requests; here the script is at fault, and the head of its response may be on its way.
      throw new BrokenAnswer(`The script's chunked output is malformed: ${error.message}`);
    }
  }
}
