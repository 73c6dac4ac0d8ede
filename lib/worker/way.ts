/**
 * How one thread reaches its clients and its programs: by calls of the C library, which is quicker, or by the runtime alone.
 * Separate, because here alone it is chosen; whoever serves knows neither. What else is asked of the system is a call of
 * libc that may be refused (NO_LIBC). I/O.
 */
import type { Starter } from "../child/child.ts";
import type { OwnChildren } from "../child/own_children.ts";
import { CommandStarter } from "../child/command_starter.ts";
import { Spawner } from "../child/spawner.ts";
import type { Soon } from "../http/message.ts";
import { connectSocket } from "../net/connect_socket.ts";
import type { Socket, SocketServices } from "../net/socket.ts";
import type { PeerAddress } from "../net/socket_address.ts";
import { SocketListener } from "../net/socket_listener.ts";
import type { Listener } from "../net/transport.ts";
import { FileRanges } from "../system/file_ranges.ts";
import { createIsBefore1970 } from "../system/file_times.ts";
import { createReadNames, type ReadNames } from "../system/folder_names.ts";
import {
  type Libc,
  NO_LIBC,
  openFileCalls,
  openFolderCalls,
  openMessageCalls,
  openRangeCalls,
  openReadinessCalls,
  openSocketCalls,
  openSystemCalls,
} from "../system/libc.ts";
import { Readiness } from "../system/readiness.ts";
import { type WarmOptions, WarmStarter } from "../warm/warm_starter.ts";

/** As `connectSocket` does. */
export type Connect = (address: PeerAddress, limitMs: number) => Soon<Socket | null>;

export interface Way {
  /** Starts programs. All of them have ended before `close` is called. */
  readonly starter: Starter;
  /** What starts programs by interpreters that are kept warm; null: this way cannot. To be stopped before `close`. */
  openWarm(options: Omit<WarmOptions, "starter" | "calls" | "messages" | "readiness">): WarmStarter | null;
  /**
   * What accepts the clients of that listener of plain connections, which is no longer to be used then; `descriptor` is that
   * of its socket, undefined where nobody can tell. Throws plain Error for want of descriptors.
   */
  takeOver(listener: Deno.TcpListener | Deno.UnixListener, descriptor: number | undefined): Listener;
  /**
   * What accepts clients from a socket that listens, beside others who do. Throws plain Error for want of descriptors, and where
   * this way can take none over.
   */
  accept(descriptor: number): Listener & { readonly descriptor: number };
  /** What connects to upstreams. To be called at the start, where there are any; null: this way has no sockets of its own. */
  openConnect(): Connect | null;
  /** Whether the file at that path was last changed before 1970; null: nobody can say. */
  readonly isBefore1970: (path: string) => boolean | null;
  /** What tells the names in a folder. To be called at the start, where there are listings. */
  openReadNames(): ReadNames;
  /** What the system sends files by; null: this way cannot. To be called at the start. */
  openRanges(): FileRanges | null;
  /**
   * To be called before anything is waited for, while the runtime has all its permissions. Resolves with what is not as it
   * should be; null: all is.
   */
  prepare(): Promise<string | null>;
  /** To be called when nothing is connected and no program runs any more. */
  close(): Promise<void>;
}

/** The way of this thread, which tells `own` what it starts. Its methods throw StartError where the C library lacks functions. */
export function openWay(libc: Libc, own: OwnChildren): Way {
  return libc === NO_LIBC ? new RuntimeWay() : new NativeWay(libc, own);
}

/** Tables of functions are opened where something needs them: each takes a part of the start. */
class NativeWay implements Way {
  readonly isBefore1970 = createIsBefore1970(openFileCalls());
  readonly #libc: Libc;
  readonly #own: OwnChildren;
  #readiness: Readiness | null = null;
  #sockets: SocketServices | null = null;
  #starter: Spawner | null = null;

  constructor(libc: Libc, own: OwnChildren) {
    this.#libc = libc;
    this.#own = own;
  }

  get starter(): Spawner {
    return this.#starter ??= new Spawner(openSystemCalls(), this.#needReadiness(), { own: this.#own });
  }

  openWarm(options: Parameters<Way["openWarm"]>[0]): WarmStarter {
    const { starter } = this;
    return new WarmStarter({
      ...options,
      starter,
      calls: starter.calls,
      messages: openMessageCalls(),
      readiness: this.#needReadiness(),
    });
  }

  takeOver(listener: Deno.TcpListener | Deno.UnixListener, descriptor: number | undefined): Listener {
    if (descriptor === undefined) return listener;
    const own = SocketListener.open(descriptor, this.#needSockets());
    listener.close();
    return own;
  }

  accept(descriptor: number): SocketListener {
    return SocketListener.open(descriptor, this.#needSockets(), true);
  }

  openConnect(): Connect {
    const services = this.#needSockets();
    return (address, limitMs) => connectSocket(address, { services, limitMs });
  }

  openReadNames(): ReadNames {
    return createReadNames(openFolderCalls());
  }

  openRanges(): FileRanges | null {
    const calls = openRangeCalls();
    return calls === null ? null : new FileRanges(calls);
  }

  async prepare(): Promise<string | null> {
    const isPrepared = await this.#needReadiness().waitInRuntime(this.#libc);
    return isPrepared ? null : "another thread waits for clients and programs, for the runtime cannot";
  }

  async close(): Promise<void> {
    await this.#readiness?.close();
  }

  #needSockets(): SocketServices {
    return this.#sockets ??= {
      calls: openSocketCalls(),
      readiness: this.#needReadiness(),
      areProgramsStarting: () => this.#own.areStarting,
    };
  }

  #needReadiness(): Readiness {
    return this.#readiness ??= new Readiness(openReadinessCalls());
  }
}

class RuntimeWay implements Way {
  readonly starter = new CommandStarter();
  readonly isBefore1970 = createIsBefore1970(null);

  openWarm(): null {
    return null;
  }

  takeOver(listener: Deno.TcpListener | Deno.UnixListener): Listener {
    return listener;
  }

  accept(): never {
    throw new Error("The runtime can take no socket over");
  }

  openConnect(): null {
    return null;
  }

  openReadNames(): ReadNames {
    return createReadNames(null);
  }

  openRanges(): null {
    return null;
  }

  prepare(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
