/**
 * The instance of epoll with which the runtime waits in this thread, so that this thread may wait for something else and see
 * that the runtime has to do. The runtime tells nobody which one it is, but the system says of each thread in which call it
 * is: so another thread looks while this one waits there. proc(5), /proc/PID/task/TID/syscall. I/O.
 */
import { O_CLOEXEC } from "./flags.ts";

export const RUNTIME_EPOLL_CALLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  /** glibc 2.30; without it nothing is found. */
  gettid: { parameters: [], result: "i32", optional: true },
  /** By another thread. */
  pread: { parameters: ["i32", "buffer", "u32", "i64"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

export type RuntimeEpollCalls = Deno.DynamicLibrary<typeof RUNTIME_EPOLL_CALLS>["symbols"];

/** The numbers of epoll_wait and epoll_pwait. Linux, asm/unistd_64.h and asm-generic/unistd.h. */
const WAITS: Readonly<Record<typeof Deno.build.arch, readonly number[]>> = { x86_64: [232, 281], aarch64: [22] };
/** So often it is looked whether this thread waits. */
const MAX_LOOKS = 1000;
const MOST_BYTES = 256;

export class RuntimeEpoll {
  readonly #calls: RuntimeEpollCalls;
  /** Null as long as it has not been found. */
  descriptor: number | null = null;
  /** What says in which call this thread is; below 0 when it is of no use any more, or some systems do not say it. */
  #file: number;
  #looksLeft = MAX_LOOKS;
  #looking: Promise<void> | null = null;

  /** Of the thread that calls; whoever makes it calls `close`. Opened now, for a process that leaves root may not afterwards. */
  constructor(calls: RuntimeEpollCalls) {
    this.#calls = calls;
    const path = `/proc/self/task/${calls.gettid?.() ?? 0}/syscall\0`;
    this.#file = calls.open(new TextEncoder().encode(path), O_CLOEXEC);
  }

  /** To be called when this thread has nothing to do: looks for it, if that is still of use. */
  look(): void {
    if (this.#file < 0 || this.#looking !== null) return;
    this.#looking = this.#look().finally(() => this.#looking = null);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#looking;
    this.#closeFile();
  }

  async #look(): Promise<void> {
    const bytes = new Uint8Array(MOST_BYTES);
    const count = await this.#calls.pread(this.#file, bytes, bytes.length, 0n);
    this.descriptor = waitedWith(new TextDecoder().decode(bytes.subarray(0, Math.max(0, count))));
    if (this.descriptor !== null || --this.#looksLeft === 0) this.#closeFile();
  }

  #closeFile(): void {
    if (this.#file >= 0) this.#calls.close(this.#file);
    this.#file = -1;
  }
}

/** The instance of epoll that a thread waits with; null where it does not. `text`: "running", or a call and its arguments. */
export function waitedWith(text: string, arch: typeof Deno.build.arch = Deno.build.arch): number | null {
  const [call, descriptor] = text.split(" ");
  return WAITS[arch].includes(Number(call)) ? Number(descriptor) : null;
}
