import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { playAtOnce } from "./at_once.ts";
import {
  attackSlowly,
  FROM_ONE_ADDRESS,
  SLOW_MODES,
  type SlowMode,
  startAttackedServer,
  startPlainServer,
} from "./slow_clients.ts";

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

/** Behind the address of 300 clients that are slow with something. */
async function testOwnLimits(mode: SlowMode): Promise<void> {
  await using server = await startPlainServer();
  const { statuses, descriptors: { before, most } } = await attackSlowly(server, mode, FROM_ONE_ADDRESS);
  assertEquals([...statuses], [200]);
  const gaveWay = server.logText().includes(
    " INFO listener: 256 connections are open from 127.0.0.1: the slowest gives",
  );
  // Ranges are answered at once, contents find no place for a program any more; on a busy machine not all of the others come.
  const isFull = (mode === "heads" || mode === "reading") && most - before >= 256;
  assert(gaveWay || !isFull, server.logText());
  assertEquals(server.logText().includes("ERROR"), false);
}

Deno.test("lisod with its own limits answers a fair client behind the address of 300 that are slow", (context) => {
  // A server for each mode, at once: for most of the time all of them wait.
  return playAtOnce(context, SLOW_MODES.map((mode) => ({ name: `with ${mode}`, fn: () => testOwnLimits(mode) })));
});
