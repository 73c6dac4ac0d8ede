/**
 * What an error of the system means for a client: one table for all that read and write files for requests. Pure: it looks at
 * the code of an error and at its name, which the runtime gives where the system was never asked. RFC 9110 15.5 and 15.6.
 */
import { osProblem } from "../start_error.ts";
import { HeaderFields } from "./header_fields.ts";
import { HttpError, RETRY_SOON } from "./message.ts";

export type SystemStatus = 403 | 404 | 503 | 507;

/** By code, or by the name of the runtime's class. */
const STATUS_OF: { readonly [codeOrName: string]: SystemStatus } = {
  // Nothing has that name, or could.
  ENOENT: 404,
  ENOTDIR: 404,
  ENAMETOOLONG: 404,
  EILSEQ: 404,
  // A link leads to a name that is not UTF-8.
  InvalidData: 404,
  ESTALE: 404,
  NotFound: 404,
  NotADirectory: 404,
  // It is there, and may not be had.
  EACCES: 403,
  EPERM: 403,
  ELOOP: 403,
  PermissionDenied: 403,
  FilesystemLoop: 403,
  NotCapable: 403,
  // A socket, or a device without a driver.
  ENXIO: 403,
  ENODEV: 403,
  // It will be another time.
  EMFILE: 503,
  ENFILE: 503,
  ENOMEM: 503,
  ENOBUFS: 503,
  EAGAIN: 503,
  ETIMEDOUT: 503,
  TimedOut: 503,
  // RFC 4918 11.5: what was sent cannot be kept.
  ENOSPC: 507,
  EDQUOT: 507,
  EFBIG: 507,
};

/** Null for what is no error of the system, and for one that nobody foresaw: a fault of ours, or of the machine. */
export function statusOfSystemError(error: unknown): SystemStatus | null {
  if (!(error instanceof Error) || error instanceof HttpError) return null;
  const code = "code" in error ? String(error.code) : "";
  return [code, error.name].flatMap((key) => Object.hasOwn(STATUS_OF, key) ? [STATUS_OF[key]] : []).at(0) ?? null;
}

/**
 * The answer with that status; `message`, which says what was tried with which path, and the system's reason are one line for
 * the log: where in the server it was tried explains nothing. Retry-After tells that it will be another time.
 */
export function systemHttpError(status: SystemStatus, message: string, error: unknown): HttpError {
  const fields = status === 503 ? RETRY_SOON : HeaderFields.EMPTY;
  return new HttpError(status, `${message}: ${osProblem(error)}`, { fields });
}
