/**
 * The first line of a program, which tells what it takes to run it. Separate because it is asked for when a start has failed
 * and, before any request, when a configuration is checked. I/O. execve(2).
 */

/** The kernel reads no more of it either (BINPRM_BUF_SIZE). */
const MAX_LINE_BYTES = 256;

/** Without its line feed, as Latin-1 text; null where the file cannot be read, or the line is no text. */
export function readFirstLine(path: string): string | null {
  const bytes = new Uint8Array(MAX_LINE_BYTES);
  let length: number;
  try {
    using file = Deno.openSync(path);
    length = file.readSync(bytes) ?? 0;
  } catch {
    // Whatever it is, who asks has a reason already, or finds none.
    return null;
  }
  const [line] = new TextDecoder("latin1").decode(bytes.subarray(0, length)).split("\n");
  return line.includes("\0") ? null : line;
}
