/**
 * What serving needs of the network: sockets, and listeners that give them. The runtime's fit as they are, so do the ones of
 * this folder, and tests put scripted ones in their place.
 */
import type { FileRange, TakeBytes } from "../http/message.ts";

/** Who is told that something has come. */
export interface Waking {
  wake(): void;
}

/** What serving needs of a socket; Deno.TcpConn and Deno.TlsConn fit as they are. */
export interface Transport {
  read(into: Uint8Array): Promise<number | null>;
  /** As `read`, into what `space` gives once something is there: who waits needs no room. Absent: room is to be had meanwhile. */
  readInto?(space: () => Uint8Array): Promise<number | null>;
  /**
   * Where `readInto` waits and nothing else is under way, has that resolve to 0 and `waking` told once, when there is something to be
   * read, were it the end or an error, or it is closed; false where that is not so. Nothing may be asked of the socket meanwhile but `hasUnread`
   * and `close`. Absent: who waits goes on reading.
   */
  rest?(waking: Waking): boolean;
  /**
   * What comes from now on, as soon as it is there, until the end, until `take` ends it or a read does. Rejects as `read` does.
   * Absent: it is to be read.
   */
  flow?(take: TakeBytes): Promise<void>;
  /** `hasMore`: a file, `close` or `closeWrite` follows as soon as all has been written, so that both may leave together. */
  write(bytes: Uint8Array, hasMore?: boolean): Promise<number>;
  /** What leaves without waiting, in bytes; 0 where none does, for which reason ever. Absent: nobody can tell before it is written. */
  writeAtOnce?(bytes: Uint8Array, hasMore?: boolean): number;
  /**
   * As `write`, bytes of a file; resolves to 0 where they cannot be had in this way. Absent: files are to be read and written.
   * What is changed in the file before the peer has it may reach the peer so.
   */
  sendFile?(range: FileRange): Promise<number>;
  /** As `writeAtOnce`, bytes of a file. There where `sendFile` is. */
  sendFileAtOnce?(range: FileRange): number;
  /** Whether bytes have come that were not read, asked of the system. Absent: nobody can tell before they are read. */
  hasUnread?(): boolean;
  closeWrite(): Promise<void>;
  close(): void;
  /** True: also while a write waits. The runtime's stay open then until their peers go. */
  readonly closesAtOnce?: boolean;
  /** TLS only. */
  handshake?(): Promise<unknown>;
  /** TCP only: a small write does not wait for the acknowledgement of the one before (40 ms). */
  setNoDelay?(isOn: boolean): void;
}

/** A socket as a listener gives it. */
export interface AcceptedSocket extends Transport {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
}

/** What accepts connections; Deno.Listener fits as it is. */
export interface Listener {
  accept(): Promise<AcceptedSocket>;
  close(): void;
}
