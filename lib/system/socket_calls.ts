/** The functions of the C library by which plain connections are accepted, read, written and closed. socket(7), tcp(7). */

/** Lengths are below 2^31 here, which is why size_t and ssize_t may be numbers of 32 bits. */
export const SOCKET_CALLS = {
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export type SocketCalls = Deno.DynamicLibrary<typeof SOCKET_CALLS>["symbols"];
