/**
 * Whether a file was last changed before 1970, which the runtime does not tell: of such a time it gives the distance to 1970
 * without its sign. One function of the C library does. Separate because it is asked for each file that is looked at anew. I/O.
 * Linux statx(2).
 */
export const FILE_CALLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export type FileCalls = Deno.DynamicLibrary<typeof FILE_CALLS>["symbols"];

/** Linux, linux/fcntl.h and linux/stat.h; the same on every processor. */
const AT_FDCWD = -100;
const FOLLOW_LINKS = 0;
const STATX_MTIME = 0x40;
const STATX_BYTES = 256;
const MTIME_SECONDS_OFFSET = 112;

/** Asks for files by absolute path, links followed: true, false, or null where nobody can say. */
export function createIsBefore1970(calls: FileCalls | null): (path: string) => boolean | null {
  if (calls === null) return () => null;
  const result = new DataView(new ArrayBuffer(STATX_BYTES));
  const bytes = new Uint8Array(result.buffer);
  return (path) => {
    const name = new TextEncoder().encode(`${path}\0`);
    if (calls.statx(AT_FDCWD, name, FOLLOW_LINKS, STATX_MTIME, bytes) !== 0) return null;
    return result.getBigInt64(MTIME_SECONDS_OFFSET, true) < 0n;
  };
}
