/**
 * Reads of a file what must be known of its content before the first answer: for its entity tag, and for what is said of
 * its characters. I/O. Separate from known_files.ts, which decides when; what is read is decided in entity_tag.ts.
 */
import { createHash } from "node:crypto";
import type { ByteRange } from "./byte_ranges.ts";
import { MAX_START_BYTES, type TextStart } from "./charset.ts";
import { SMALL_BYTES, taggedRanges } from "./entity_tag.ts";
import { readWhole } from "./file_body.ts";
import type { FileHandle } from "./file_handle.ts";
import { type OpenFile, statOpenFile } from "./open_file.ts";
import { type Examined, isSameState } from "./representation.ts";

/** A hash of 128 bits: no two contents meet by chance, and nobody makes two meet by intent. */
const DIGEST_CHARACTERS = 22;
const READ_BYTES = 65_536;

/** Null where the file was changed meanwhile. Leaves it open. */
export async function examineFile(
  { handle, facts }: OpenFile,
  { needsStart }: { readonly needsStart: boolean },
): Promise<Examined | null> {
  const bytes = facts.size <= SMALL_BYTES ? await readWhole(handle, { first: 0, last: facts.size - 1 }) : null;
  const digest = bytes === null ? await digestOf(handle, taggedRanges(facts)) : digestBytes(bytes);
  const start = needsStart ? await readStart(handle, { size: facts.size, bytes }) : null;
  return isSameState(statOpenFile(handle), facts) ? { digest, bytes, start } : null;
}

async function readStart(
  handle: FileHandle,
  { size, bytes }: { readonly size: number; readonly bytes: Uint8Array | null },
): Promise<TextStart | null> {
  const start = bytes ?? await readWhole(handle, { first: 0, last: Math.min(size, MAX_START_BYTES) - 1 });
  return start === null ? null : { bytes: start, isWhole: start.length === size };
}

/** Null where there are none, and where the file has become shorter. */
async function digestOf(handle: FileHandle, ranges: readonly ByteRange[]): Promise<string | null> {
  if (ranges.length === 0) return null;
  const hash = createHash("sha256");
  for (const { first, last } of ranges) {
    // Hashed in this thread, 60 us for each part.
    for (let at = first; at <= last; at += READ_BYTES) {
      const bytes = await readWhole(handle, { first: at, last: Math.min(last, at + READ_BYTES - 1) });
      if (bytes === null) return null;
      hash.update(bytes);
    }
  }
  return hash.digest("base64url").slice(0, DIGEST_CHARACTERS);
}

function digestBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url").slice(0, DIGEST_CHARACTERS);
}
