/**
 * Why a program could not be started, in one line for the log. Separate because the system only says that something is not
 * there: what is not there stands in the first line of the program, which is read here. I/O.
 */

import { SpawnError } from "../child/spawn_error.ts";
import { readFirstLine } from "../first_line.ts";
import { HttpError, Refusal } from "../http/message.ts";
import { scriptsUnavailable } from "./script_queue.ts";

/** As errno(3) counts. */
const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;

/** The answer where `error` kept `program` from being started for the script `file`, which may be itself. */
export function startHttpError(error: unknown, { program, file }: { readonly program: string; readonly file: string }) {
  const message = `Cannot start "${program}"${program === file ? "" : ` for "${file}"`}`;
  if (error instanceof SpawnError && error.isShortage) return scriptsUnavailable(`${message}: ${error.message}`);
  if (!(error instanceof SpawnError)) return new HttpError(500, message, { cause: error });
  const why = startFailure(program, error);
  // As for one that nobody may execute, whom its mode lets do so is the operator's to mend.
  if (error.errno === EACCES && program === file) {
    const reason = "may not be executed by the user of the server";
    return new Refusal({ path: file, reason: why === error.message ? reason : `${reason}: ${why}` });
  }
  return new HttpError(500, `${message}: ${why}`);
}

/** What the system said of it. */
interface StartError {
  readonly errno: number;
  readonly message: string;
}

/** The reason, with the first line of the file `program` where that explains it. Never throws. */
export function startFailure(program: string, { errno, message }: StartError): string {
  const line = readFirstLine(program);
  if (line === null) return message;
  if (!line.startsWith("#!")) return errno === ENOEXEC ? `it is no program, and its first line is "${line}"` : message;
  // A carriage return is a part of the interpreter's name, and hardly ever is one called so.
  if (line.endsWith("\r")) return `its first line "${line.slice(0, -1)}" ends in CR LF and must end in LF alone`;
  if (errno === ENOENT) return `its first line is "${line}", and there is no such program`;
  if (errno === EACCES) return `its first line is "${line}", and it or that program may not be executed`;
  return `${message}; its first line is "${line}"`;
}
