/**
 * Answers everything on the HTTP port with the same target on the HTTPS port. Pure. Apart from the router because it
 * stands in its place: no file and no script is looked at, but for the challenges of ACME. RFC 9110 15.4.9 (308), 15.5.20
 * (421), RFC 8555 8.3.
 */
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse, type Soon } from "../http/message.ts";

export interface RedirectOptions {
  /** Names and addresses of the certificate, in lower case; asked for with each request, for they may change. */
  readonly names: () => readonly string[];
  /** Where HTTPS listens. */
  readonly port: number;
  /** Answers challenges, and what came over TLS already, as a proxy that is believed has said. */
  readonly answer: (request: HttpRequest) => Soon<HttpResponse>;
}

const HTTPS_PORT = 443;
/** RFC 8555 8.3: a token is base64url. */
const CHALLENGE = /^\/\.well-known\/acme-challenge\/[A-Za-z0-9_-]+$/;

/**
 * A handler that answers 308, so that the method stays. Throws HttpError 421 for a host that the certificate does not
 * name: the client could only get a warning there, and an answer must not lead to a host of the client's choice. Challenges
 * of ACME are answered for every host.
 */
export function createHttpsRedirect(
  { names, port, answer }: RedirectOptions,
): (request: HttpRequest) => Soon<HttpResponse> {
  return (request) => {
    if (request.connection.secure || isChallenge(request)) return answer(request);
    const { host, target } = request;
    // RFC 6066 3: a client asks for the certificate of a name without the dot that ends it.
    const asked = host.replace(/\.$/, "");
    if (!names().some((name) => matchesName(name, asked))) {
      throw new HttpError(421, `The certificate does not name "${host}"`);
    }
    const authority = port === HTTPS_PORT ? host : `${host}:${port}`;
    const location = `https://${authority}${targetInOriginForm(target)}`;
    return { status: 308, fields: HeaderFields.of(["Location", location]), body: EMPTY_BODY };
  };
}

/**
 * Whether an authority asks for it that is to issue a certificate, and begins with HTTP: for a new host there is none yet that
 * names it, and HTTPS need not be on the port where the authority follows.
 */
export function isChallenge({ method, path }: HttpRequest): boolean {
  return (method === "GET" || method === "HEAD") && CHALLENGE.test(path);
}

/** RFC 6125 6.4.3: a wildcard stands for one label. `host` is as in a URI, an IPv6 address in brackets. */
function matchesName(name: string, host: string): boolean {
  if (!name.startsWith("*.")) return name === host.replace(/^\[(.*)\]$/, "$1");
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === name.slice(1);
}

/** RFC 9112 3.2.2 and 3.2.4: the absolute form without its authority, "*" without a path. */
function targetInOriginForm(target: string): string {
  if (target === "*") return "/";
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, "");
  return rest.startsWith("/") ? rest : `/${rest}`;
}
