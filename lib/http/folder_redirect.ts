/**
 * The answer to a folder that was asked for without the slash at its end: relative links on its page need it. Pure, and
 * apart because folders of files and of programs answer alike. RFC 9110 15.4.2.
 */
import { HeaderFields } from "./header_fields.ts";
import { EMPTY_BODY, type HttpRequest, type HttpResponse } from "./message.ts";
import { encodePath } from "./target.ts";

/** 301 to the target with a slash after its path, its query kept; where another path stands in its place, to that. */
export function redirectToFolder({ target, path, query, original }: FolderRequest): HttpResponse {
  const served = `${encodePath(path)}${query === "" ? "" : `?${query}`}`;
  const location = withSlash((original ?? null) === null ? target : served);
  return { status: 301, fields: HeaderFields.of(["Location", location]), body: EMPTY_BODY };
}

type FolderRequest = Pick<HttpRequest, "target" | "path" | "query" | "original">;

/** It starts with a single slash whatever the client sent: `//host/` as a Location would lead to another host. */
function withSlash(target: string): string {
  const [, path, query] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)?([^?]*)(.*)$/.exec(target) ?? [];
  return `/${path.replace(/^[/\\]+/, "")}/${query}`;
}
