/** Where to listen, and as which of several threads that listen there. Apart from those who listen: config makes it. Pure. */
import type { Given } from "../start_error.ts";

export interface ListenAddress {
  /** How the operator knows the port, for messages: `--http`, `<HTTP port>`. */
  readonly argument: string;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** Address or name to bind; null for every address of the machine: `::` where it has IPv6 (dual stack), else 0.0.0.0. */
  readonly hostname: string | null;
}

/** A socket with a name in the file system, for clients of the same machine. unix(7). */
export interface SocketFile {
  readonly argument: string;
  /** Absolute. */
  readonly path: string;
  /** Permission bits: whoever may write may connect. */
  readonly mode: number;
  /** Null: those of the server. */
  readonly owner: Given | null;
  readonly group: Given | null;
  /** That of the socket which another thread has opened there; null: there is none yet. */
  readonly descriptor: number | null;
}

/** A socket that whoever started this process has opened and handed over. sd_listen_fds(3). */
export interface HandedSocket {
  readonly descriptor: number;
  /** As the manager calls it; "" where it has no name. */
  readonly name: string;
}

/** Where clients are served; data that can be sent to another thread. */
export type ServedAddress =
  & ({ readonly scheme: "http" | "https"; readonly hostname: string; readonly port: number } | {
    readonly scheme: "unix";
    readonly path: string;
  })
  & {
    /** A port or a file of the server itself, or what was handed over to it. */
    readonly origin: "opened" | "handed";
    /** What accepts there in the thread that has opened it; null where nobody else is to. */
    readonly descriptor: number | null;
  };

/** `http://[::1]:80/`, `unix:/run/lisod/http.sock`. */
export function servedText(address: ServedAddress): string {
  const by = address.origin === "handed" ? " (handed over)" : "";
  if (address.scheme === "unix") return `unix:${address.path}${by}`;
  const { scheme, hostname, port } = address;
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/${by}`;
}

/** Those of ports, and not of files. */
export function portAddresses(addresses: readonly ServedAddress[]) {
  return addresses.flatMap((address) => address.scheme === "unix" ? [] : [address]);
}

/** What a server offers to the one that takes its place: to listen on the same ports (lib/process/successor.ts). */
export interface SharedPorts {
  /** How many sockets of it listen at each address. */
  readonly socketCount: number;
  /** Whom it runs as; those for HTTPS are that user's. */
  readonly userId: number;
}

/** How it says so. */
export interface PortOffer extends SharedPorts {
  /** The ports themselves, at whatever addresses, each once. */
  readonly numbers: readonly number[];
}

/** One of the threads that serve; each has listeners of its own, which share the ports. */
export interface Part {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Who serves alone. */
export const WHOLE: Part = { index: 0, count: 1 };

/** What a part is called in the log. */
export function nameOf({ index, count }: Part): string {
  return count === 1 ? "main" : `worker-${index + 1}`;
}
