/**
 * A script that is to be run, as whoever asks for it and the runner name it, and what is noted of its start. Separate from
 * running it. Pure.
 */
import type { MetaVariableSettings, ScriptLocation } from "../gateway/meta_variables.ts";
import type { HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";

/** A script to run, and what the place that it belongs to tells it. */
export interface ScriptCall {
  readonly script: ScriptLocation;
  readonly settings: MetaVariableSettings;
  /** How it runs; null: as the options of the runner say. */
  readonly run?: PlaceRun | null;
}

/** How the programs of a place run. */
export interface PlaceRun {
  /** What stands in front of the command. */
  readonly prefix: readonly string[];
  readonly limits: Limits;
}

/** What a script is told beside what its request says. */
export interface Told {
  readonly contentLength: number;
  /** Whether there is, or will be, anything on its standard input. */
  readonly hasInput: boolean;
  readonly searchWords: readonly string[];
}

/** The process that answers, and what its start took. */
export function noteStart(
  { notes }: HttpRequest,
  { script: { file } }: ScriptCall,
  { pid }: { readonly pid: number },
): void {
  if (!notes) return;
  notes.answerer = `${file}[${pid}]`;
  notes.scriptPid = pid;
  notes.mark("start");
}
