/**
 * The answers of a place that shows the state of the server: a page at its prefix, the same as JSON and for Prometheus below
 * it. Separate from what they say. Who may have them is for the rules of the place; here alone it is seen whether somebody
 * asks from elsewhere through a proxy that nobody has named. Pure. RFC 9110 9.3 and 15.5.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { redirectToFolder } from "../http/folder_redirect.ts";
import type { Located } from "../http/located.ts";
import { type Body, BytesBody, HttpError, type HttpRequest, type HttpResponse } from "../http/message.ts";
import { AddressRange, LOOPBACK, parseAddress } from "../ip_address.ts";
import { chooseFormat, MEDIA_TYPES, renderFamilies } from "./exposition.ts";
import { metricFamilies } from "./metrics.ts";
import { type ServerStatus, serverStatus } from "./server_status.ts";
import { statusJson } from "./status_json.ts";
import { statusPage } from "./status_page.ts";
import type { StatusParts } from "./thread_status.ts";

/** Asks all threads. */
export type GatherStatus = () => Promise<StatusParts>;

/** How one of its documents is written for a request. */
interface Form {
  readonly type: string;
  render(status: ServerStatus): string;
}

/** Where `gather` is null, answers have all but their content. */
export function createStatusAnswer(
  gather: GatherStatus | null,
): (request: HttpRequest, at: Located) => Promise<HttpResponse> {
  return async (request, { path }) => {
    requireNear(request);
    const document = path === "" ? null : DOCUMENTS.get(path);
    if (document === undefined) throw new HttpError(404, `No status page: "${request.path}"`);
    if (request.method !== "GET" && request.method !== "HEAD") {
      const fields = HeaderFields.of(["Allow", "GET, HEAD"]);
      throw new HttpError(405, `Method of a status page: "${request.method}"`, { fields });
    }
    if (document === null) return redirectToFolder(request);
    const { type, render } = document.formFor(request);
    const fields = FIELDS.and(["Content-Type", type]);
    if (gather === null) return { status: 200, fields, body: UNWRITTEN_BODY };
    const bytes = new TextEncoder().encode(render(serverStatus(await gather())));
    return { status: 200, fields, body: new BytesBody(bytes) };
  };
}

/** What answers at that path below the prefix, in words; null: nothing. */
export function statusDocumentName(path: string): string | null {
  return DOCUMENTS.get(path)?.name ?? null;
}

const PAGE: Form = { type: "text/html; charset=utf-8", render: statusPage };
const JSON_TEXT: Form = { type: "application/json", render: statusJson };

/** By the path below the prefix; `name` is for people. */
const DOCUMENTS: ReadonlyMap<string, { readonly name: string; formFor(request: HttpRequest): Form }> = new Map([
  ["/", {
    name: "status page, which is also had as JSON (json) and for Prometheus (metrics)",
    formFor: () => PAGE,
  }],
  ["/json", { name: "status page as JSON", formFor: () => JSON_TEXT }],
  ["/metrics", {
    name: "status page for Prometheus",
    formFor: ({ fields }: HttpRequest) => {
      const format = chooseFormat(fields.get("accept"));
      return {
        type: MEDIA_TYPES[format],
        render: (status: ServerStatus) => renderFamilies(metricFamilies(status), format),
      };
    },
  }],
]);

/** What it will be, nobody knows who does not ask. */
const UNWRITTEN_BODY: Body = {
  length: null,
  async *[Symbol.asyncIterator]() {},
  close: () => Promise.resolve(),
};

/** Nobody keeps them, no page of another site gets them, and the page loads and runs nothing. */
const FIELDS = HeaderFields.of(
  ["Cache-Control", "no-store"],
  [
    "Content-Security-Policy",
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'",
  ],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
);

/**
 * A proxy on this machine that is not named by --proxy makes all of its clients look as if they were here: one that says
 * for whom it asks is not taken for them. One that says nothing cannot be told from a client. Throws HttpError 403.
 */
function requireNear({ connection: { remoteAddress }, fields }: HttpRequest): void {
  if (!isNear(remoteAddress)) return;
  const told = ["x-forwarded-for", "x-real-ip", "forwarded"].flatMap((name) => fields.get(name)?.split(/[,;]/) ?? []);
  // RFC 7239 4: of "for=192.0.2.60;proto=http" the first alone is about a client.
  const clients = told.flatMap((text) => /^\s*(?:for="?)?([^="]*)"?\s*$/i.exec(text)?.[1] ?? []);
  const far = clients.map((text) => text.trim()).find((text) => text !== "" && !isNear(text));
  if (far === undefined) return;
  const remedy = "--proxy would believe it";
  throw new HttpError(403, `A proxy that is not named asks for ${JSON.stringify(far.slice(0, 64))}: ${remedy}`);
}

function isNear(address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== null && NEAR.some((range) => range.contains(bytes));
}

const NEAR = LOOPBACK.flatMap((text) => AddressRange.parse(text) ?? []);
