/**
 * A request as it is known when its head has arrived, in words that hold for every version of HTTP: what answers it need not
 * know which protocol brought it. RFC 9110 6, 7.1 and 10.1.1.
 */
import type { HttpError, RequestHead } from "./message.ts";
import type { Target } from "./target.ts";

/** What the head of a request says, and what follows from it. */
export interface ReceivedRequest {
  readonly head: RequestHead;
  readonly target: Target;
  /** Host name in lower case without port, "" when none was given. */
  readonly host: string;
  /** Whether content follows the head; it may turn out to be empty. */
  readonly hasContent: boolean;
  /** Its bytes; null where that is known only at its end, 0 where there is none. */
  readonly contentLength: number | null;
  /** RFC 9110 10.1.1: the client waits for 100 before it sends the content. */
  readonly expectsContinue: boolean;
  /** The head is over a limit, but its end is certain: answer this, and the connection may go on. */
  readonly rejection: HttpError | null;
}
