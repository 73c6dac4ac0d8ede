/**
 * Serves one request from its head to its line in the access log, whatever protocol brought it: has it answered, sends the
 * answer, and closes the content both ways. Whatever fails here costs that exchange alone.
 */
import {
  type Body,
  BrokenAnswer,
  type ConnectionInfo,
  EMPTY_BODY,
  type HttpRequest,
  type HttpResponse,
  type RequestHead,
  type Soon,
} from "../http/message.ts";
import type { Log } from "../log/log.ts";
import { answerRequest, type AnswerServices } from "./answer_request.ts";
import type { Exchange } from "./exchange.ts";
import { isSettledSoon } from "./is_settled_soon.ts";
import { RequestBody, ServedRequest } from "./served_request.ts";

/** What serving a request needs. */
export interface ServeServices extends AnswerServices {
  readonly log: AnswerServices["log"] & AccessLog;
}

/** Where access lines go. */
export type AccessLog = Pick<Log, "isAccessOn" | "access">;

/**
 * Null: done already. What is in memory is answered without a promise, which would take longer than all the rest. Never throws
 * or rejects: an exchange that fails is cut.
 */
export function serveExchange(exchange: Exchange, services: ServeServices): Promise<void> | null {
  const { received } = exchange;
  const request = new ServedRequest(exchange, received.hasContent ? new RequestBody(received, exchange) : EMPTY_BODY);
  let answer: Soon<HttpResponse>;
  let hasHead = false;
  try {
    answer = answerRequest(exchange, request, services);
    if (!received.hasContent && !(answer instanceof Promise) && answer.body.bytes !== undefined) {
      const contentBytes = exchange.sendAtOnce(answer);
      if (contentBytes !== null) {
        exchange.sendEnd();
        request.end();
        const { log } = services;
        // Asked before, too, for an object would be made for it.
        if (log.isAccessOn) {
          logAccess(request, { status: answer.status, contentBytes, accessLog: answer.accessLog }, log);
        }
        return null;
      }
      hasHead = true;
    }
  } catch (error) {
    request.abort();
    exchange.cut(error);
    return null;
  }
  return finishExchange(exchange, request, { answer, hasHead, log: services.log });
}

/** `hasHead`: it waits for a flush already. */
async function finishExchange(
  exchange: Exchange,
  request: ServedRequest,
  { answer, hasHead, log }: { readonly answer: Soon<HttpResponse>; readonly hasHead: boolean; readonly log: AccessLog },
): Promise<void> {
  try {
    const response = await answer;
    const sent = { bytes: 0 };
    try {
      const atOnce = hasHead ? null : exchange.sendAtOnce(response);
      if (atOnce === null) await sendParts(response.body, { exchange, sent });
      else sent.bytes = atOnce;
      exchange.sendEnd();
      request.end();
    } finally {
      await response.body.close();
      await request.body.close();
      logAccess(request, { status: response.status, contentBytes: sent.bytes, accessLog: response.accessLog }, log);
    }
    await exchange.settleContent();
  } catch (error) {
    request.abort();
    exchange.cut(nameAnswer(error, request));
  }
}

/** What breaks an answer off does not know which one it is. */
function nameAnswer(error: unknown, { method, target }: RequestHead): unknown {
  if (!(error instanceof BrokenAnswer)) return error;
  const shown = target.length > MAX_TOLD_LENGTH ? `${target.slice(0, MAX_TOLD_LENGTH)}...` : target;
  return new BrokenAnswer(`The answer to ${method} "${shown}" is broken off: ${error.message}`);
}

/** Characters of a target. */
const MAX_TOLD_LENGTH = 200;

/** Sends what content is left after the head, and counts in `sent` what has left. Rejects as the body and the socket do. */
async function sendParts(
  body: Body,
  { exchange, sent }: { readonly exchange: Exchange; readonly sent: { bytes: number } },
): Promise<void> {
  const parts = body[Symbol.asyncIterator]();
  let next = parts.next();
  // A script may print its head long before its content.
  if (body.length === null && !await isSettledSoon(next)) await exchange.flush();
  for (let part = await next; part.done !== true; part = await next) {
    const bytes = part.value;
    if (bytes.length > 0) {
      await exchange.sendPart(bytes);
      sent.bytes += bytes.length;
    }
    next = parts.next();
  }
}

/** What an access line says of the request; `method` and so on are absent where it could not be read. */
export type LoggedRequest =
  & { readonly connection: ConnectionInfo }
  & Partial<RequestHead & Pick<HttpRequest, "user">>;

/** What it says of the answer. */
export interface LoggedAnswer extends Pick<HttpResponse, "status" | "accessLog"> {
  readonly contentBytes: number;
}

/** Adds the access line of an answer, where there are any. */
export function logAccess(
  request: LoggedRequest,
  { status, contentBytes, accessLog }: LoggedAnswer,
  log: AccessLog,
): void {
  if (!log.isAccessOn) return;
  log.access({
    remoteAddress: request.connection.remoteAddress,
    remoteUser: request.user?.name ?? null,
    method: request.method ?? "",
    target: request.target ?? "",
    version: request.version ?? "",
    status,
    bodyBytes: contentBytes,
    referer: request.fields?.get("referer") ?? null,
    userAgent: request.fields?.get("user-agent") ?? null,
  }, accessLog);
}
