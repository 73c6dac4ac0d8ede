/** Why a program could not be started. Separate, because two ways of starting one fail alike. Pure. errno(3). */

/** 0 for what the system has no number for. */
export class SpawnError extends Error {
  /** As errno(3) counts. */
  readonly errno: number;

  constructor(errno: number, options?: ErrorOptions) {
    super(`It cannot be executed: error ${errno}${ERROR_NAMES[errno] ?? ""}`, options);
    this.errno = errno;
  }

  /** Whether there may be room again soon: no descriptors, processes or memory. */
  get isShortage(): boolean {
    return SHORTAGES.includes(this.errno);
  }
}

export const ENOENT = 2;
export const ENOEXEC = 8;
export const EACCES = 13;
export const ENOTDIR = 20;
export const EMFILE = 24;
const SHORTAGES: readonly number[] = [11, 12, 23, EMFILE];
/** What an author of scripts meets. */
const ERROR_NAMES: Readonly<Record<number, string>> = {
  [ENOENT]: ", it or the interpreter of its first line does not exist",
  7: ", its environment is too large",
  [ENOEXEC]: ", it is no program and its first line does not begin with #!",
  11: ", too many processes",
  12: ", too little memory",
  [EACCES]: ", permission denied",
  [ENOTDIR]: ", a part of its path is no folder",
  23: ", too many open files on this machine",
  [EMFILE]: ", too many open files",
  26: ", it is open for writing",
};
