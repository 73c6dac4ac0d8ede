/**
 * What serving needs of the network: sockets, and listeners that give them. The runtime's fit as they are, so do the ones of
 * this folder, and tests put scripted ones in their place.
 */

/** What serving needs of a socket; Deno.TcpConn and Deno.TlsConn fit as they are. */
export interface Transport {
  read(into: Uint8Array): Promise<number | null>;
  /** `isLast`: `close` or `closeWrite` is called as soon as all has been written, so that both may leave together. */
  write(bytes: Uint8Array, isLast?: boolean): Promise<number>;
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
