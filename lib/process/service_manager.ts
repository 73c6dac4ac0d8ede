/**
 * Tells the service manager, where there is one, when the server serves, reloads and stops, and that it is alive: the
 * protocol of sd_notify(3), one datagram for each word to the socket that NOTIFY_SOCKET names. Through libc, for the runtime
 * has such sockets behind an unstable flag alone. I/O.
 */
import type { Libc } from "../system/libc.ts";

/** Linux: sys/socket.h and bits/socket_type.h, for x86-64 and AArch64. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
/** Bytes of sun_path in struct sockaddr_un. */
const MAX_PATH_BYTES = 108;
const MICROSECONDS = 1000;

/** What there is to tell; STATUS is a line for people. */
export type ServiceState = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1" | `STATUS=${string}`;

export class ServiceManager {
  readonly #libc: Libc | null;
  /** struct sockaddr_un; null where nobody wants to be told. */
  readonly #address: Uint8Array<ArrayBuffer> | null;

  private constructor(libc: Libc | null, address: Uint8Array<ArrayBuffer> | null) {
    this.#libc = libc;
    this.#address = address;
  }

  /**
   * Whoever the environment names. The variables are taken out of it: no program that the server starts may speak for it.
   * Where the manager expects signs of life, it gets them from now on, twice as often as it asks for.
   */
  static find(libc: Libc | null): ServiceManager {
    const [path, watchdogUs] = ["NOTIFY_SOCKET", "WATCHDOG_USEC"].map((name) => {
      const value = Deno.env.get(name) ?? "";
      Deno.env.delete(name);
      return value;
    });
    const manager = new ServiceManager(libc, path === "" ? null : socketAddress(path));
    const everyMs = Number(watchdogUs) / MICROSECONDS / 2;
    if (everyMs > 0) Deno.unrefTimer(setInterval(() => manager.tell("WATCHDOG=1"), everyMs));
    return manager;
  }

  /** Never throws: a manager that cannot be told misses the news, and the server goes on. */
  tell(...states: readonly ServiceState[]): void {
    if (this.#libc === null || this.#address === null) return;
    const text = new TextEncoder().encode(states.join("\n"));
    const fd = this.#libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (fd < 0) return;
    this.#libc.sendto(fd, text, BigInt(text.length), MSG_DONTWAIT_NOSIGNAL, this.#address, this.#address.length);
    this.#libc.close(fd);
  }
}

/** Null for a path that no socket can have. "@" stands for the NUL byte of a name without a file, see unix(7). */
function socketAddress(path: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new TextEncoder().encode(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
  if (!/^[/@]/.test(path) || bytes.length > MAX_PATH_BYTES) return null;
  // sa_family is in the order of the machine, little-endian.
  return Uint8Array.of(AF_UNIX, 0, ...bytes);
}
