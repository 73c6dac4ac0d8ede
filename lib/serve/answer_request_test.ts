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
  client: { id: 1, requestId: "r1", remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
  // Nothing is written for an answer that is there at once.
} as unknown as Exchange;

/** What is logged of a failure. */
function linesOf(error: unknown): string[] {
  const lines: string[] = [];
  const note = (level: string) => (source: string, text: string) => void lines.push(`${level} ${source}: ${text}`);
  const log = { debug: note("debug"), error: note("error") };
  const errorResponse = ({ status }: HttpError) => ({ status, fields: HeaderFields.EMPTY, body: EMPTY_BODY });
  const handler = () => {
    throw error;
  };
  answerRequest(EXCHANGE, new ServedRequest(EXCHANGE, EMPTY_BODY), { handler, errorResponse, log });
  return lines;
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
  for (const [error, level] of table) assertEquals(linesOf(error).map((line) => line.split(" ")[0]), [level]);
});

Deno.test("answerRequest() says in an ERROR which request it was, and at the level of debug nothing for which one would be made", () => {
  assertEquals(linesOf(new HttpError(500, "x")), ["error PROPFIND /: x (request r1)"]);
  assertEquals(linesOf("x"), ["error PROPFIND /: The handler failed (request r1)"]);
  assertEquals(linesOf(new HttpError(404, "x")), ["debug PROPFIND /: x"]);
});
