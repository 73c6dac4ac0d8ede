/**
 * What is asked of programs that are started, in whatever way: by calls of the C library (spawner.ts) or by the runtime
 * (command_starter.ts). Separate from both, so that whoever uses a program knows neither. Types alone.
 */

/** Bytes that come from elsewhere, pulled. */
export interface ByteSource {
  /**
   * The next bytes, valid until the next call; null at the end, and once it is closed. One call at a time. Throws plain
   * Error when it cannot be read.
   */
  read(): Promise<Uint8Array | null>;
  /** What was given last stays as it is, whatever is read from now on: somebody is still sending it. */
  keepLast(): void;
  /** Ends a read that waits. Idempotent. */
  close(): void;
}

/** Where bytes go. */
export interface ByteSink {
  /**
   * Writes all of `bytes`, which must not change before this resolves. One call at a time. False when nobody reads any
   * more, which may show only at the next call, or when it is closed. Throws plain Error when it cannot be waited for.
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends a write that waits; whoever reads then meets the end. Idempotent. */
  close(): void;
}

/** How a program ended, for the log; `isSuccess`: exit status 0. */
export interface ChildEnd {
  readonly isSuccess: boolean;
  readonly description: string;
}

/** What is to be started. */
export interface ChildCommand {
  /** The program's absolute path, then its arguments. */
  readonly words: readonly string[];
  /** The whole environment. Bytes that are not UTF-8 stand in it, as in the words, as lib/http/byte_text.ts writes them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Current directory. */
  readonly folder: string;
  /** Whether there is content for standard input; without, it is /dev/null. */
  readonly hasInput: boolean;
  /** A descriptor that it gets as its fourth, 3; whoever opened it closes it. */
  readonly control?: number;
  /** It runs as long as the server, and so is none of the programs whose number says how busy the machine is. */
  readonly isService?: boolean;
}

/** A program that was started, as the leader of a process group. Whoever has it reads or closes its pipes, and reaps it. */
export interface Child {
  readonly pid: number;
  /** Standard input, where there is content for it. */
  readonly input: ByteSink | null;
  /** Standard output, for one reader. */
  readonly output: ByteSource;
  /** Standard error, for one reader. */
  readonly errors: ByteSource;
  /** Resolves when the process has ended and is reaped; its children may live on. Idempotent. Never rejects. */
  reap(): Promise<ChildEnd>;
  /** Whether a process of the group is left. Throws as `signalGroup` does. */
  hasGroup(): boolean;
  /**
   * Sends a signal to the whole process group; false when there is none any more. While a process of the group lives
   * no other process can get its number; once `hasGroup` or this has given false, no signal is sent any more. Whoever uses a
   * child that has been reaped asks `hasGroup` often: a number that has become free is not given out again for thousands of
   * processes. Throws PermissionDenied when they all belong to somebody else.
   */
  signalGroup(signal: "SIGTERM" | "SIGKILL"): boolean;
}

/** What starts programs. */
export interface Starter {
  /** Resolves once the program is being executed. Throws SpawnError, and TypeError for a text that has a NUL in it. */
  start(command: ChildCommand): Promise<Child>;
}
