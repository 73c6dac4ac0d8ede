import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { type Body, HttpError } from "../http/message.ts";
import { boundContent } from "./bounded_content.ts";
import type { RoutedRequest } from "./readdressed.ts";

/** A request with these parts as content, whose length may be known. */
function requestWith(parts: readonly string[], length: number | null): RoutedRequest & { readonly closed: string[] } {
  const closed: string[] = [];
  const body: Body = {
    length,
    async *[Symbol.asyncIterator]() {
      for (const part of parts) yield await Promise.resolve(new TextEncoder().encode(part));
    },
    close: () => Promise.resolve(void closed.push("closed")),
  };
  const connection = { id: 1, remoteAddress: "", remotePort: 1, localAddress: "", localPort: 1, secure: false };
  const { signal } = new AbortController();
  const head = { method: "POST", target: "/a", version: "1.1", fields: HeaderFields.EMPTY } as const;
  return { ...head, path: "/a", query: "", host: "", id: "r1", notes: null, body, connection, signal, closed };
}

async function read({ body }: RoutedRequest): Promise<string> {
  let text = "";
  for await (const part of body) text += new TextDecoder().decode(part);
  return text;
}

Deno.test("boundContent() gives the very request where its content is short enough, and 413 where it says that it is not", () => {
  const request = requestWith(["abc"], 3);
  assertEquals(boundContent(request, 3) === request, true);
  assertEquals(assertThrows(() => boundContent(request, 2), HttpError).status, 413);
  assertEquals(assertThrows(() => boundContent(request, 0), HttpError).status, 413);
  const empty = requestWith([], 0);
  assertEquals(boundContent(empty, 0) === empty, true);
});

Deno.test("boundContent() ends content of unknown length by 413 when it is too long, and lets go of it", async () => {
  const request = requestWith(["ab", "c", "d"], null);
  const bounded = boundContent(request, 4);
  assertEquals([await read(bounded), bounded.body.length], ["abcd", null]);
  const error = await assertRejects(() => read(boundContent(request, 3)), HttpError);
  assertEquals(error.status, 413);
  await bounded.body.close();
  assertEquals(request.closed, ["closed"]);
});

Deno.test("boundContent() keeps all else of the request, also its user", () => {
  const request = requestWith([], null);
  const bounded = boundContent(request, 1);
  bounded.user = { name: "eva", scheme: "Basic" };
  const { body: _, ...rest } = bounded;
  const { body: __, closed: ___, ...want } = request;
  assertEquals({ ...rest }, { ...want, user: request.user, original: undefined });
});
