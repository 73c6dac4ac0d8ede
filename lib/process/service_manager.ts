/**
 * Tells the service manager, where there is one, when the server serves, reloads and stops, and that it is alive: the
 * protocol of sd_notify(3), one datagram for each word to the socket that NOTIFY_SOCKET names. Through libc where it may be
 * called; the runtime's own sockets of that kind know no names without a file, and are an unstable part of it. I/O.
 */
import { join } from "@std/path";
import { type Libc, NO_LIBC } from "../system/libc.ts";

/** Linux: sys/socket.h and bits/socket_type.h, for x86-64 and AArch64. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
/** Bytes of sun_path in struct sockaddr_un. */
const MAX_PATH_BYTES = 108;
const MICROSECONDS = 1000;
/** How often those who serve are asked whether they answer, where nobody else wants to know. */
const WATCH_MS = 15_000;

/** What there is to tell; STATUS is a line for people. */
export type ServiceState = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1" | `STATUS=${string}`;

/** Sends a datagram to somebody, who may be gone. Never throws. */
type Send = (bytes: Uint8Array<ArrayBuffer>) => void;

export class ServiceManager {
  /** The file that the runtime has to be permitted to read and write so that the manager can be told; null without one. */
  readonly file: string | null;
  /** Whether there is a manager. */
  readonly isThere: boolean;
  /** Whether there is one that cannot be told. */
  readonly isUntold: boolean;
  /** Null where nobody wants to be told, or can be. */
  readonly #send: Send | null;
  /** How often it wants to hear that the server is alive. */
  readonly #everyMs: number;

  private constructor(path: string, { libc, everyMs }: { readonly libc: Libc; readonly everyMs: number }) {
    this.#everyMs = everyMs;
    const isNative = libc !== NO_LIBC;
    this.#send = isNative ? sendByLibc(path, libc) : sendByRuntime(path);
    this.isThere = path !== "";
    this.isUntold = path !== "" && this.#send === null;
    this.file = isNative || this.#send === null ? null : path;
  }

  /** Whoever the environment names. The variables are taken out of it: no program that the server starts may speak for it. */
  static find(libc: Libc): ServiceManager {
    const [path, watchdogUs] = ["NOTIFY_SOCKET", "WATCHDOG_USEC"].map((name) => {
      const value = Deno.env.get(name) ?? "";
      Deno.env.delete(name);
      return value;
    });
    // Twice as often as the manager asks for.
    const everyMs = Number(watchdogUs) / MICROSECONDS / 2;
    return new ServiceManager(path, { libc, everyMs: everyMs > 0 ? everyMs : WATCH_MS });
  }

  /**
   * Has everybody who serves asked again and again, as long as the process lives, whether he still answers; only then the manager is
   * told that the server is alive. `answers` resolves when all do, and never where one hangs.
   */
  watch(answers: () => Promise<void>): void {
    let isAsking = false;
    const ask = async () => {
      if (isAsking) return;
      isAsking = true;
      await answers();
      isAsking = false;
      this.tell("WATCHDOG=1");
    };
    Deno.unrefTimer(setInterval(ask, this.#everyMs));
  }

  /** Never throws: a manager that cannot be told misses the news, and the server goes on. */
  tell(...states: readonly ServiceState[]): void {
    this.#send?.(new TextEncoder().encode(states.join("\n")));
  }
}

/**
 * What the manager has handed over to this process, for its configuration; nothing that was meant for another one. The variables
 * are taken out of the environment: no program that the server starts may think that they are for it. sd_listen_fds(3).
 */
export function takeHandedVariables(): { readonly [name: string]: string | undefined } {
  const [LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].map((name) => {
    const value = Deno.env.get(name);
    Deno.env.delete(name);
    return value;
  });
  return LISTEN_PID === String(Deno.pid) ? { LISTEN_FDS, LISTEN_FDNAMES } : {};
}

function sendByLibc(path: string, libc: Libc): Send | null {
  const address = socketAddress(path);
  if (address === null) return null;
  return (bytes) => {
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (fd < 0) return;
    libc.sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL, address, address.length);
    libc.close(fd);
  };
}

/** A socket of the runtime must have a file, which is removed at once: nobody is to answer. */
function sendByRuntime(path: string): Send | null {
  if (!path.startsWith("/") || socketAddress(path) === null) return null;
  try {
    const folder = Deno.makeTempDirSync({ prefix: "lisod-" });
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: join(folder, "notify") });
    Deno.removeSync(folder, { recursive: true });
    return (bytes) => void socket.send(bytes, { transport: "unixpacket", path }).catch(() => {});
  } catch {
    // Without a folder for it, or without the unstable part of the runtime, the manager is not told.
    return null;
  }
}

/** Null for a path that no socket can have. "@" stands for the NUL byte of a name without a file, see unix(7). */
function socketAddress(path: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new TextEncoder().encode(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
  if (!/^[/@]/.test(path) || bytes.length > MAX_PATH_BYTES) return null;
  // sa_family is in the order of the machine, little-endian.
  return Uint8Array.of(AF_UNIX, 0, ...bytes);
}
