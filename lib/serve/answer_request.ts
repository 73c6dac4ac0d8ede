/**
 * What a request is answered with, whatever happens: what the handler gives, or an error page for what it throws. Apart
 * from serve_exchange.ts, which sends it.
 */
import { Crowded, HttpError, type HttpResponse, type Soon } from "../http/message.ts";
import type { Log } from "../log/log.ts";
import { isPeerGone } from "../net/is_peer_gone.ts";
import { inRequest } from "../request_id.ts";
import type { Exchange } from "./exchange.ts";
import { isSettledSoon } from "./is_settled_soon.ts";
import type { ServedRequest } from "./served_request.ts";

/** Who answers. */
export interface AnswerServices {
  /** Answers everything; a local redirect has been followed. */
  readonly handler: (request: ServedRequest) => Soon<HttpResponse>;
  /** The answer for an error status, with the error page of the site that was asked, as far as it was told. */
  readonly errorResponse: (
    error: HttpError,
    request?: Pick<ServedRequest, "host" | "path" | "connection">,
  ) => HttpResponse;
  readonly log: Pick<Log, "debug" | "error">;
}

/** Throws and rejects only when there is nobody left to answer. */
export function answerRequest(
  exchange: Exchange,
  request: ServedRequest,
  services: AnswerServices,
): Soon<HttpResponse> {
  try {
    const { rejection } = exchange.received;
    if (rejection !== null) throw rejection;
    const answer = services.handler(request);
    return answer instanceof Promise ? awaitAnswer(answer, request, { exchange, services }) : answer;
  } catch (error) {
    return answerFailure(error, request, services);
  }
}

function awaitAnswer(
  answer: Promise<HttpResponse>,
  request: ServedRequest,
  { exchange, services }: { readonly exchange: Exchange; readonly services: AnswerServices },
): Promise<HttpResponse> {
  const whole = exchange.hasOutput ? flushMeanwhile(answer, request, exchange) : answer;
  return whole.catch((error) => answerFailure(error, request, services));
}

/** Answers that wait for a flush leave without this one when it takes its time. */
async function flushMeanwhile(
  answer: Promise<HttpResponse>,
  request: ServedRequest,
  exchange: Exchange,
): Promise<HttpResponse> {
  if (await isSettledSoon(answer)) return await answer;
  try {
    await exchange.flush();
  } catch (error) {
    request.abort();
    await (await answer).body.close();
    throw error;
  }
  return await answer;
}

/** RFC 9110 15.6.2, 15.6.6: methods, codings and versions are for clients to choose, and no fault of the server. */
const CHOSEN_BY_CLIENTS: readonly number[] = [501, 505];

function answerFailure(error: unknown, request: ServedRequest, { log, errorResponse }: AnswerServices): HttpResponse {
  const source = `${request.method} ${request.target}`;
  if (error instanceof HttpError) {
    const isTold = error instanceof Crowded || CHOSEN_BY_CLIENTS.includes(error.status);
    if (error.status >= 500 && !isTold) log.error(source, error.message + inRequest(request), error.cause);
    else log.debug(source, error.message, error.cause);
    return errorResponse(error, request);
  }
  if (isPeerGone(error)) throw error;
  log.error(source, `The handler failed${inRequest(request)}`, error);
  return errorResponse(new HttpError(500, "The handler failed"), request);
}
