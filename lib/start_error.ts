/**
 * What keeps the server from starting and the operator can mend. Its text is the one line that `main.ts` prints after
 * `lisod: `; it never has a stack. Separate because the command line, the log, the lock and the listeners all throw it.
 */

/** A value of the operator's and the argument that it was given by, for whoever finds something wrong with it later. */
export interface Given {
  /** As the operator knows it: `--root`, `<www folder>`, `/etc/lisod.conf:3: root`. */
  readonly argument: string;
  /** Of a file or folder: its absolute path. */
  readonly value: string;
}

export interface StartProblem {
  /** As in `Given`. */
  readonly argument: string;
  /** Its value; null where it has none. */
  readonly value: string | null;
  /** What is wrong, without full stop. */
  readonly problem: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The machine does not have what the arguments name. Exit status 1. */
export class StartError extends Error {
  readonly exitCode: 1 | 2 = 1;
  /** What it was made of: data that can be sent to another thread. */
  readonly problem: StartProblem;

  constructor(startProblem: StartProblem, options: { readonly cause?: unknown } = {}) {
    const { argument, value, problem, remedy } = startProblem;
    super([value === null ? argument : `${argument} ${quoted(value)}`, problem, remedy].join(": "), options);
    this.name = "StartError";
    this.problem = startProblem;
  }
}

/** The arguments are wrong in themselves, whatever the machine. Exit status 2. */
export class UsageError extends StartError {
  override readonly exitCode = 2;

  constructor(problem: StartProblem) {
    super(problem);
    this.name = "UsageError";
  }
}

/** In double quotes with control characters escaped: an argument with a line feed still makes one line. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What an error of the operating system means, in words: for `problem`. */
export function osProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The runtime's own functions say "Words (os error 1): ...", those of node:fs "ECODE: words, call 'path'".
  const words = error.message.replace(/ \(os error \d+\).*$/s, "").replace(/^E[A-Z0-9]+: ([^,]*), .*$/s, "$1");
  return OS_PROBLEMS[error.name] ?? words.toLowerCase();
}

const OS_PROBLEMS: { readonly [errorName: string]: string } = {
  NotFound: "does not exist",
  PermissionDenied: "permission denied",
  NotCapable: "not permitted by the runtime",
  IsADirectory: "is a folder",
  NotADirectory: "a part of the path is not a folder",
  FilesystemLoop: "too many symbolic links",
  AddrInUse: "already in use",
  AddrNotAvailable: "not an address of this machine",
  // Sockets of the runtime and this server's own say it alike.
  ConnectionReset: "the peer has reset the connection",
};
