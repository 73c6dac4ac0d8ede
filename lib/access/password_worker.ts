/**
 * The worker in which passwords are checked: one request, one answer. A file of its own because a worker is one; it acts
 * when it is loaded. I/O (messages).
 */
import { answerQuestions } from "../asked_worker.ts";
import { verifyPassword } from "./verify_password.ts";

/** What the server sends; whether it is right comes back. */
export interface PasswordQuestion {
  readonly password: string;
  readonly hash: string;
}

answerQuestions(({ password, hash }: PasswordQuestion) => verifyPassword(password, hash));
