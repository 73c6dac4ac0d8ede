import { assertEquals, assertRejects } from "@std/assert";
import { type ByteSource, readAnswer, requestText } from "./answer.ts";

/** A source that hands out `text` in pieces of `step` bytes and then ends. */
function sourceOf(text: string, step: number): ByteSource {
  let rest = new TextEncoder().encode(text);
  return {
    read(into) {
      if (rest.length === 0) return Promise.resolve(null);
      const piece = rest.subarray(0, Math.min(step, into.length));
      into.set(piece);
      rest = rest.subarray(piece.length);
      return Promise.resolve(piece.length);
    },
  };
}

const CASES = [
  { name: "Content-Length", text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", status: 200, content: "abc" },
  { name: "no content with 304", text: "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", status: 304, content: "" },
  {
    name: "chunked",
    text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n",
    status: 200,
    content: "0123456789x",
  },
  {
    name: "until the end",
    text: "HTTP/1.0 404 Not Found\r\nServer: a\r\n\r\nlong\r\n\r\n",
    status: 404,
    content: "long\r\n\r\n",
  },
];

Deno.test("readAnswer() reads head and content when bytes come in any pieces", async (t) => {
  for (const { name, text, status, content } of CASES) {
    for (const step of [1, 1000]) {
      await t.step(`${name}, ${step} at a time`, async () => {
        const answer = await readAnswer(sourceOf(text, step));
        const got = {
          status: answer.status,
          content: new TextDecoder().decode(answer.content),
          bytes: answer.wireBytes,
        };
        assertEquals(got, { status, content, bytes: text.length });
      });
    }
  }
});

Deno.test("readAnswer() gives fields in lower case when the server writes them in any", async () => {
  const answer = await readAnswer(sourceOf('HTTP/1.1 304 Not Modified\r\nETAG:  "a:b" \r\n\r\n', 7));
  assertEquals([...answer.fields], [["etag", '"a:b"']]);
});

const FAILURES = [
  { name: "content that is cut", text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", want: "2 bytes early" },
  { name: "a head that is cut", text: "HTTP/1.1 200 OK\r\nContent-", want: "within its head" },
  { name: "no HTTP", text: "SSH-2.0\r\n\r\n", want: "no status line" },
  { name: "a bad chunk", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", want: "no size" },
];

Deno.test("readAnswer() throws when the answer is broken", async (t) => {
  for (const { name, text, want } of FAILURES) {
    await t.step(name, async () => {
      await assertRejects(() => readAnswer(sourceOf(text, 9)), Error, want);
    });
  }
});

Deno.test("requestText() writes Host first when there are fields", () => {
  assertEquals(requestText("/a", "h:1", [["A", "b"]]), "GET /a HTTP/1.1\r\nHost: h:1\r\nA: b\r\n\r\n");
});
