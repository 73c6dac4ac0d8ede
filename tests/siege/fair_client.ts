/** A client like any other, beside whatever else a server has to bear: what it lost, and how long it waited. */
import { RawClient } from "../raw_client.ts";
import { toText } from "../raw_http.ts";

/** What it asks for, again and again. */
export interface Question {
  readonly port: number;
  readonly path: string;
  /** The content of the answer. */
  readonly want: string;
}

export interface Experience {
  /** Of the answers that were right. */
  readonly timesMs: readonly number[];
  /** Why there was no right answer, one for each request that had none. */
  readonly lost: readonly string[];
}

/** Between two requests. */
const PAUSE_MS = 10;
/** Who waits longer gives up, and the request is lost: nobody is to bear more, on a busy machine either. */
const PATIENCE_MS = 60_000;

/** Asks until `isOver`, at least once, with a connection each. */
export async function askFairly(question: Question, isOver: () => boolean): Promise<Experience> {
  const [timesMs, lost] = [[] as number[], [] as string[]];
  do {
    const start = performance.now();
    const problem = await askOnce(question);
    if (problem === null) timesMs.push(performance.now() - start);
    else lost.push(problem);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  } while (!isOver());
  return { timesMs, lost };
}

/** Null when the answer is right. */
async function askOnce({ port, path, want }: Question): Promise<string | null> {
  try {
    using client = await RawClient.connect(port);
    await client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const { responses } = await client.receive({ count: 1, deadlineMs: PATIENCE_MS });
    if (responses.length === 0) return "no answer";
    const [{ status, body }] = responses;
    return status === 200 && toText(body) === want ? null : `${status} ${toText(body).slice(0, 60)}`;
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
}

/** So many percent of the values are at most that; NaN where there is none. */
export function percentile(values: readonly number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * percent / 100) - 1] ?? NaN;
}
