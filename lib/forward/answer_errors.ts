/** What goes wrong with upstreams, as clients get it and the log says it. Separate from forwarder.ts, which decides what follows. */
import { HttpError, RETRY_SOON } from "../http/message.ts";
import { MalformedRecord } from "./fastcgi_records.ts";
import type { KnownGroup, KnownUpstream } from "./known_upstream.ts";
import { MalformedResponse } from "./response_head.ts";
import { BrokenConnection } from "./upstream_connection.ts";

/** The request has not been answered, and another upstream may be asked for it. */
export class NotAnswered extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super("Not answered");
    this.cause = cause;
  }
}

/** RFC 9110 15.6.3: what is wrong with an answer that this server has asked for is no fault of its own. */
export function asBadGateway(error: unknown, { text }: Pick<KnownUpstream, "text">): unknown {
  // Some of them begin with whose fault it is.
  const told = (message: string) => message.startsWith(`${text} `) ? message : `${text}: ${message}`;
  if (error instanceof HttpError) return error.status === 500 ? new HttpError(502, told(error.message)) : error;
  const isBroken = error instanceof BrokenConnection || error instanceof MalformedRecord ||
    error instanceof MalformedResponse;
  return isBroken ? new HttpError(502, told(error.message)) : error;
}

/** RFC 9110 15.6.4: of several it is not known that none will be there; of one alone what it failed with. */
export function noneLeft({ members, group }: KnownGroup, problem: unknown): unknown {
  if (members.length === 1 && problem !== null) return problem;
  const states = members.map(({ view: { text, state } }) => `${text} ${state}`).join(", ");
  const reason = problem === null ? "" : `; the last said: ${messageOf(problem)}`;
  return new HttpError(503, `No upstream of "${group.text}" is left: ${states}${reason}`, { fields: RETRY_SOON });
}

/** For a line of the log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
