/**
 * Reads what the system tells in a file below /proc. Through the C library, for the runtime would want a permission for each, or all of
 * them. proc(5). I/O.
 */
import { O_CLOEXEC } from "./flags.ts";

export interface ReadCalls {
  open(path: Uint8Array<ArrayBuffer>, flags: number, mode: number): number;
  read(descriptor: number, into: Uint8Array<ArrayBuffer>, byteCount: bigint): bigint;
  close(descriptor: number): number;
}

/** All of it; "" where it is not there. */
export function readProcFile(path: string, calls: ReadCalls): string {
  return readParts(path, { partBytes: 16_384, isWhole: true }, calls);
}

/** What one read of at most so many bytes gives; "" where it is not there. */
export function readProcHead(path: string, mostBytes: number, calls: ReadCalls): string {
  return readParts(path, { partBytes: mostBytes, isWhole: false }, calls);
}

function readParts(
  path: string,
  { partBytes, isWhole }: { readonly partBytes: number; readonly isWhole: boolean },
  calls: ReadCalls,
): string {
  const file = calls.open(new TextEncoder().encode(`${path}\0`), O_CLOEXEC, 0);
  if (file < 0) return "";
  const room = new Uint8Array(partBytes);
  const decoder = new TextDecoder();
  let text = "";
  let count: number;
  do {
    count = Number(calls.read(file, room, BigInt(room.length)));
    if (count > 0) text += decoder.decode(room.subarray(0, count), { stream: true });
  } while (isWhole && count > 0);
  calls.close(file);
  return text;
}
