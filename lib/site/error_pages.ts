/**
 * The page that a person sees with a 4xx or 5xx status. Each is rendered once from the status alone, so that nothing
 * of the request and no inner text can appear in it. Pure; load_error_pages.ts reads an operator's own. RFC 9110 15.5, 15.6.
 */
import { HOME_LINK, PAGE_END, pageStart } from "../html_page.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { BytesBody, EMPTY_BODY, type HttpResponse, reasonPhrase } from "../http/message.ts";
import { type Charset, contentType } from "../static/charset.ts";

/** What an operator's file stands for: one status, a class of them, or all. Bytes of whole HTML documents. */
export type OwnPages = ReadonlyMap<`${number}` | "4xx" | "5xx" | "error", Uint8Array>;

export class ErrorPages {
  readonly #charset: Charset;
  readonly #own: OwnPages;
  /** By status; at most 200 of them. The bodies are in memory, so that one response serves again and again. */
  readonly #responses = new Map<number, HttpResponse>();

  constructor({ charset }: { readonly charset: Charset }, own: OwnPages = new Map()) {
    this.#charset = charset;
    this.#own = own;
  }

  /**
   * The whole answer for an HttpError: its `fields` (Allow, Retry-After) and the page. A status below 400, such as 304,
   * has no page. Throws plain Error for what is no status of an answer.
   */
  response(status: number, fields: HeaderFields = HeaderFields.EMPTY): HttpResponse {
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error(`No status of an answer: ${status}`);
    if (status < 400) return { status, fields, body: EMPTY_BODY };
    const response = this.#responses.get(status) ?? this.#render(status);
    if (fields.size === 0) return response;
    return { status, fields: fields.without("Content-Type").and(...response.fields), body: response.body };
  }

  #render(status: number): HttpResponse {
    const own = this.#own.get(`${status}`) ?? this.#own.get(status < 500 ? "4xx" : "5xx") ?? this.#own.get("error");
    const bytes = own ?? new TextEncoder().encode(errorPage(status));
    // What is made here is UTF-8, whatever the texts of the site are.
    const charset = own === undefined && this.#charset !== "off" ? "auto" : this.#charset;
    const type = contentType("text/html", { charset, start: { bytes, isWhole: true } });
    const response = { status, fields: HeaderFields.of(["Content-Type", type]), body: new BytesBody(bytes) };
    this.#responses.set(status, response);
    return response;
  }
}

/** A whole HTML document of less than 1.5 KiB, without script or outside reference, for any status from 400 to 599. */
export function errorPage(status: number): string {
  const sentence = SENTENCES[status] ?? (status < 500 ? CLIENT_SENTENCE : SERVER_SENTENCE);
  const reason = reasonPhrase(status) || (status < 500 ? "Client Error" : "Server Error");
  return `${pageStart({ title: `${status} ${reason}`, style: STYLE })}<main>
<h1><strong>${status}</strong> ${reason}</h1>
<p>${sentence}</p>
<p>${HOME_LINK}</p>
</main>
${PAGE_END}`;
}

const STYLE = `main{max-width:32rem;margin-top:16vh}
strong{display:block;font-size:2.25em;color:var(--accent)}
`;

const CLIENT_SENTENCE = "The server cannot answer this request as it was sent.";
const SERVER_SENTENCE = "The server could not answer this request. Please try again later.";

/** One sentence or two for a person; statuses that a browser's user does not meet share the general one. */
const SENTENCES: { readonly [status: number]: string } = {
  400: "The server could not understand this request.",
  401: "This page needs a user name and a password.",
  403: "This page exists, but you may not see it.",
  404: "There is nothing at this address. Perhaps it was moved, or the link has a typing error.",
  405: "This page cannot be used in that way.",
  406: "There is no version of this page that your program accepts.",
  408: "The request took too long to arrive. Please try again.",
  409: "Somebody else changed this in the meantime. Please load it again.",
  410: "This page was here once and has been removed for good.",
  411: "The request has to say how long it is.",
  412: "The page has changed since your program last saw it.",
  413: "What you sent is larger than this server takes.",
  414: "The address is longer than this server reads.",
  415: "What you sent is of a kind that this page does not take.",
  416: "The part that was asked for is outside of this file.",
  417: "The server cannot do what the request expects of it.",
  421: "This server does not answer for that host name.",
  426: "This address is for WebSocket, which a page speaks and a browser does not show.",
  429: "There were too many requests in a short time. Please wait a little.",
  431: "The request carries more header fields, or longer ones, than this server reads. Deleting cookies may help.",
  500: "Something went wrong here. It is not your fault, and it has been noted.",
  501: "This server does not know how to do that.",
  502: "A program behind this page gave an answer that makes no sense.",
  503: "The server is busy at the moment. Please try again in a little while.",
  504: "A program behind this page took too long to answer. Please try again later.",
  505: "This server speaks HTTP/1.0 and HTTP/1.1 only.",
};
