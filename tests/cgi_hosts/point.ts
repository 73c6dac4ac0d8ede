/**
 * What a point of the book is: a program, a request, and what is looked at. Apart from the points themselves, which are a
 * table, and from running them.
 */
import type { Answer, Request } from "./answer.ts";

/** A host that runs, as a point sees it. */
export interface RunningHost {
  readonly name: string;
  readonly port: number;
  /** The path of the point's program, as clients ask for it. */
  readonly target: string;
  /** A folder that programs may write into; scripts find it as `{{notes}}`. */
  readonly notes: string;
  /** A name for a file there that no other host and no other point has. */
  readonly note: string;
  /** All that the host has written so far: its messages and its log files. */
  readLogs(): Promise<string>;
}

/**
 * The program of a point: what it prints (one character a byte), the lines of a shell script after the first, a whole file
 * with its first line, or the probe, which tells of its environment.
 */
export type Program =
  | { readonly prints: string }
  | { readonly shell: string }
  | { readonly file: string; readonly mode?: number }
  | "probe";

interface PointBase {
  /** What is unclear, as a phrase; one of its kind. */
  readonly name: string;
  /** Of RFC 3875 where nothing else is said. */
  readonly section: string;
  readonly program: Program;
  /** What the program's file is called, where that matters. */
  readonly file?: string;
  /** What lisod does, as `tell` words it: a run in which it does otherwise fails. */
  readonly lisod: string;
  /** Why lisod does so. */
  readonly why: string;
}

/** One request, and what is to be told of its answer. */
export interface AskingPoint extends PointBase {
  readonly ask?: Request;
  readonly tell: (answer: Answer) => string;
}

/** More than one request. */
export interface LookingPoint extends PointBase {
  /** What is done, for the reader. */
  readonly does: string;
  readonly look: (host: RunningHost) => Promise<string>;
  /** It may be done again and again. */
  readonly isRepeatable?: true;
}

export type Point = AskingPoint | LookingPoint;
