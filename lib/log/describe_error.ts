/**
 * What the log says of an error: lines of text, for people. Pure. Separate from the log because it must cope with
 * whatever a program can throw, and because its length is bounded here.
 */
import { HttpError } from "../http/message.ts";

const MAX_CAUSE_COUNT = 8;
const MAX_LINE_COUNT = 64;

/**
 * The error and the chain of its causes, the outermost first. `withStack` adds the stack of each error that is not an
 * HttpError: an HttpError says that the peer or the resource is at fault, and where it was thrown explains nothing.
 */
export function describeError(error: unknown, { withStack }: { readonly withStack: boolean }): readonly string[] {
  const lines: string[] = [];
  let cause = error;
  for (let count = 0; cause !== undefined && cause !== null && count < MAX_CAUSE_COUNT; count++) {
    const [first, ...more] = describeOne(cause, withStack).split("\n");
    lines.push(`${count === 0 ? "" : "caused by "}${first}`, ...more);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines.length > MAX_LINE_COUNT ? [...lines.slice(0, MAX_LINE_COUNT), "..."] : lines;
}

function describeOne(error: unknown, withStack: boolean): string {
  if (error instanceof HttpError) return `${error.name} ${error.status}: ${error.message}`;
  if (error instanceof Error) return withStack && error.stack ? error.stack : `${error.name}: ${error.message}`;
  // A bare object may have no way to become text.
  return typeof error === "object" || typeof error === "function"
    ? Object.prototype.toString.call(error)
    : String(error);
}
