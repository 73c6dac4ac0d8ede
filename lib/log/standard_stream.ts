/**
 * Which paths name what is open already, standard output and standard error of this process. They are not opened: behind them
 * may be a socket or somebody else's pipe or terminal, which cannot be, not by another user, and not where /proc or /dev is
 * missing. Pure, for a configuration is read with it too.
 */

export type StandardStream = "stdout" | "stderr";

const STREAMS: ReadonlyMap<string, StandardStream> = new Map([
  ["/dev/stdout", "stdout"],
  ["/dev/fd/1", "stdout"],
  ["/proc/self/fd/1", "stdout"],
  ["/dev/stderr", "stderr"],
  ["/dev/fd/2", "stderr"],
  ["/proc/self/fd/2", "stderr"],
]);

/** The stream that an absolute path names; null for any other file. */
export function standardStream(path: string): StandardStream | null {
  return STREAMS.get(path) ?? null;
}
