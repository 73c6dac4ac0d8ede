/**
 * The Basic scheme: what a client says of itself, and what it is asked for. Pure. RFC 7617, RFC 9110 11.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { HttpError } from "../http/message.ts";

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/**
 * The credentials of an Authorization field; null where there is none, of another scheme, or malformed: the client is
 * then asked for them. RFC 7617 2 and 2.1: base64 of `user:password` in UTF-8, neither with control characters.
 */
export function parseBasicCredentials(authorization: string | null): BasicCredentials | null {
  // RFC 9110 11.1: the name of the scheme is case-insensitive.
  const [, base64] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? "") ?? [];
  const text = base64 === undefined ? null : decode(base64);
  // deno-lint-ignore no-control-regex
  const [, user, password] = /^([^:\x00-\x1f\x7f]*):([^\x00-\x1f\x7f]*)$/.exec(text ?? "") ?? [];
  return user === undefined ? null : { user, password };
}

function decode(base64: string): string | null {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null; // neither base64 nor UTF-8: no credentials
  }
}

/** The value of WWW-Authenticate. RFC 7617 2: the realm is a quoted string; 2.1: UTF-8 is the only charset there is. */
export function basicChallenge(realm: string): string {
  return `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`;
}

/** RFC 9110 15.5.2, 11.6.1: 401 MUST say how to authenticate. */
export function unauthorized({ name }: { readonly name: string }, message: string): HttpError {
  return new HttpError(401, message, { fields: HeaderFields.of(["WWW-Authenticate", basicChallenge(name)]) });
}
