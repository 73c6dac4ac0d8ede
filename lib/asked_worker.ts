/**
 * A worker that computes: questions go to it one after the other, and each gets its answer. It starts with the first question and
 * may touch nothing. Separate from what is computed, of which there are several kinds. I/O (messages).
 */

interface Numbered<Value> {
  readonly id: number;
  readonly value: Value;
}

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export interface AskedWorkerOptions {
  /** For the log. */
  readonly name: string;
  /** The module of the worker, which calls `answerQuestions`. */
  readonly url: URL;
  /** Told once of each failure, before whoever waits. */
  readonly tellFailure?: (problem: string) => void;
}

export class AskedWorker<Question, Answer> {
  readonly #options: AskedWorkerOptions;
  #worker: Worker | null = null;
  #nextId = 0;
  readonly #waiting = new Map<number, Waiting<Answer>>();

  /** Whoever makes it calls `close`. */
  constructor(options: AskedWorkerOptions) {
    this.#options = options;
  }

  /** Questions that have no answer yet. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Rejects with plain Error when the worker fails; the next question starts another one. */
  ask(value: Question): Promise<Answer> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, value } satisfies Numbered<Question>);
    return promise;
  }

  /** Ends the worker: what waits is rejected with that error, and without one never answered. Idempotent. */
  close(error: Error | null = null): void {
    this.#worker?.terminate();
    this.#worker = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (error !== null) { for (const { reject } of waiting) reject(error); }
  }

  #start(): Worker {
    const { name, url, tellFailure } = this.#options;
    const worker = new Worker(url, { type: "module", name, deno: { permissions: "none" } } as WorkerOptions);
    worker.onmessage = ({ data: { id, value } }: MessageEvent<Numbered<Answer>>) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      waiting?.resolve(value);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const problem = `The worker for ${name} failed: ${event.message}`;
      tellFailure?.(problem);
      this.close(new Error(problem));
    };
    return worker;
  }
}

/** The part of a worker's global object that is used here. */
interface WorkerScope<Question, Answer> {
  onmessage: (event: MessageEvent<Numbered<Question>>) => void;
  postMessage(answer: Numbered<Answer>): void;
}

/** Called by the module of a worker, and by nothing else: answers all questions that come. */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Answer): void {
  const scope = globalThis as unknown as WorkerScope<Question, Answer>;
  scope.onmessage = ({ data: { id, value } }) => scope.postMessage({ id, value: answer(value) });
}
