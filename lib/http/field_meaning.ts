/**
 * What the fields of a request head say of its framing, its host and the connection. Apart from the connection, which
 * asks for it once where the same fields come again. RFC 9110 7.2 and 10.1.1, RFC 9112 3.2, 6.3 and 9.3.
 */
import type { Limits } from "../limits.ts";
import type { Rules } from "../rules.ts";
import { type Framing, requestFraming } from "./body_readers.ts";
import { listElements } from "./grammar.ts";
import { HttpError, type RequestHead } from "./message.ts";
import { parseAuthority } from "./target.ts";

/** Holds for the method and the version of the request alone. */
export interface FieldMeaning extends Pick<RequestHead, "method" | "version"> {
  /** Whether the connection persists after the request. */
  readonly keepsAlive: boolean;
  readonly framing: Framing;
  /** The client waits for 100 before it sends the content. */
  readonly expectsContinue: boolean;
  /** Host name in lower case without port, "" when the Host field is empty or absent. */
  readonly host: string;
}

/** Throws HttpError where a field is at fault: 417, 400 for Host, and what `requestFraming` throws. */
export function fieldMeaning(
  head: RequestHead,
  options: { readonly limits: Limits; readonly rules: Rules },
): FieldMeaning {
  const { method, version } = head;
  const framing = requestFraming(head, options);
  return {
    method,
    version,
    framing,
    keepsAlive: isPersistent(head),
    expectsContinue: expectsContinue(head) && framing !== 0,
    host: hostOf(head, options.rules),
  };
}

/** RFC 9112 3.2: 400 for a missing (by rule), repeated or invalid Host. */
function hostOf({ version, fields }: RequestHead, rules: Rules): string {
  const value = fields.get("host");
  if (value === null) {
    if (rules.requiresHost && version === "1.1") throw new HttpError(400, "No Host field");
    return "";
  }
  // Repeated ones come joined by a comma and a space, which is no host.
  const authority = parseAuthority(value);
  if (authority === null) throw new HttpError(400, `Host "${value}"`);
  return authority.host;
}

/** RFC 9110 10.1.1: any other expectation 417; a 100-continue of HTTP/1.0 MUST be ignored. */
function expectsContinue(head: RequestHead): boolean {
  const expectation = head.fields.get("expect");
  if (expectation === null || head.version === "1.0") return false;
  if (!/^100-continue$/i.test(expectation)) throw new HttpError(417, `Expect "${expectation}"`);
  return true;
}

/** RFC 9112 9.3: HTTP/1.1 persists unless it says close, HTTP/1.0 only if it says keep-alive; case does not matter. */
function isPersistent(head: RequestHead): boolean {
  const value = head.fields.get("connection");
  if (value === null) return head.version === "1.1";
  if (value === "keep-alive") return true;
  const options = listElements(value);
  if (options.includes("close")) return false;
  return head.version === "1.1" || options.includes("keep-alive");
}
