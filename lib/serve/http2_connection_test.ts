import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { CONNECTION_INFO, Conversation, makeServices } from "../../tests/conversation.ts";
import {
  F,
  frame,
  get,
  headers,
  join,
  PREFACE,
  readFrames,
  requestFields,
  settings,
  T,
  u32,
  windowUpdate,
} from "../../tests/http2_frames.ts";
import { toText } from "../../tests/raw_http.ts";
import { ScriptedTransport } from "../../tests/scripted_transport.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { BytesBody, type HttpResponse, type Soon } from "../http/message.ts";
import { beginConnection } from "./begin_connection.ts";

const id = (index: number) => 1 + 2 * index;
const HELLO = { status: 200, fields: HeaderFields.EMPTY, body: new BytesBody(new TextEncoder().encode("hello")) };

/** A connection that has begun, and the end of which is `done`. */
function converse(handler: (path: string) => Soon<HttpResponse>) {
  const transport = new ScriptedTransport();
  const services = makeServices(() => HELLO, { isHttp2: true, log: [] });
  const connection = beginConnection(transport, CONNECTION_INFO, {
    ...services,
    handler: ({ path }) => handler(path),
  });
  const done = connection.run();
  transport.send(toText(join(PREFACE, settings())));
  return { transport, done };
}

for (
  const { name, answer, want } of [
    { name: "64 that are answered at once", answer: () => HELLO, want: 64 },
    { name: "8 of those that take longer", answer: () => new Promise<never>(() => {}), want: 8 },
  ]
) {
  Deno.test(`Http2Connection begins ${name} before others have their turn`, async () => {
    let count = 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    const { transport } = converse(() => {
      if (++count === 1) setImmediate(() => resolve(count));
      return answer();
    });
    await transport.untilReading();
    transport.send(toText(join(...Array.from({ length: 100 }, (_, index) => get(id(index))))));
    assertEquals(await promise, want);
    await transport.until(() => count === 100);
  });
}

Deno.test("Http2Connection begins no request that is reset by what came with it", async () => {
  const asked: string[] = [];
  const { transport, done } = converse((path) => {
    asked.push(path);
    return HELLO;
  });
  await transport.untilReading();
  // More than may be open at once: they are closed, as is one that the server had to reset.
  const resets = Array.from({ length: 150 }, (_, index) => {
    return join(get(id(index), "/reset"), frame(T.reset, 0, id(index), u32(8)));
  });
  const faulty = join(headers(301, requestFields("POST", "/faulty"), F.endHeaders), windowUpdate(301, 0));
  transport.send(toText(join(...resets, faulty, get(303, "/served"))));
  const framesOf = (wanted: number) => readFrames(transport.outputBytes).frames.filter(({ type }) => type === wanted);
  await transport.until(() => framesOf(T.data).length === 1);
  assertEquals(asked, ["/served"]);
  assertEquals(framesOf(T.headers).map(({ streamId }) => streamId), [303]);
  assertEquals(framesOf(T.reset).map(({ streamId }) => streamId), [301]);
  transport.end();
  await done;
});

/** A connection of HTTP/2 that has had an answer; once it was told to stop it is idle. */
async function answered(): Promise<Conversation> {
  const conversation = new Conversation(() => HELLO, { isHttp2: true, limits: { lingerMs: 2000 } });
  const { transport, connection } = conversation;
  transport.send(toText(join(PREFACE, settings(), get(1))));
  await conversation.settle();
  await transport.untilReading();
  connection.drain();
  await conversation.settle();
  assertEquals([connection.isIdle, transport.calls], [true, []]);
  return conversation;
}

Deno.test("Http2Connection lets its client close at a stop, and reads away what comes, for the last answer may not have been read", async () => {
  const conversation = await answered();
  const { transport, connection } = conversation;
  assertEquals([connection.closeIfIdle("the server stops", 0), connection.isIdle], [true, false]);
  await conversation.settle();
  const { frames } = readFrames(transport.outputBytes);
  assertEquals(frames.findLast(({ type }) => type === T.goAway)?.payload, join(u32(1), u32(0)));
  assertEquals(transport.calls, ["closeWrite"]);
  transport.send(toText(join(windowUpdate(0, 5), get(3))));
  await conversation.settle();
  assertEquals([transport.calls, readFrames(transport.outputBytes).frames.length], [["closeWrite"], frames.length]);
  transport.end();
  await conversation.done;
  assertEquals(transport.calls, ["closeWrite", "close"]);
});

Deno.test("Http2Connection waits so long for its client to close, and not for one that has been silent, or is gone", async () => {
  const late = await answered();
  late.connection.closeIfIdle("the server stops", 0);
  await late.settle();
  late.advance(2001);
  assertEquals(late.transport.calls, ["closeWrite", "close"]);

  const silent = await answered();
  silent.clock.nowMs += 1000;
  silent.connection.closeIfIdle("the server stops", 0);
  await silent.settle();
  assertEquals(silent.transport.calls, ["close"]);

  const gone = await answered();
  gone.transport.closeWrite = () => Promise.reject(new Deno.errors.NotConnected());
  gone.connection.closeIfIdle("the server stops", 0);
  await gone.settle();
  assertEquals(gone.transport.calls, ["close"]);
  for (const { transport, done, tellingLog } of [late, silent, gone]) {
    transport.fail(new Deno.errors.Interrupted());
    await done;
    assertEquals(tellingLog, ["access GET / 200 5"]);
  }
});
