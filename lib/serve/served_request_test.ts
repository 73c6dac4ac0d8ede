import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { bytesOf, textOf } from "../../tests/feed.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY } from "../http/message.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { RequestBody, ServedRequest } from "./served_request.ts";

const RECEIVED: ReceivedRequest = {
  head: { method: "POST", target: "/a%20b?c", version: "1.1", fields: HeaderFields.of(["Host", "h"]) },
  target: { form: "origin", path: "/a b", query: "c", authority: null },
  host: "h",
  hasContent: true,
  contentLength: 5,
  expectsContinue: false,
  rejection: null,
};

const CONNECTION = { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false };

/** A body that pulls these parts, and how often it pulled. */
function bodyOf(...parts: readonly string[]): { readonly body: RequestBody; pulls: () => number } {
  let count = 0;
  const pull = () => Promise.resolve(count < parts.length ? bytesOf(parts[count++]) : null);
  return { body: new RequestBody(RECEIVED, { pull }), pulls: () => count };
}

async function contentOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of body) text += textOf(part);
  return text;
}

Deno.test("ServedRequest says what head, target and connection say", () => {
  const request = new ServedRequest({ received: RECEIVED, client: CONNECTION, watch: () => {} }, EMPTY_BODY);
  assertEquals([request.method, request.target, request.version], ["POST", "/a%20b?c", "1.1"]);
  assertEquals([request.path, request.query, request.host], ["/a b", "c", "h"]);
  assertEquals([request.fields, request.body, request.connection], [RECEIVED.head.fields, EMPTY_BODY, CONNECTION]);
});

Deno.test("ServedRequest.id is made once, where the proxy that sent the request knows it by none", () => {
  const exchange = { received: RECEIVED, client: CONNECTION, watch: () => {} };
  const [one, other] = [new ServedRequest(exchange, EMPTY_BODY), new ServedRequest(exchange, EMPTY_BODY)];
  assertEquals(one.id, one.id);
  assertNotEquals(one.id, other.id);
  const told = new ServedRequest({ ...exchange, client: { ...CONNECTION, requestId: "abc" } }, EMPTY_BODY);
  assertEquals(told.id, "abc");
});

Deno.test("signal watches the connection from its first use on, and is one", () => {
  let watchCount = 0;
  const exchange = { received: RECEIVED, client: CONNECTION, watch: () => void watchCount++ };
  const request = new ServedRequest(exchange, EMPTY_BODY);
  request.abort();
  assertEquals(watchCount, 0);
  const { signal } = request;
  assert(request.signal === signal && !signal.aborted);
  assertEquals(watchCount, 1);
  request.abort();
  assert(signal.aborted);
});

Deno.test("RequestBody gives each part when it is asked for", async () => {
  const { body, pulls } = bodyOf("one", "two");
  const parts = body[Symbol.asyncIterator]();
  assertEquals(pulls(), 0);
  assertEquals(textOf((await parts.next()).value), "one");
  assertEquals(pulls(), 1);
  assertEquals(textOf((await parts.next()).value), "two");
  assertEquals((await parts.next()).done, true);
});

Deno.test("RequestBody has the length of its framing", () => {
  assertEquals(bodyOf().body.length, 5);
  assertEquals(
    new RequestBody({ ...RECEIVED, contentLength: null }, { pull: () => Promise.resolve(null) }).length,
    null,
  );
});

Deno.test("RequestBody is read once", async () => {
  const { body } = bodyOf("one");
  assertEquals(await contentOf(body), "one");
  await assertRejects(() => contentOf(body), Error, "read once");
});

Deno.test("close() ends the content before its first part and between two", async () => {
  const unread = bodyOf("one");
  await unread.body.close();
  await unread.body.close();
  assertEquals([await contentOf(unread.body), unread.pulls()], ["", 0]);
  const { body } = bodyOf("one", "two");
  const parts = body[Symbol.asyncIterator]();
  await parts.next();
  await body.close();
  assertEquals((await parts.next()).done, true);
});
