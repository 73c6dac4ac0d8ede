/**
 * What the server asks of a connection, from its acceptance to its end and whatever is spoken on it. Separate, so that the
 * server knows of no protocol.
 */
import type { ConnectionInfo, HttpError } from "../http/message.ts";
import type { Protocol } from "../status/thread_status.ts";

export type { Protocol };

export interface OpenConnection {
  /** Both ends of the connection. */
  readonly info: ConnectionInfo;
  /** What is spoken on it, as far as that is known. */
  readonly protocol: Protocol;
  /** Whether no request has begun, as far as has been seen. */
  readonly isIdle: boolean;
  /**
   * Serves the connection to its end, or until another one goes on with it: that one or null. With a `refusal` that is answered and
   * nothing is read. Never rejects.
   */
  run(refusal?: HttpError | null): Promise<OpenConnection | null>;
  /** Leaves it to one that takes less memory, where that can be and nothing has been asked for so long: whether it does. Absent: it never can. */
  rest?(idleMs: number): boolean;
  /** Whether something has waited beyond its limit, by the server's clock. */
  isLate(nowMs: number): boolean;
  /**
   * Ends what has waited beyond its limit. A client that waits for an answer is told so by 408. True when the socket
   * hangs: then the caller shuts it down, and where it cannot, the connection stays and counts until the client ends it.
   */
  sweep(nowMs: number): boolean;
  /** The server stops: the first answer that can still say so is the last one. True as for `sweep`. */
  drain(): boolean;
  /** Closes a connection on which no request has begun for at least so long, and says whether it did. */
  closeIfIdle(reason: string, idleMs: number): boolean;
  /**
   * Which of one address's connections goes first when that has too many: the one with the lowest number. Below 0: for so many
   * ms nothing has been asked; from 0 on: so many bytes a second have passed, and the client is waited for. Null: it stays,
   * for it is young, or what takes time is the server's.
   */
  readonly slowness: number | null;
  /** Bytes of memory that wait for its client, as far as they are known here. */
  readonly heldBytes: number;
  /** Makes room for another one. True as for `sweep`. */
  giveWay(reason: string): boolean;
  /** The server stops now: whatever is under way is cut; the caller shuts the socket down, for a write may hang. */
  abort(): void;
}
