/** The pump of a connection over a scripted socket: content of requests, wanted or not, and 100 (Continue). */
import { assert, assertEquals } from "@std/assert";
import { contentOf, Conversation, converse, echoContent, echoPath, ok, respond } from "../../tests/conversation.ts";
import { fieldValue } from "../../tests/raw_http.ts";
import { HttpError } from "../http/message.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function post(fieldLines: readonly string[], content: string): string {
  return ["POST / HTTP/1.1", "Host: a", ...fieldLines, "", content].join("\r\n");
}

const EXPECTING = post(["Expect: 100-continue", "Content-Length: 5"], "");

Deno.test("run() sends 100 when the content is first pulled", async () => {
  const wanted = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const conversation = new Conversation(async (request) => {
    begun.resolve();
    await wanted.promise;
    return ok(await contentOf(request));
  });
  conversation.transport.send(EXPECTING);
  await begun.promise;
  assertEquals(conversation.transport.output, "");
  wanted.resolve();
  await conversation.transport.untilReading();
  assertEquals(conversation.transport.output, "HTTP/1.1 100 Continue\r\n\r\n");
  conversation.transport.send(`hello${GET}`);
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["100", "hello", ""]);
});

Deno.test("run() sends 100 after the answers before it", async () => {
  const conversation = new Conversation((request) => request.method === "POST" ? echoContent(request) : ok("first"));
  conversation.transport.send(GET + EXPECTING);
  await conversation.transport.untilReading();
  assertEquals(conversation.contents(), ["first", "100"]);
  conversation.transport.send("hello");
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["first", "100", "hello"]);
});

const WITHOUT_100 = [
  { name: "the content is there already", input: `${EXPECTING}hello`, want: ["hello"] },
  { name: "a part of the content is there", input: `${EXPECTING}he`, rest: "llo", want: ["hello"] },
  { name: "there is no content", input: GET.replace("Host", "Expect: 100-continue\r\nHost"), want: [""] },
  {
    name: "the client speaks HTTP/1.0",
    input: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    rest: "hello",
    want: ["hello"],
  },
];

for (const { name, input, rest = "", want } of WITHOUT_100) {
  Deno.test(`run() sends no 100 when ${name}`, async () => {
    const conversation = new Conversation(echoContent);
    conversation.transport.send(input);
    await conversation.transport.untilReading();
    conversation.transport.send(rest);
    conversation.transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), want);
  });
}

Deno.test("run() sends no 100 and closes when the handler does not want the content", async () => {
  const conversation = await converse(EXPECTING, () => Promise.reject(new HttpError(405, "No")));
  assertEquals(conversation.contents(), ["error 405"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
});

Deno.test("run() sends no 100 when the answer has begun", async () => {
  const conversation = new Conversation((request) => respond(request.body));
  conversation.transport.send(EXPECTING);
  await conversation.transport.untilReading();
  conversation.transport.send("hello");
  conversation.transport.end();
  await conversation.done;
  assertEquals(conversation.contents(), ["hello"]);
});

Deno.test("run() reads content away that the handler does not want, and goes on", async () => {
  for (const content of [["Content-Length: 5", "hello"], ["Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"]]) {
    const conversation = new Conversation(echoPath);
    conversation.transport.send(post([content[0]], ""));
    await conversation.transport.untilReading();
    assertEquals(conversation.contents(), ["/"]);
    conversation.transport.send(content[1] + GET);
    conversation.transport.end();
    await conversation.done;
    assertEquals(conversation.contents(), ["/", "/"]);
    assertEquals(fieldValue(conversation.responses()[0], "Connection"), "keep-alive");
  }
});

Deno.test("run() closes when unwanted content is longer than it is worth", async () => {
  const long = "x".repeat(11);
  const known = await converse(post(["Content-Length: 11"], long) + GET, echoPath, { limits: { drainBytes: 10 } });
  assertEquals(known.contents(), ["/"]);
  assertEquals(fieldValue(known.responses()[0], "Connection"), "close");
  const chunks = post(["Transfer-Encoding: chunked"], `b\r\n${long}\r\n0\r\n\r\n`);
  const unknown = await converse(chunks + GET, echoPath, { limits: { drainBytes: 10 } });
  assertEquals(unknown.contents(), ["/"]);
  for (const { transport } of [known, unknown]) assertEquals(transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() closes when unwanted content is malformed", async () => {
  const conversation = await converse(post(["Transfer-Encoding: chunked"], "x\r\n") + GET, echoPath);
  assertEquals(conversation.contents(), ["/"]);
  assertEquals(conversation.tellingLog, ["access POST / 200 1"]);
});

Deno.test("run() answers 400 and closes when the content that a handler reads is malformed", async () => {
  const conversation = await converse(post(["Transfer-Encoding: chunked"], "1\r\nax") + GET, echoContent);
  assertEquals(conversation.contents(), ["error 400"]);
  assertEquals(fieldValue(conversation.responses()[0], "Connection"), "close");
  assertEquals(conversation.transport.calls, ["closeWrite", "close"]);
});

Deno.test("run() cuts the answer when the content that it is made of is malformed", async () => {
  const conversation = await converse(
    post(["Transfer-Encoding: chunked"], "1\r\na\r\nx\r\n") + GET,
    (request) => respond(request.body),
  );
  assert(conversation.transport.output.endsWith("\r\n\r\n1\r\na\r\n"));
  assertEquals(conversation.tellingLog, ["access POST / 200 1"]);
});

Deno.test("run() answers 400 when the client ends its side within the content", async () => {
  const conversation = await converse(post(["Content-Length: 5"], "hell"), echoContent);
  assertEquals(conversation.contents(), ["error 400"]);
});
