import { assertEquals } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { Crowded, EMPTY_BODY, HttpError } from "../http/message.ts";
import { answerRequest } from "./answer_request.ts";
import type { Exchange } from "./exchange.ts";
import { ServedRequest } from "./served_request.ts";

const EXCHANGE = {
  received: {
    head: { method: "PROPFIND", target: "/", version: "1.1", fields: HeaderFields.EMPTY },
    target: { form: "origin", path: "/", query: "", authority: null },
    host: "",
    hasContent: false,
    contentLength: 0,
    expectsContinue: false,
    rejection: null,
  },
  client: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
  // Nothing is written for an answer that is there at once.
} as unknown as Exchange;

/** The level at which a failure is logged. */
function levelOf(error: unknown): string[] {
  const levels: string[] = [];
  const log = { debug: () => void levels.push("debug"), error: () => void levels.push("error") };
  const errorResponse = ({ status }: HttpError) => ({ status, fields: HeaderFields.EMPTY, body: EMPTY_BODY });
  const handler = () => {
    throw error;
  };
  answerRequest(EXCHANGE, new ServedRequest(EXCHANGE, EMPTY_BODY), { handler, errorResponse, log });
  return levels;
}

Deno.test("answerRequest() logs what the client chose as no fault of the server", () => {
  const table: readonly (readonly [error: unknown, level: string])[] = [
    [new HttpError(404, "x"), "debug"],
    [new HttpError(501, 'Method "PROPFIND"'), "debug"],
    [new HttpError(505, "x"), "debug"],
    [new HttpError(500, "x"), "error"],
    [new HttpError(503, "x"), "error"],
    [new Crowded("x"), "debug"],
    [new Error("x"), "error"],
  ];
  for (const [error, level] of table) assertEquals([String(error), ...levelOf(error)], [String(error), level]);
});
