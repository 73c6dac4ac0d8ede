import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { attackSlowly, SLOW_MODES, startAttackedServer } from "./slow_clients.ts";

/** Clients that ask for many small ranges are answered at once, and gone. */
const LEAST_OPEN = { heads: 700, content: 700, ranges: 0, reading: 500 };

for (const mode of SLOW_MODES) {
  Deno.test(`lisod answers everybody else and closes all 1,000 clients that are slow with ${mode}`, async () => {
    await using server = await startAttackedServer();
    const { statuses, descriptors: { before, most, after } } = await attackSlowly(server, mode);
    assertEquals([...statuses], [200]);
    assertGreaterOrEqual(most, LEAST_OPEN[mode]);
    assertEquals(after, before);
    assertEquals(server.logText().includes("ERROR"), false);
  });
}
