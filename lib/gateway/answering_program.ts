/** A program as those see it who pass its answer on. Separate from what talks with it (program_exchange.ts). Types alone. */

/** A program that answers one request, whatever it is: a CGI script, an application behind a socket. */
export interface AnsweringProgram {
  /** What it is called in the log. */
  readonly label: string;
  /** Whether its output has been read to the end, or nobody reads it any more. */
  readonly hasOutputEnded: boolean;
  /**
   * The next bytes of the output, valid until the next call; null at its end. Throws what went wrong with the program or
   * with the request's content, no HttpError above 499 once the head has been read, and Interrupted when the client has
   * gone.
   */
  read(): Promise<Uint8Array | null>;
  /** Nobody wants the rest of the output: the program is let finish, but not for ever. Never rejects. */
  discard(): Promise<void>;
  /** Nobody waits for the program any more: it is ended. Idempotent. */
  abandon(): void;
}
