/**
 * The worker in which passwords are checked: one request, one answer. A file of its own because a worker is one; it acts
 * when it is loaded. I/O (messages).
 */
import { verifyPassword } from "./verify_password.ts";

/** What the server sends. */
export interface PasswordQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

/** What comes back. */
export interface PasswordAnswer {
  readonly id: number;
  readonly isRight: boolean;
}

/** The part of a worker's global object that is used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<PasswordQuestion>) => void;
  postMessage(answer: PasswordAnswer): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.onmessage = ({ data: { id, password, hash } }) => {
  scope.postMessage({ id, isRight: verifyPassword(password, hash) });
};
