/**
 * Gives the place of this server to another one, such as a newer version, without refusing a client. The other one asks by SIGURG,
 * whose default is to be ignored, so that a version that knows nothing of this goes on. Then the ports are shared, which the lock
 * file says; both listen; the other one has the kernel give all new clients to it and puts its own lock file in the place of this
 * one's; and this server, which sees that its file has no name any more, serves what the kernel had queued for it and stops
 * in order. The other half is predecessor.ts. I/O.
 */
import type { Log } from "../log/log.ts";
import { portAddresses, type ServedAddress, type SharedPorts } from "../net/listen_address.ts";
import { ListeningPort } from "../net/listening_port.ts";
import type { Libc } from "../system/libc.ts";
import type { LockFile } from "./lock_file.ts";

/** How often it is looked whether the other one has taken the place, and how long. */
const LOOK_MS = 50;
const WAIT_MS = 60_000;
const SHARE_TURNS = 5;
/** How long what the kernel has queued is still accepted, and handshakes of TCP that were under way. */
const HANDOVER_MS = 1_000;

export interface SuccessorOptions {
  /** Null where there is none: then nobody can ask. */
  readonly lock: LockFile | null;
  readonly addresses: readonly ServedAddress[];
  readonly ports: SharedPorts;
  /** Whether a service manager has started this server, which would take its end for that of the service. */
  readonly isManaged: boolean;
  readonly libc: Libc;
  readonly log: Log;
}

function portsOf(addresses: readonly ServedAddress[], libc: Libc): readonly ListeningPort[] {
  return portAddresses(addresses).map(({ port, hostname }) => new ListeningPort(libc, port, hostname));
}

export class Successor {
  /** Resolves when another server has taken the place and this one may close its listeners. */
  readonly came: Promise<void>;
  #hasCome = false;
  readonly #comes: () => void;
  readonly #options: SuccessorOptions;
  #timer: number | undefined = undefined;

  constructor(options: SuccessorOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.came = promise;
    this.#comes = resolve;
    this.#options = options;
  }

  get hasCome(): boolean {
    return this.#hasCome;
  }

  /** Shares the ports and waits for whoever asked; says in the log why it does not. May be called again. */
  share(): void {
    const { lock, log } = this.#options;
    const refusal = this.#refusal();
    if (lock === null || refusal !== null) {
      log.warn("main", `Another server asks for the place of this one and does not get it: ${refusal}`);
      lock?.refuse();
      return;
    }
    const numbers = new Set(portAddresses(this.#options.addresses).map(({ port }) => port));
    lock.offer({ ...this.#options.ports, numbers: [...numbers] });
    log.info("main", "ports are shared with a server that asks for the place of this one");
    clearInterval(this.#timer);
    const endMs = performance.now() + WAIT_MS;
    this.#timer = setInterval(() => this.#look(lock, endMs), LOOK_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Shares them, or says what forbids it. */
  #refusal(): string | null {
    const { lock, addresses, isManaged, libc } = this.#options;
    if (lock === null) return "there is no --lock";
    if (isManaged) return "a service manager has started it, and can restart it";
    if (addresses.some(({ scheme, origin }) => scheme === "unix" || origin === "handed")) {
      return "socket files, and sockets that were handed over, take a restart";
    }
    for (let turn = 0; turn < SHARE_TURNS; turn++) {
      // A client that goes in this very moment may seem to be a socket that listens.
      if (portsOf(addresses, libc).every((port) => port.share())) return null;
    }
    return "ports can be shared by calls of the C library alone";
  }

  /** Has the kernel give all new clients to the socket with that index. */
  choose(index: number): void {
    for (const port of portsOf(this.#options.addresses, this.#options.libc)) port.chooseBeyond(index, 1);
  }

  #look(lock: LockFile, endMs: number): void {
    const { log } = this.#options;
    if (lock.isReplaced) {
      clearInterval(this.#timer);
      log.info("main", "another server has taken the place of this one");
      this.#hasCome = true;
      setTimeout(this.#comes, HANDOVER_MS);
    } else if (performance.now() > endMs) {
      clearInterval(this.#timer);
      lock.withdraw();
      log.warn("main", "The server that asked for the place of this one has not taken it: this one goes on");
    }
  }
}
