/**
 * The answer to a folder that was asked for without the slash at its end: relative links on its page need it. Pure, and
 * apart because folders of files and of programs answer alike. RFC 9110 15.4.2.
 */
import { HeaderFields } from "./header_fields.ts";
import { EMPTY_BODY, type HttpResponse } from "./message.ts";

/** 301 to the target with a slash after its path, its query kept. */
export function redirectToFolder(target: string): HttpResponse {
  return { status: 301, fields: HeaderFields.of(["Location", withSlash(target)]), body: EMPTY_BODY };
}

/** It starts with a single slash whatever the client sent: `//host/` as a Location would lead to another host. */
function withSlash(target: string): string {
  const [, path, query] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)?([^?]*)(.*)$/.exec(target) ?? [];
  return `/${path.replace(/^[/\\]+/, "")}/${query}`;
}
