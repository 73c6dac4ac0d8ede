/**
 * The functions of the C library with which programs are started and heard. Separate because whoever opens the library
 * (lib/system/libc.ts) stands above this folder and needs the table only. See posix_spawn(3), pipe(7).
 *
 * Why not Deno.Command: it starts a program in the thread that serves everybody, which stands still meanwhile (0.2 to
 * 1.7 ms for each), copies the server by fork(2) for a program that is to lead a session, and gives a web stream for each
 * pipe. Measured on two cores, a C program that prints one line, 8 at a time: scripts/bench/NOTES.md.
 */
export const SYSTEM_CALLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  close_range: { parameters: ["u32", "u32", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  /** Where the number of the last error of this thread is, and a way to read it. */
  errnoLocation: { name: "__errno_location", parameters: [], result: "usize" },
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** Blocks a thread of its own. */
  waitpidLater: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  /** For pidfd_open(2), which the library has a function for only since glibc 2.36. */
  syscall: { parameters: ["isize", "isize", "isize"], result: "isize" },
  /** Returns where its first argument is. */
  memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
  /** The thread that calls stands still until the program has been executed: so it is not this one. */
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export type SystemCalls = Deno.DynamicLibrary<typeof SYSTEM_CALLS>["symbols"];

/** Linux, linux/close_range.h. */
const CLOSE_RANGE_CLOEXEC = 4;
const FIRST_DESCRIPTOR = 3;
const LAST_DESCRIPTOR = 0xffff_ffff;

/** From now on no program gets what is open here but the standard streams: what this process opens is so, not what it has inherited. */
export function keepDescriptorsFromPrograms(calls: Pick<SystemCalls, "close_range">): void {
  calls.close_range(FIRST_DESCRIPTOR, LAST_DESCRIPTOR, CLOSE_RANGE_CLOEXEC);
}
