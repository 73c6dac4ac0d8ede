/**
 * The server whose place this one takes (--upgrade): finds it by its lock file, asks it to share its ports, and has the kernel give all
 * new clients to this one. The other half, with the whole course of it, is successor.ts. I/O.
 */
import type { Given } from "../start_error.ts";
import { StartError } from "../start_error.ts";
import { portAddresses, type ServedAddress, type SharedPorts } from "../net/listen_address.ts";
import { ListeningPort } from "../net/listening_port.ts";
import { type Libc, NO_LIBC } from "../system/libc.ts";
import { LockFile } from "./lock_file.ts";

/** How long it may take to answer, and how often it is looked whether it has. */
const ANSWER_MS = 5_000;
const LOOK_MS = 10;
/** After so long the server before this one accepts no more: it waits for a second, and each of its threads for 0.2 s at most. */
const ALONE_MS = 15_000;

export class Predecessor {
  readonly #lock: Given;
  readonly #pid: number;

  private constructor(lock: Given, pid: number) {
    this.#lock = lock;
    this.#pid = pid;
  }

  /** Who holds the lock; null where nobody does, and this server simply starts. Throws StartError where it could not be replaced. */
  static find(lock: Given, libc: Libc): Predecessor | null {
    const pid = LockFile.holderOf(lock);
    if (pid === null) return null;
    if (libc === NO_LIBC) throw refusal(pid, "ports can be shared by calls of the C library alone");
    return new Predecessor(lock, pid);
  }

  /**
   * Resolves when this server, which is to listen on the ports `wanted`, may do so where that one does. Rejects with StartError; then
   * that one goes on as it was.
   */
  async sharePorts(wanted: readonly number[]): Promise<SharedPorts> {
    try {
      Deno.kill(this.#pid, "SIGURG");
    } catch (cause) {
      throw refusal(this.#pid, "this user may send it no signal", cause);
    }
    const endMs = performance.now() + ANSWER_MS;
    while (performance.now() < endMs) {
      const offer = LockFile.readOffer(this.#lock);
      if (offer === "refused") throw refusal(this.#pid, "it keeps its place, and its log says why");
      const left = offer?.numbers.find((number) => !wanted.includes(number));
      if (left !== undefined) {
        throw refusal(this.#pid, `it listens on port ${left} too, where clients would be refused`);
      }
      if (offer !== null) return offer;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const problem = `it has not shared its ports within ${ANSWER_MS / 1000} s: it may be of a version before 1.1`;
    throw refusal(this.#pid, problem);
  }

  /** From now on new clients come to this server's sockets, of which there are `count` at each address. False: the kernel refuses. */
  static takeClients(
    addresses: readonly ServedAddress[],
    { shared, count, libc }: { readonly shared: SharedPorts; readonly count: number; readonly libc: Libc },
  ): boolean {
    const ports = portAddresses(addresses).map(({ port, hostname }) => new ListeningPort(libc, port, hostname));
    // By then the other server has closed its sockets, and the choice is that of a start.
    Deno.unrefTimer(setTimeout(() => ports.forEach((port) => port.chooseAmongAll()), ALONE_MS));
    return ports.every((port) => port.chooseBeyond(shared.socketCount, count));
  }
}

function refusal(pid: number, problem: string, cause?: unknown): StartError {
  const remedy = "restart it in place of --upgrade";
  return new StartError({ argument: "--upgrade", value: `process ${pid}`, problem, remedy }, { cause });
}
