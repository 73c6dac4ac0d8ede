/** Opens what the log writes to. I/O. Separate from log.ts because `--check` asks the same questions and opens no log. */
import { fstatSync } from "node:fs";
import { basename, dirname, join, resolve } from "@std/path";
import type { LogSink } from "./log_writer.ts";
import { standardStream } from "./standard_stream.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";

/**
 * A stream that is open already. It is not ours to close: whoever started us may still read it. Nor is it ours to make
 * non-blocking, which it may be for all the same: then a full pipe refuses at once what another one would let wait.
 */
function streamSink(stream: { write(bytes: Uint8Array): Promise<number> }): LogSink {
  const write = async (bytes: Uint8Array): Promise<number> => {
    for (;;) {
      try {
        return await stream.write(bytes);
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await new Promise((resolve) => setTimeout(resolve, FULL_PIPE_MS));
      }
    }
  };
  return { write, close: () => {} };
}

/** How often it is tried whether a full pipe has room again. */
const FULL_PIPE_MS = 100;

export const STDERR_SINK: LogSink = streamSink(Deno.stderr);
const STDOUT_SINK: LogSink = streamSink(Deno.stdout);

/** For the group too, not for others: a log holds addresses. */
const MODE = 0o640;

/**
 * A file open for append, made where there is none; a standard stream as it is. A FIFO is refused, for opening it would stop the whole process
 * until somebody reads it. Throws StartError. Whoever calls closes it.
 */
export function openLogFile(file: Given): LogSink {
  const stream = standardStream(file.value);
  if (stream !== null) return stream === "stdout" ? STDOUT_SINK : STDERR_SINK;
  return refusing(file, () => {
    requireWritableKind(file.value);
    return Deno.openSync(file.value, { append: true, create: true, mode: MODE });
  });
}

/**
 * The same while others are served: a file system that takes no writes, such as a frozen one, would let the open(2) of a
 * file that may have to be made hang, and the runtime calls that in this thread. So one that changes nothing is waited for
 * first in another thread. Rejects with StartError.
 */
export async function openLogFileAgain(file: Given): Promise<LogSink> {
  if (standardStream(file.value) === null) await untilWritable(file.value);
  return openLogFile(file);
}

/** Resolves when the file system has let a change through that is none, or has refused it. */
async function untilWritable(path: string): Promise<void> {
  try {
    // Through a link, which a rename would not follow.
    if (Deno.lstatSync(path).isSymlink) await Deno.chmod(path, (Deno.statSync(path).mode ?? MODE) & 0o7777);
    else await Deno.rename(path, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return;
    // It is to be made anew: rename(2) asks the file system of the folder before it misses the file.
    await Deno.rename(path, path).catch(() => {});
  }
}

/**
 * The file itself, or the standard stream that links lead to from it: `app.log -> /dev/stdout`, as images of containers have
 * it, or `-> /proc/1/fd/1` where this is process 1. All who are told of the file then know it for a stream. Never throws.
 */
export function throughLinks(file: Given): Given {
  let path = file.value;
  for (let count = 0; count < MAX_LINKS; count++) {
    const stream = standardStream(withoutLinkedFolders(path).replace(`/proc/${Deno.pid}/`, "/proc/self/"));
    if (stream !== null) return { ...file, value: `/dev/${stream}` };
    try {
      path = resolve(dirname(path), Deno.readLinkSync(path));
    } catch {
      // No link, not there, or not to be read: whoever opens it finds out.
      return file;
    }
  }
  return file;
}

/** As the system follows them. path_resolution(7). */
const MAX_LINKS = 40;

function withoutLinkedFolders(path: string): string {
  if (standardStream(path) !== null) return path;
  try {
    return join(Deno.realPathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/**
 * Whether both are one, by whatever names, now that the first is open; null is standard error. Two writers would each keep
 * lines for themselves, and when one is stopped within a line the other would go on in it.
 */
export function isSameLog(first: Given | null, second: Given | null): boolean {
  const [a, b] = [first, second].map(identify);
  return a !== null && a === b;
}

function identify(file: Given | null): string | null {
  try {
    const stream = file === null ? "stderr" : standardStream(file.value);
    if (stream !== null) {
      const { dev, ino } = fstatSync(stream === "stdout" ? 1 : 2);
      return `${dev} ${ino}`;
    }
    const { dev, ino } = Deno.statSync(file?.value ?? "");
    return `${dev} ${ino}`;
  } catch {
    // One that is not there yet is no other.
    return null;
  }
}

/** Throws what `openLogFile` would throw, and leaves no file behind that was not there before. */
export function checkLogFile(file: Given): void {
  if (standardStream(file.value) !== null) return;
  refusing(file, () => {
    const { value: path } = file;
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

function refusing<Result>(file: Given, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound ? "its folder does not exist" : osProblem(error);
    const remedy = "name a file in a folder where the server may write";
    throw new StartError({ ...file, problem, remedy }, { cause: error });
  }
}
