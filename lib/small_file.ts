/**
 * Reads a file that the operator named and that stays in memory: configuration, keys, users, pages. One place, so that
 * each is looked at before it is opened, has a bound, and is refused in the same words. I/O.
 */
import { type Given, osProblem, StartError } from "./start_error.ts";

/** Room for any chain of certificates, and for some thousand users. A log that was named by mistake is larger. */
export const MAX_SMALL_FILE_BYTES = 1_048_576;

export interface SmallFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As stat(2) has it. */
  readonly mode: number;
}

export interface SmallFileOptions {
  /** What the operator can do about a file that cannot be read. */
  readonly remedy: string;
  /** The longest that is read. */
  readonly maxBytes?: number;
}

/** The whole file. Throws StartError for what is no regular file, is longer than `maxBytes`, or cannot be read. */
export function readSmallFile(
  file: Given,
  { remedy, maxBytes = MAX_SMALL_FILE_BYTES }: SmallFileOptions,
): SmallFile {
  const refusal = (problem: string, cause?: unknown) => new StartError({ ...file, problem, remedy }, { cause });
  try {
    // Looked at first: opening a pipe without a writer would stop the process.
    const { isFile, isDirectory, size, mode } = Deno.statSync(file.value);
    if (isDirectory) throw refusal("is a folder");
    if (!isFile) throw refusal("not a regular file");
    if (size > maxBytes) throw refusal(`longer than ${maxBytes} bytes`);
    return { bytes: Deno.readFileSync(file.value), mode: mode ?? 0 };
  } catch (error) {
    throw error instanceof StartError ? error : refusal(osProblem(error), error);
  }
}
