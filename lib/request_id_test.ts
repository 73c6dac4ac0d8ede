import { assertEquals, assertMatch } from "@std/assert";
import { inRequest, isRequestId, makeRequestId } from "./request_id.ts";

Deno.test("makeRequestId() makes another one each time, which others would take for one too", () => {
  const ids = Array.from({ length: 1000 }, makeRequestId);
  assertEquals(new Set(ids).size, 1000);
  for (const id of ids) {
    assertMatch(id, /^[0-9a-f-]{36}$/);
    assertEquals(isRequestId(id), true, id);
  }
});

Deno.test("isRequestId() takes what others make, and nothing that could end a word, a quotation or a line", () => {
  const table: readonly (readonly [text: string, want: boolean])[] = [
    ["1", true],
    ["0af7651916cd43dd8448eb211c80319c", true],
    ["Root=1-67891233-abcdef012345678912345678", true],
    ["Zm9v+/==", true],
    ["2026:a_b@c.d", true],
    ["x".repeat(128), true],
    ["x".repeat(129), false],
    ["", false],
    ["a b", false],
    ["a, b", false],
    ['a"b', false],
    ["a\\b", false],
    ["a\nb", false],
    ["a\n", false],
    ["a\x1bb", false],
    ["a\xe9", false],
    ["<a>", false],
    ["a;b", false],
    ["{a}", false],
  ];
  for (const [text, want] of table) assertEquals(isRequestId(text), want, JSON.stringify(text));
});

Deno.test("inRequest() says nothing of a request that is known by nothing", () => {
  assertEquals([inRequest({ id: "a" }), inRequest({})], [" (request a)", ""]);
});
