/** Opens what the log writes to. I/O. Separate from log.ts because `--check` asks the same questions and opens no log. */
import type { LogSink } from "./log_writer.ts";
import { osProblem, StartError } from "../start_error.ts";

export const STDERR_SINK: LogSink = {
  writeSync: (bytes) => Deno.stderr.writeSync(bytes),
  // It is not ours to close: whoever started us may still read it.
  close: () => {},
};

/** For the group too, not for others: a log holds addresses. */
const MODE = 0o640;

/**
 * A file open for append, made where there is none. A FIFO is refused, for opening it would stop the whole process
 * until somebody reads it. `argument` is how the operator knows it. Throws StartError. Whoever calls closes it.
 */
export function openLogFile(path: string, argument: string): Deno.FsFile {
  return refusing({ path, argument }, () => {
    requireWritableKind(path);
    return Deno.openSync(path, { append: true, create: true, mode: MODE });
  });
}

/** Throws what `openLogFile` would throw, and leaves no file behind that was not there before. */
export function checkLogFile(path: string, argument: string): void {
  refusing({ path, argument }, () => {
    const isThere = requireWritableKind(path);
    Deno.openSync(path, { append: true, create: !isThere, createNew: !isThere, mode: MODE }).close();
    if (!isThere) Deno.removeSync(path);
  });
}

/** Whether there is a file; throws plain Error, whose message is for the operator, where there is something else. */
function requireWritableKind(path: string): boolean {
  try {
    const { isFile, isCharDevice } = Deno.statSync(path);
    if (isFile || isCharDevice) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  throw new Error("neither a regular file nor a character device");
}

function refusing<Result>({ path, argument }: { path: string; argument: string }, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound ? "its folder does not exist" : osProblem(error);
    const remedy = "name a file in a folder where the server may write";
    throw new StartError({ argument, value: path, problem, remedy }, { cause: error });
  }
}
