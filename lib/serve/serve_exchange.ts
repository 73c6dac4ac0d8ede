/**
 * Serves one request from its head to its line in the access log, whatever protocol brought it: has it answered, sends the
 * answer, and closes the content both ways. Whatever fails here costs that exchange alone.
 */
import {
  type Body,
  BrokenAnswer,
  type ConnectionInfo,
  EMPTY_BODY,
  type FileSource,
  type HttpRequest,
  type HttpResponse,
  type RequestHead,
  type Soon,
  type Upgrade,
} from "../http/message.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log/log.ts";
import type { Counters } from "../status/counters.ts";
import { answerRequest, type AnswerServices } from "./answer_request.ts";
import type { Exchange } from "./exchange.ts";
import { isSettledSoon } from "./is_settled_soon.ts";
import { inRequest } from "../request_id.ts";
import { type NoteTaking, RequestNotes } from "../request_notes.ts";
import { RequestBody, ServedRequest } from "./served_request.ts";

/** What serving a request needs. */
export interface ServeServices extends AnswerServices {
  readonly log: AnswerServices["log"] & AccessLog & Pick<Log, "warn">;
  /** Absent or null: nobody asks for notes. */
  readonly notes?: NoteTaking | null;
  readonly counters: RequestCounters;
  readonly clock: Pick<Clock, "nowMs" | "update">;
}

/** Where requests are counted. */
export type RequestCounters = Pick<Counters, "count" | "countTimed" | "send" | "underWayCount">;

/** Where access lines go. */
export type AccessLog = Pick<Log, "isAccessOn" | "asksDetails" | "access">;

/**
 * What the log says in place of a status where the client has gone before there was an answer, as other servers do: else a program that
 * is so slow that everybody gives up would seem to have no visitors.
 */
const CLIENT_GONE = 499;

/**
 * Null: done already. What is in memory is answered without a promise, which would take longer than all the rest. Never throws
 * or rejects: an exchange that fails is cut.
 */
export function serveExchange(exchange: Exchange, services: ServeServices): Promise<void> | null {
  const { received } = exchange;
  const notes = services.notes ? new RequestNotes(services.notes.nowMs) : null;
  const content = received.hasContent ? new RequestBody(received, exchange) : EMPTY_BODY;
  const request = new ServedRequest(exchange, content, notes);
  let answer: Soon<HttpResponse> | null = null;
  let hasHead = false;
  try {
    answer = answerRequest(exchange, request, services);
    const there = received.hasContent || answer instanceof Promise ? null : answer;
    if (there !== null && (there.body.bytes ?? there.body.range) !== undefined && there.upgrade === undefined) {
      notes?.markAnswer();
      const contentBytes = exchange.sendAtOnce(there);
      if (contentBytes !== null) {
        exchange.sendEnd();
        request.end();
        services.counters.count(request.countedAs, there.status, contentBytes);
        // Asked before, too, for an object would be made for it.
        if (services.log.isAccessOn || notes !== null) {
          tellServed(request, { status: there.status, contentBytes, accessLog: there.accessLog }, services);
        }
        return null;
      }
      hasHead = true;
    }
  } catch (error) {
    request.abort();
    exchange.cut(error);
    if (answer === null) tellUnanswered(request, services.clock.nowMs, services);
    return null;
  }
  return finishExchange(exchange, request, { answer, hasHead, services });
}

/** `hasHead`: it waits for a flush already. */
async function finishExchange(
  exchange: Exchange,
  request: ServedRequest,
  { answer, hasHead, services }: {
    readonly answer: Soon<HttpResponse>;
    readonly hasHead: boolean;
    readonly services: ServeServices;
  },
): Promise<void> {
  const { counters, clock } = services;
  const startMs = clock.nowMs;
  counters.underWayCount++;
  let hasAnswer = false;
  try {
    const response = await answer;
    hasAnswer = true;
    request.notes?.markAnswer();
    const sending = new Sending(exchange, counters);
    let switchedMs: number | null = null;
    try {
      if (response.upgrade === undefined) {
        const atOnce = hasHead ? null : exchange.sendAtOnce(response);
        if (atOnce === null) await sendContent(response, sending);
        else sending.count(atOnce);
        exchange.sendEnd();
        request.end();
      } else {
        // It takes as long as its handshake, whatever comes then.
        request.notes?.end();
        request.end();
        clock.update();
        switchedMs = clock.nowMs;
        await runUpgrade(response.upgrade, response, sending);
      }
    } finally {
      await response.body.close();
      await request.body.close();
      // One look at the clock for an answer that took a turn of the event loop.
      clock.update();
      const { status, accessLog } = response;
      const { sentBytes } = sending;
      counters.countTimed(request.countedAs, { status, bytes: sentBytes, ms: (switchedMs ?? clock.nowMs) - startMs });
      tellServed(request, { status, contentBytes: sentBytes, accessLog }, services);
    }
    await exchange.settleContent();
  } catch (error) {
    request.abort();
    exchange.cut(nameAnswer(error, request));
    if (!hasAnswer) tellUnanswered(request, startMs, services);
  } finally {
    counters.underWayCount--;
  }
}

/** Where content goes, and how much of it has left. */
class Sending {
  sentBytes = 0;

  constructor(readonly exchange: Exchange, readonly counters: RequestCounters) {}

  count(bytes: number): void {
    this.sentBytes += bytes;
    this.counters.send(bytes);
  }
}

/** Sends what content is left after the head. Rejects as the body and the socket do. */
async function sendContent({ body }: HttpResponse, sending: Sending): Promise<void> {
  const source = sending.exchange.takesFiles ? body.fromFile?.() : undefined;
  if (source === undefined) await sendParts(body, sending);
  else await sendFromFile(source, sending);
}

/** The access line of an answer, and what else is to be told of it. */
function tellServed(request: ServedRequest, answer: LoggedAnswer, services: ServeServices): void {
  request.notes?.end();
  logAccess(request, answer, services.log);
  if (request.notes !== null) tellSlow(request, answer.status, services);
}

/** The client has gone, or its connection was cut, before there was an answer. */
function tellUnanswered(request: ServedRequest, startMs: number, services: ServeServices): void {
  const { clock, counters, log } = services;
  const { accessLog } = request;
  clock.update();
  counters.countTimed(request.countedAs, { status: CLIENT_GONE, bytes: 0, ms: clock.nowMs - startMs });
  request.notes?.end();
  logAccess(request, { status: CLIENT_GONE, contentBytes: 0, accessLog }, log);
  tellSlow(request, null, services);
}

/** `status` is null where there was no answer. */
function tellSlow(request: ServedRequest, status: number | null, { notes: taking, log }: ServeServices): void {
  const { method, target, notes } = request;
  if (!taking || taking.slowMs === 0 || notes === null) return;
  notes.end();
  const { durationMs, phases, answerer } = notes;
  if (durationMs === null || durationMs <= taking.slowMs) return;
  const outcome = status === null ? "no answer" : `status ${status}`;
  const by = answerer === null ? "" : ` by ${answerer}`;
  log.warn(
    `${method} ${target}`,
    `Slow, ${Math.round(durationMs)} ms: ${phases}; ${outcome}${by}${inRequest(request)}`,
  );
}

/** What follows 101. Rejects as the socket does. */
async function runUpgrade(upgrade: Upgrade, response: HttpResponse, sending: Sending): Promise<void> {
  const { exchange } = sending;
  if (exchange.switchTo === undefined) throw new Error("101 for a request that cannot be upgraded");
  const stream = await exchange.switchTo(response);
  try {
    await upgrade.run(stream);
  } finally {
    sending.sentBytes = stream.sentBytes;
  }
}

/** What breaks an answer off does not know which one it is. */
function nameAnswer(error: unknown, request: ServedRequest): unknown {
  if (!(error instanceof BrokenAnswer)) return error;
  const { method, target } = request;
  const shown = target.length > MAX_TOLD_LENGTH ? `${target.slice(0, MAX_TOLD_LENGTH)}...` : target;
  return new BrokenAnswer(`The answer to ${method} "${shown}" is broken off: ${error.message}${inRequest(request)}`);
}

/** Characters of a target. */
const MAX_TOLD_LENGTH = 200;

async function sendParts(body: Body, sending: Sending): Promise<void> {
  const { exchange } = sending;
  const parts = body[Symbol.asyncIterator]();
  let next = parts.next();
  // A script may print its head long before its content.
  if (body.length === null && !await isSettledSoon(next)) await exchange.flush();
  for (let part = await next; part.done !== true; part = await next) {
    const bytes = part.value;
    if (bytes.length > 0) {
      await exchange.sendPart(bytes);
      sending.count(bytes.length);
    }
    next = parts.next();
  }
}

/** The same, of content that the system sends from a file, but for what has to be read. */
async function sendFromFile(source: FileSource, sending: Sending): Promise<void> {
  const { exchange } = sending;
  for (;;) {
    const range = await source.next();
    if (range !== null) {
      const count = await exchange.sendRange(range);
      sending.count(count);
      source.sent(count);
      continue;
    }
    const bytes = await source.read();
    if (bytes === null) return;
    await exchange.sendPart(bytes);
    sending.count(bytes.length);
  }
}

/** What an access line says of the request; `method` and so on are absent where it could not be read. */
export type LoggedRequest =
  & { readonly connection: ConnectionInfo }
  & Partial<RequestHead & Pick<HttpRequest, "user" | "host" | "id" | "notes">>;

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
    details: log.asksDetails ? request : null,
  }, accessLog);
}
