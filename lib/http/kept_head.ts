/**
 * The head of an answer that is given again and again, in the form in which it was sent last: within a second it is the
 * same for most clients. Apart from the writer because an answer brings it along.
 */

/** What decides about the bytes of a head beside its status and its fields. */
export interface HeadCase {
  /** Has fields of its own. */
  readonly writer: object;
  readonly framing: number | string;
  readonly keepsAlive: boolean;
  /** Since 1970. */
  readonly second: number;
}

export class KeptHead {
  #case: HeadCase | null = null;
  #bytes = new Uint8Array(0);

  /** Null where it was another case. */
  find({ writer, framing, keepsAlive, second }: HeadCase): Uint8Array | null {
    const kept = this.#case;
    const isSame = kept !== null && kept.second === second && kept.keepsAlive === keepsAlive &&
      kept.framing === framing && kept.writer === writer;
    return isSame ? this.#bytes : null;
  }

  keep(headCase: HeadCase, bytes: Uint8Array<ArrayBuffer>): void {
    this.#case = headCase;
    this.#bytes = bytes;
  }
}
