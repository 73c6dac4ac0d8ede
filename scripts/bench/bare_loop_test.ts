import { assertEquals } from "@std/assert";
import { wantsClose } from "./bare_loop.ts";

interface Case {
  readonly name: string;
  readonly head: string;
  readonly want: boolean;
}

const CASES: readonly Case[] = [
  { name: "nothing is said", head: "GET /1k.txt HTTP/1.1\r\nHost: a\r\n\r\n", want: false },
  { name: "HTTP/1.0", head: "GET /1k.txt HTTP/1.0\r\n\r\n", want: true },
  { name: "close", head: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", want: true },
  { name: "close in other letters", head: "GET / HTTP/1.1\r\nconnection: Close\r\nHost: a\r\n\r\n", want: true },
  { name: "keep-alive", head: "GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", want: false },
  { name: "close as the value of another field", head: "GET / HTTP/1.1\r\nX: close\r\n\r\n", want: false },
  { name: "a field that begins alike", head: "GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", want: false },
  { name: "a field that is cut off", head: "GET / HTTP/1.1\r\nConnection: clo", want: false },
];

Deno.test("wantsClose() sees what the client wants when a head says it", async (t) => {
  for (const { name, head, want } of CASES) {
    await t.step(name, () => assertEquals(wantsClose(new TextEncoder().encode(head)), want));
  }
});
