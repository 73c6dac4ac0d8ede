/** Contents in memory in both their forms, with a store that notes what is asked of it. */
import { assertEquals } from "@std/assert";
import { bytesOf, textOf } from "../../tests/feed.ts";
import type { FileRange } from "../http/message.ts";
import { type ContentStore, KeptBody, KeptContent } from "./kept_content.ts";

class NotedStore implements ContentStore {
  readonly calls: string[] = [];
  readonly #contents: Uint8Array[] = [];
  readonly #hasRoom: boolean;

  constructor(hasRoom = true) {
    this.#hasRoom = hasRoom;
  }

  keep(bytes: Uint8Array): FileRange | null {
    this.calls.push("keep");
    if (!this.#hasRoom) return null;
    const first = this.#contents.push(bytes) - 1;
    return { descriptor: 7, first, length: bytes.length };
  }

  read({ first }: FileRange): Uint8Array {
    this.calls.push("read");
    return this.#contents[first];
  }
}

Deno.test("KeptContent goes to the store when its range is asked for, and is read from there once", () => {
  const store = new NotedStore();
  const content = new KeptContent(bytesOf("content"), store);
  assertEquals([textOf(content.bytes), store.calls], ["content", []]);
  const { range } = content;
  assertEquals([range, content.range === range], [{ descriptor: 7, first: 0, length: 7 }, true]);
  assertEquals([textOf(content.bytes), textOf(content.bytes)], ["content", "content"]);
  assertEquals([content.range === range, content.length, store.calls], [true, 7, ["keep", "read"]]);
});

Deno.test("KeptBody.fromFile() gives the range, or the bytes where there is no room, and each use begins anew", async () => {
  for (const hasRoom of [true, false]) {
    const body = new KeptBody(new KeptContent(bytesOf("content"), new NotedStore(hasRoom)));
    for (let count = 0; count < 2; count++) {
      const source = body.fromFile();
      const range = source.next();
      assertEquals(range !== null, hasRoom);
      if (hasRoom) source.sent(7);
      const rest = await source.read();
      assertEquals([source.next(), rest && textOf(rest)], [null, hasRoom ? null : "content"]);
      assertEquals(await source.read(), null);
    }
    assertEquals((await Array.fromAsync(body)).map(textOf), ["content"]);
  }
});

Deno.test("KeptBody.fromFile() gives as bytes what could not be sent from the file", async () => {
  for (const [count, rest] of [[0, "content"], [3, "tent"]] as const) {
    const source = new KeptBody(new KeptContent(bytesOf("content"), new NotedStore())).fromFile();
    source.next();
    source.sent(count);
    assertEquals(source.next(), null);
    assertEquals(textOf(await source.read() ?? new Uint8Array()), rest);
    assertEquals(await source.read(), null);
  }
});
