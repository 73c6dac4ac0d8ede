/**
 * Where the scripts' own messages go, and how a stream of them becomes lines. Separate because a script may write to
 * standard error what it likes, as long as it likes.
 */
import type { ByteSource } from "./child.ts";

/** As much of the server's log as CGI needs. `source` is the part that speaks, `error` adds a line for each cause. */
export interface ScriptLog {
  debug(source: string, text: string, error?: unknown): void;
  info(source: string, text: string, error?: unknown): void;
  warn(source: string, text: string, error?: unknown): void;
  error(source: string, text: string, error?: unknown): void;
}

/** A longer line is told in parts, so that a script that never ends its line is heard, and costs no memory. */
const MAX_LINE_CHARACTERS = 4096;

/**
 * Tells `log` each line that `reader` gives, as a warning of `source`, up to `maxBytes` in all; the rest is read away.
 * Resolves at its end. Bytes that are not UTF-8 become U+FFFD.
 */
export async function logLines(
  reader: Pick<ByteSource, "read">,
  { log, source, maxBytes }: { readonly log: ScriptLog; readonly source: string; readonly maxBytes: number },
): Promise<void> {
  const decoder = new TextDecoder();
  let unused = maxBytes;
  let line = "";
  for (let bytes = await reader.read(); bytes !== null; bytes = await reader.read()) {
    if (unused === 0) continue;
    const lines = (line + decoder.decode(bytes.subarray(0, unused), { stream: true })).split("\n");
    unused -= Math.min(unused, bytes.length);
    line = lines.pop() ?? "";
    for (const text of lines) log.warn(source, text.replace(/\r$/, ""));
    if (line.length >= MAX_LINE_CHARACTERS || unused === 0) {
      if (line !== "") log.warn(source, line);
      line = "";
    }
    if (unused === 0) log.warn(source, `More than ${maxBytes} bytes on standard error: the rest is dropped`);
  }
  line += decoder.decode();
  if (line !== "") log.warn(source, line);
}
