/** Every case of http2_cases.ts against ./lisod, over a plain socket and over TLS. */
import { assert, assertEquals } from "@std/assert";
import { HTTP2_CASES, type Http2Case } from "./http2_cases.ts";
import { Http2Client, Http2Server, type Http2Target } from "./http2_client.ts";
import { readU32, T } from "./http2_frames.ts";

/** Answers when its input has come to its end. */
const HOLD = "#!/bin/sh\ncat >/dev/null\nprintf 'Content-Type: text/plain\\n\\nheld\\n'\n";

async function play({ steps, want, answered, isRaw = false }: Http2Case, target: Http2Target): Promise<void> {
  using client = await Http2Client.connect(target, isRaw);
  for (const [index, step] of steps.entries()) {
    if (index > 0 && answered !== undefined) await client.whenEnded(answered);
    else if (index > 0) await client.ping();
    await client.send(step);
  }
  if ("goAway" in want) {
    await client.until(() => false);
    const goAway = client.find(T.goAway, 0);
    assert(goAway !== undefined && want.goAway.includes(readU32(goAway.payload, 4)), client.summary);
  } else if ("reset" in want) {
    const { streamId } = want;
    const isTold = () => client.find(T.reset, streamId) !== undefined || client.find(T.goAway, 0) !== undefined;
    await client.until(isTold);
    const reset = client.find(T.reset, streamId);
    const code = reset === undefined
      ? readU32(client.find(T.goAway, 0)?.payload ?? new Uint8Array(8), 4)
      : readU32(reset.payload);
    assert(want.reset.includes(code), `${code} of ${client.summary}`);
  } else {
    if ("statuses" in want) {
      for (const [id, status] of Object.entries(want.statuses)) {
        await client.whenEnded(Number(id));
        assertEquals(client.statusOf(Number(id)), status, client.summary);
        assertEquals(client.find(T.reset, Number(id)), undefined);
      }
    }
    await client.ping();
    assertEquals(client.hasEnded, false, client.summary);
    assertEquals(client.find(T.goAway, 0), undefined);
  }
}

Deno.test("HTTP/2 conforms, case by case, over both kinds of socket", async (t) => {
  await using server = await Http2Server.start({
    files: { "index.html": "<!doctype html><title>Index</title>\n" },
    programs: { hold: HOLD },
    args: ["--cgi-max", "128"],
  });
  for (const target of await server.targets()) {
    const cases = HTTP2_CASES.filter(({ isNegotiated }) => !isNegotiated || target.name === "TLS");
    for (const one of cases) await t.step(`${target.name}: ${one.name}`, () => play(one, target));
  }
});
