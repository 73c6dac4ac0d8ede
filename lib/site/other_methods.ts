/**
 * What a request gets whose method is none that files have: OPTIONS its answer, all others 501. Separate because the router
 * asks where the rules know no other methods, and a place of files where no program takes one. Pure. RFC 9110 9.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpResponse } from "../http/message.ts";
import type { Rules } from "../rules.ts";
import type { PlaceSettings } from "./place_settings.ts";

/** Whether it is GET, HEAD or POST, which files and programs have by all rules. */
export function isFileMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "POST";
}

/** Throws HttpError 405 for a method that a place does not allow. RFC 9110 15.5.6: it MUST say which it does. */
export function requireMethod(method: string, { methods }: Pick<PlaceSettings, "methods">): void {
  if (methods === null || methods.includes(method)) return;
  throw new HttpError(405, `Method "${method}" is not allowed`, {
    fields: HeaderFields.of(["Allow", methods.join(", ")]),
  });
}

/** The answer to any other method where no program takes it. Throws HttpError 501 for all but OPTIONS. */
export function answerOtherMethod(method: string, { allowsAnyMethod }: Pick<Rules, "allowsAnyMethod">): HttpResponse {
  if (allowsAnyMethod && method === "OPTIONS") return OPTIONS_ANSWER;
  throw new HttpError(501, `Method "${method}"`);
}

/**
 * RFC 9110 9.3.7, for a file and for "*". 200 with Content-Length 0, as peers have it: there are clients that wait for content
 * after a 204.
 */
const OPTIONS_ANSWER: HttpResponse = {
  status: 200,
  fields: HeaderFields.of(["Allow", "GET, HEAD, OPTIONS"]),
  body: EMPTY_BODY,
};
