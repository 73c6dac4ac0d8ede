/**
 * Asks the worker whether a password is right, so that nobody else waits for the computation. The worker starts with the
 * first question, one question after the other is answered there, and the number of those that wait is bounded. I/O.
 */
import { AskedWorker } from "../asked_worker.ts";
import { HttpError, RETRY_SOON } from "../http/message.ts";
import type { PasswordQuestion } from "./password_worker.ts";

/** With bcrypt of cost 10, which takes 0.1 s, the last of them waits for some seconds. */
const MAX_WAITING = 32;

export class PasswordChecker {
  readonly #worker = new AskedWorker<PasswordQuestion, boolean>({
    name: "passwords",
    url: new URL("./password_worker.ts", import.meta.url),
  });

  /** Rejects with HttpError 503 when too many wait, and with plain Error when the worker fails. */
  check(password: string, hash: string): Promise<boolean> {
    if (this.#worker.waitingCount >= MAX_WAITING) {
      const message = "Too many passwords wait to be checked";
      return Promise.reject(new HttpError(503, message, { fields: RETRY_SOON }));
    }
    return this.#worker.ask({ password, hash });
  }

  /** Ends the worker; what waits is never answered. */
  close(): void {
    this.#worker.close();
  }
}
