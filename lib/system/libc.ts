/**
 * The few functions of the C library that the runtime has no words for. Apart from their users because this is the one
 * place that may touch FFI: the permission for it is given up once every thread has opened the library
 * (lib/process/permissions.ts). I/O.
 *
 * The numbers and layouts that go with these functions, wherever they stand, are those of glibc 2.36 for x86-64 and arm64,
 * compared by a C program that was compiled for both: of what is used here struct epoll_event alone differs. O_DIRECTORY,
 * O_NOFOLLOW and O_DIRECT differ too; whoever needs them takes them from node:fs, which knows the processor.
 */
import { StartError } from "../start_error.ts";
import { SYSTEM_CALLS, type SystemCalls } from "./process_calls.ts";
import { FILE_CALLS, type FileCalls } from "./file_times.ts";
import { FOLDER_CALLS, type FolderCalls } from "./folder_names.ts";
import { MESSAGE_CALLS, type MessageCalls } from "./message_socket.ts";
import { RANGE_CALLS, type RangeCalls } from "./file_ranges.ts";
import { READINESS_CALLS, type ReadinessCalls } from "./epoll.ts";
import { SOCKET_CALLS, type SocketCalls } from "./socket_calls.ts";

/** Where Debian keeps libc, and where others do; these stand in --allow-ffi, which takes absolute paths only. */
export const LIBC_PATHS: readonly string[] = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
];

const SYMBOLS = {
  close: SYSTEM_CALLS.close,
  read: SYSTEM_CALLS.read,
  close_range: SYSTEM_CALLS.close_range,
  memcpy: SYSTEM_CALLS.memcpy,
  getpeername: SOCKET_CALLS.getpeername,
  getsockname: SOCKET_CALLS.getsockname,
  shutdown: SOCKET_CALLS.shutdown,
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  setsockopt: SOCKET_CALLS.setsockopt,
  getsockopt: SOCKET_CALLS.getsockopt,
  fcntl: SOCKET_CALLS.fcntl,
  setfsuid: { parameters: ["u32"], result: "i32" },
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  socket: SOCKET_CALLS.socket,
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  getsid: { parameters: ["i32"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
} as const;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const refuse = () => -1;
const refuseLong = () => -1n;

/**
 * What stands in its place where there is no libc, or it is not to be called: a system that refuses everything. So whoever
 * calls looks at what the call returns, as with any system, and nobody asks whether there is one.
 */
export const NO_LIBC: Libc = {
  close: refuse,
  read: refuseLong,
  close_range: refuse,
  memcpy: () => 0n,
  getpeername: refuse,
  getsockname: refuse,
  shutdown: refuse,
  dup3: refuse,
  fchown: refuse,
  setsockopt: refuse,
  getsockopt: refuse,
  fcntl: refuse,
  setfsuid: refuse,
  setgroups: refuse,
  prctl: refuse,
  capget: refuse,
  capset: refuse,
  open: refuse,
  socket: refuse,
  sendto: refuseLong,
  getrlimit: refuse,
  waitid: refuse,
  getsid: refuse,
  malloc_trim: refuse,
  madvise: refuse,
};

/**
 * Opens libc, once in each thread at its start, before anything else. NO_LIBC where it is not wanted, FFI is not permitted, or
 * libc is in none of the known places; then the permission for FFI is given up here.
 */
export function openLibc(isWanted = true): Libc {
  const libc = isWanted ? open(SYMBOLS) : null;
  if (libc === null) Deno.permissions.revokeSync({ name: "ffi" });
  return libc ?? NO_LIBC;
}

/**
 * The functions with which programs are started: apart from those of `openLibc`, for they take 4 ms of the start. This and
 * the functions below are for where there is a libc; they throw StartError where it lacks one of theirs.
 */
export function openSystemCalls(): SystemCalls {
  return demand(open(SYSTEM_CALLS));
}

/** The functions with which descriptors are watched, where something is. */
export function openReadinessCalls(): ReadinessCalls {
  return demand(open(READINESS_CALLS));
}

/** The functions with which a program is told of requests, where one is. */
export function openMessageCalls(): MessageCalls {
  return demand(open(MESSAGE_CALLS));
}

/** The functions of plain connections. */
export function openSocketCalls(): SocketCalls {
  return demand(open(SOCKET_CALLS));
}

function demand<Calls>(calls: Calls | null): Calls {
  if (calls !== null) return calls;
  const problem = "the C library of this machine lacks some of the functions that are needed";
  throw new StartError({ argument: "--native", value: "on", problem, remedy: "give --native off" });
}

/** What sends files without the detour by this process: apart, for glibc has some of it since 2.28 alone. */
export function openRangeCalls(): RangeCalls | null {
  return open(RANGE_CALLS);
}

/** What tells of a file more than the runtime does: apart, for glibc has it since 2.28 alone. */
export function openFileCalls(): FileCalls | null {
  return open(FILE_CALLS);
}

/** What reads a folder in parts: apart, for glibc has it since 2.30 alone. */
export function openFolderCalls(): FolderCalls | null {
  return open(FOLDER_CALLS);
}

function open<Symbols extends Deno.ForeignLibraryInterface>(
  symbols: Symbols,
): Deno.DynamicLibrary<Symbols>["symbols"] | null {
  for (const path of LIBC_PATHS) {
    if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    try {
      return Deno.dlopen(path, symbols).symbols;
    } catch {
      // Not here, or not a libc with these functions: whoever needs it says what follows from its absence.
    }
  }
  return null;
}
