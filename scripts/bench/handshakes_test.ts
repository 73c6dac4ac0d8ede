import { assertEquals, assertThrows } from "@std/assert";
import { checkHandshakes, readHandshakeReport } from "./handshakes.ts";

/** What s_time prints for some connections. */
function printed(letters: string): string {
  const sums = `${letters.length} connections in 0.75s; 1386.67 connections/user sec, bytes read 1309360\n` +
    `${letters.length} connections in 2 real seconds, 1259 bytes read per connection\n`;
  return `Collecting connection statistics for 1 seconds\n${letters}\n\n${sums}`;
}

const RESUMING = `Collecting connection statistics for 1 seconds\n\n\nNow timing with session id reuse.\nstarting\n`;

const CASES = [
  { name: "full handshakes", text: printed("*****"), want: { connections: 5, resumed: 0, bytesEach: 1259 } },
  {
    name: "resumed ones after a full one",
    text: RESUMING + printed("*rrr").replace("Collecting", "collecting"),
    want: { connections: 4, resumed: 3, bytesEach: 1259 },
  },
];

Deno.test("readHandshakeReport() counts connections by kind when s_time ends", async (t) => {
  for (const { name, text, want } of CASES) {
    await t.step(name, () => assertEquals(readHandshakeReport(text), want));
  }
});

Deno.test("readHandshakeReport() throws when s_time printed no sums", () => {
  assertThrows(() => readHandshakeReport("Collecting connection statistics\n*"), Error, "no sums");
});

const CHECKS = [
  { name: "full as asked", connections: 100, resumed: 0, bytesEach: 1259, isResumed: false, want: null },
  {
    name: "resumed where full was asked",
    connections: 100,
    resumed: 1,
    bytesEach: 1259,
    isResumed: false,
    want: "1 of",
  },
  { name: "resumed as asked", connections: 100, resumed: 97, bytesEach: 1259, isResumed: true, want: null },
  {
    name: "full where resumed was asked",
    connections: 100,
    resumed: 9,
    bytesEach: 1259,
    isResumed: true,
    want: "9 of",
  },
  { name: "another answer", connections: 100, resumed: 0, bytesEach: 300, isResumed: false, want: "read 300 bytes" },
  { name: "no connection", connections: 0, resumed: 0, bytesEach: 0, isResumed: false, want: "no connection" },
];

Deno.test("checkHandshakes() throws when connections were not of the kind that was asked for", async (t) => {
  for (const { name, isResumed, want, ...report } of CHECKS) {
    await t.step(name, () => {
      const check = () => checkHandshakes(report, { isResumed, wireBytes: 1240 });
      if (want === null) check();
      else assertThrows(check, Error, want);
    });
  }
});
