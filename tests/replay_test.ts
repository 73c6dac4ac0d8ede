/** The recorded exchange of the hand-in, played again: the server of today answers as the recorded one did. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { OUT_FILE, replay, requestBytes, REQUESTS, TEST_FILE, withoutDates } from "./replay/exchange.ts";
import { parseResponses, toText } from "./raw_http.ts";

/** How to record again what has changed on purpose. */
const AGAIN = "run tests/replay/exchange.ts (deno run --allow-all) and look at what git diff shows";

Deno.test("replay.out is what the server answers to replay.test, dates aside", async () => {
  const [requests, recorded] = [Deno.readFileSync(TEST_FILE), Deno.readFileSync(OUT_FILE)];
  assertEquals(toText(requests), toText(requestBytes()), AGAIN);
  assertEquals(withoutDates(await replay(requests)), withoutDates(recorded), AGAIN);
});

Deno.test("replay.out holds a whole answer of the right status to each request", () => {
  const methods = REQUESTS.map((request) => request.split(" ")[0]);
  const { responses, rest } = parseResponses(Deno.readFileSync(OUT_FILE), { methods, isClosed: true });
  assertEquals(rest.length, 0);
  const wanted = [200, 200, 206, 304, 200, 404, 501, 200, 200, 200, 200, 200, 400];
  assertEquals(responses.map(({ status }) => status), wanted);
});

Deno.test("withoutDates() hides dates and tags in fields, and nothing else", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const answer = 'HTTP/1.1 200 OK\r\nDate: Sun\r\nETag: "1"\r\nServer: Liso/1.0\r\n\r\nA Date: none';
  assertEquals(withoutDates(bytes(answer)), answer.replace("Sun", "-").replace('"1"', "-"));
  assertNotEquals(withoutDates(bytes(answer)), withoutDates(bytes(answer.replace("200", "404"))));
});
