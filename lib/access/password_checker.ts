/**
 * Asks the worker whether a password is right, so that nobody else waits for the computation. The worker starts with the
 * first question, one question after the other is answered there, and the number of those that wait is bounded. I/O.
 */
import { HttpError, RETRY_SOON } from "../http/message.ts";
import type { PasswordAnswer, PasswordQuestion } from "./password_worker.ts";

/** With bcrypt of cost 10, which takes 0.1 s, the last of them waits for some seconds. */
const MAX_WAITING = 32;

interface Waiting {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: Error) => void;
}

export class PasswordChecker {
  #worker: Worker | null = null;
  #nextId = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** Rejects with HttpError 503 when too many wait, and with plain Error when the worker fails. */
  check(password: string, hash: string): Promise<boolean> {
    if (this.#waiting.size >= MAX_WAITING) {
      const message = "Too many passwords wait to be checked";
      return Promise.reject(new HttpError(503, message, { fields: RETRY_SOON }));
    }
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage({ id, password, hash } satisfies PasswordQuestion);
    return promise;
  }

  /** Ends the worker; what waits is never answered. */
  close(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #startWorker(): Worker {
    const options: WorkerOptions = {
      type: "module",
      name: "passwords",
      // It computes, and foreign code at that: it may touch nothing.
      deno: { permissions: "none" },
    };
    const worker = new Worker(new URL("./password_worker.ts", import.meta.url), options);
    worker.onmessage = ({ data: { id, isRight } }: MessageEvent<PasswordAnswer>) => {
      this.#waiting.get(id)?.resolve(isRight);
      this.#waiting.delete(id);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`The worker for passwords failed: ${event.message}`));
    };
    return worker;
  }

  /** The next question starts another worker. */
  #fail(error: Error): void {
    this.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
