import { assert, assertEquals } from "@std/assert";
import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from "node:zlib";
import { setImmediate } from "node:timers";
import { HeaderFields } from "../http/header_fields.ts";
import { type Body, BytesBody, EMPTY_BODY, type HttpResponse } from "../http/message.ts";
import { compressedAnswer } from "./compressed_answer.ts";

const TEXT = "a line of text\n".repeat(500);

/** Content that comes in parts, of a length that nobody knows. */
function parts(...texts: readonly string[]): Body & { isClosed: boolean } {
  return {
    length: null,
    isClosed: false,
    async *[Symbol.asyncIterator]() {
      for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
    },
    close() {
      this.isClosed = true;
      return Promise.resolve();
    },
  };
}

type Fields = readonly (readonly [name: string, value: string])[];

function ask(
  acceptEncoding: string | null,
  fields: Fields,
  change: Partial<HttpResponse> = {},
): HttpResponse {
  const asked = acceptEncoding === null ? HeaderFields.EMPTY : HeaderFields.of(["Accept-Encoding", acceptEncoding]);
  const body = parts(TEXT.slice(0, 100), TEXT.slice(100));
  const response = { status: 200, fields: HeaderFields.of(["Content-Type", "text/html"], ...fields), body, ...change };
  return compressedAnswer({ method: "GET", fields: asked }, response);
}

async function contentOf({ body }: HttpResponse): Promise<Uint8Array> {
  const got: Uint8Array[] = [];
  for await (const part of body) got.push(part.slice());
  await body.close();
  return new Uint8Array(await new Blob(got as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

for (
  const [coding, decode] of [["gzip", gunzipSync], ["br", brotliDecompressSync], ["zstd", zstdDecompressSync]] as const
) {
  Deno.test(`compressedAnswer() compresses by ${coding} what a client takes so`, async () => {
    const response = ask(coding, [["ETag", '"a"'], ["Vary", "Cookie"], ["Accept-Ranges", "bytes"]]);
    const { fields } = response;
    assertEquals(
      ["content-encoding", "etag", "vary", "accept-ranges"].map((name) => fields.get(name)),
      [coding, 'W/"a"', "Cookie, Accept-Encoding", null],
    );
    assertEquals(response.body.length, null);
    const content = await contentOf(response);
    assert(content.length < TEXT.length / 10);
    assertEquals(decode(content).toString(), TEXT);
  });
}

Deno.test("compressedAnswer() lets each part through before the next has come", async () => {
  const gate = Promise.withResolvers<void>();
  const body: Body = {
    length: null,
    async *[Symbol.asyncIterator]() {
      yield new TextEncoder().encode("data: 1\n\n");
      await gate.promise;
      yield new TextEncoder().encode("data: 2\n\n");
    },
    close: () => Promise.resolve(),
  };
  const answer = ask("gzip", [["Content-Type", "text/event-stream"]], { body });
  const decoder = createGunzip();
  const decoded = new Promise<string>((resolve) => decoder.once("data", (bytes) => resolve(String(bytes))));
  const got = answer.body[Symbol.asyncIterator]();
  for (let isThere = false; !isThere;) {
    const { value } = await got.next();
    decoder.write(value);
    isThere = await Promise.race([decoded.then(() => true), new Promise<boolean>((go) => setImmediate(go, false))]);
  }
  assertEquals(await decoded, "data: 1\n\n");
  gate.resolve();
  while (!(await got.next()).done);
  await answer.body.close();
  decoder.destroy();
});

Deno.test("compressedAnswer() closes what it compresses, also in the middle", async () => {
  const body = parts("one", "two");
  const answer = ask("br", [], { body });
  await answer.body[Symbol.asyncIterator]().next();
  await answer.body.close();
  assert(body.isClosed);
});

Deno.test("compressedAnswer() says that the answer varies, and leaves it, for who does not take it compressed", () => {
  for (const accept of [null, "identity", "gzip;q=0"]) {
    const { fields } = ask(accept, [["ETag", '"a"']]);
    assertEquals(["content-encoding", "vary", "etag"].map((name) => fields.get(name)), [
      null,
      "Accept-Encoding",
      '"a"',
    ]);
  }
});

const LEFT: readonly (readonly [name: string, fields: Fields, change?: Partial<HttpResponse>])[] = [
  ["what is compressed already", [["Content-Encoding", "gzip"]]],
  ["what must not be transformed", [["Cache-Control", "public, No-Transform"]]],
  ["a part", [["Content-Range", "bytes 0-1/9"]], { status: 206 }],
  ["what has a digest", [["Content-Digest", "sha-256=:AA==:"]]],
  ["what is short", [], { body: new BytesBody(new Uint8Array(1023)) }],
  ["nothing", [], { status: 304, body: new BytesBody(new Uint8Array()) }],
];

for (const [name, fields, change] of LEFT) {
  Deno.test(`compressedAnswer() leaves ${name} as it is`, () => {
    const before = ask(null, fields, change);
    const response = ask("gzip", fields, change);
    assertEquals([...response.fields], [...before.fields]);
    assert(!response.fields.has("vary") && response.body.length === before.body.length);
  });
}

Deno.test("compressedAnswer() says 304 to a client that has the answer, whose tag its maker does not know again", () => {
  const table: readonly [asked: string, etag: string | null, status: number, method: string, want: number][] = [
    ['W/"a"', '"a"', 200, "GET", 304],
    ['"b", W/"a"', '"a"', 200, "GET", 304],
    ['W/"a"', 'W/"a"', 200, "HEAD", 304],
    ["*", '"a"', 200, "GET", 304],
    ['W/"b"', '"a"', 200, "GET", 200],
    ["", '"a"', 200, "GET", 200],
    ['W/"a"', null, 200, "GET", 200],
    ['W/"a"', '"a"', 404, "GET", 404],
    ['W/"a"', '"a"', 200, "POST", 200],
  ];
  for (const [asked, etag, status, method, want] of table) {
    const fields = HeaderFields.of(
      ...[["Content-Type", "text/html"], ["Set-Cookie", "c=1"]] as const,
      ...(etag === null ? [] : [["ETag", etag] as const]),
    );
    const request = { method, fields: HeaderFields.of(["Accept-Encoding", "gzip"], ["If-None-Match", asked]) };
    const answer = compressedAnswer(request, { status, reason: "Of its own", fields, body: parts(TEXT) });
    const name = JSON.stringify([asked, etag, status, method]);
    assertEquals([answer.status, answer.reason], [want, want === 304 ? null : "Of its own"], name);
    const told = ["etag", "vary", "set-cookie", "content-type", "content-encoding"].map((each) =>
      answer.fields.get(each)
    );
    const ofContent = want === 304 ? [null, null] : ["text/html", "gzip"];
    assertEquals(
      told,
      [etag === null ? null : `W/${etag.replace("W/", "")}`, "Accept-Encoding", "c=1", ...ofContent],
      name,
    );
  }
});

Deno.test("compressedAnswer() gives a 304 of the answer's maker the tag and Vary that the client was sent", () => {
  const table: readonly [asked: string, etag: string | null, want: string | null, vary: string | null][] = [
    ['W/"a"', '"a"', 'W/"a"', "Accept-Encoding"],
    ['"b", W/"a"', '"a"', 'W/"a"', "Accept-Encoding"],
    // Of an answer that was sent as it was made.
    ['"a"', '"a"', '"a"', null],
    ['W/"a"', 'W/"a"', 'W/"a"', null],
    ['W/"ab"', '"a"', '"a"', null],
    ['W/"a"', null, null, null],
    ["*", '"a"', '"a"', null],
  ];
  for (const [asked, etag, want, vary] of table) {
    const fields = HeaderFields.of(...(etag === null ? [] : [["ETag", etag] as const]));
    const request = { method: "GET", fields: HeaderFields.of(["Accept-Encoding", "gzip"], ["If-None-Match", asked]) };
    const answer = compressedAnswer(request, { status: 304, reason: null, fields, body: EMPTY_BODY });
    assertEquals([answer.status, answer.fields.get("etag"), answer.fields.get("vary")], [304, want, vary], asked);
  }
});
