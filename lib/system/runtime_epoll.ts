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
  #looksLeft = MAX_LOOKS;
  #looking: Promise<void> | null = null;

  constructor(calls: RuntimeEpollCalls) {
    this.#calls = calls;
  }

  /** To be called when this thread has nothing to do: looks for it, if that is still of use. */
  look(): void {
    if (this.descriptor !== null || this.#looksLeft === 0 || this.#looking !== null) return;
    this.#looksLeft--;
    this.#looking = this.#look().finally(() => this.#looking = null);
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#looksLeft = 0;
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { gettid, open, pread, close } = this.#calls;
    const path = new TextEncoder().encode(`/proc/self/task/${gettid?.() ?? 0}/syscall\0`);
    const file = open(path, O_CLOEXEC);
    // Some systems do not say it, and some not to everybody.
    if (file < 0) {
      this.#looksLeft = 0;
      return;
    }
    const bytes = new Uint8Array(MOST_BYTES);
    const count = await pread(file, bytes, bytes.length, 0n);
    close(file);
    this.descriptor = waitedWith(new TextDecoder().decode(bytes.subarray(0, Math.max(0, count))));
  }
}

/** The instance of epoll that a thread waits with; null where it does not. `text`: "running", or a call and its arguments. */
export function waitedWith(text: string, arch: typeof Deno.build.arch = Deno.build.arch): number | null {
  const [call, descriptor] = text.split(" ");
  return WAITS[arch].includes(Number(call)) ? Number(descriptor) : null;
}
