import { assertEquals } from "@std/assert";
import { Fleet } from "./fleet.ts";
import { measureRows, type RowResult } from "./measure_row.ts";
import { lisodPeer, listPeers, type Peer } from "./peers.ts";
import type { Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import { clientsProgram } from "./site.ts";

const [BINARY_SIZE] = ROWS.filter(({ name }) => name === "binary-size");

/** Measures the size of three programs: lisod of 3 MB, nginx of 1 MB, and an Apache that does not exist. */
async function measureSizes(): Promise<RowResult> {
  const folder = await Deno.makeTempDir();
  const [nginx, apache] = ["nginx", "apache"].map((name): Peer => {
    const [peer] = listPeers().filter((one) => one.name === name);
    return { ...peer, versionCommand: [`${folder}/${name}`] };
  });
  try {
    await Deno.writeFile(`${folder}/lisod`, new Uint8Array(3_000_000));
    await Deno.writeFile(`${folder}/nginx`, new Uint8Array(1_000_000));
    const peers = [lisodPeer({ name: "lisod", path: `${folder}/lisod`, supports: new Set() }), apache, nginx];
    const [result] = await measureRows([{ row: BINARY_SIZE, peers }], {
      fleet: new Fleet({ folder, root: folder, certificate: "", key: "" }),
      base: "lisod",
      rounds: 5,
      seconds: 1,
      tell: () => {},
    });
    return result;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("measureRows() compares the base with the others when one of them fails", async () => {
  const { servers } = await measureSizes();
  assertEquals(servers.map(({ name, value, ratio }) => [name, value?.median ?? null, ratio?.median ?? null]), [
    ["lisod", 3, null],
    ["apache", null, null],
    ["nginx", 1, 3],
  ]);
  assertEquals(servers.map(({ failure }) => failure !== null), [false, true, false]);
  assertEquals(servers.map(({ cpuUs, cpuRatio }) => cpuUs ?? cpuRatio), [null, null, null]);
});

/** Two rows of our own load on deno_serve.ts: as much as it can, and half of that. */
const [FIXED, OPEN] = ["keep-alive-fixed", "open-10"].map((wanted): Row => {
  const [row] = ROWS.filter(({ name }) => name === wanted);
  const request = { path: "/a.txt", fields: [], isConditional: false, status: 200, content: { text: "hello" } };
  return { ...row, load: { ...row.load, request } as Row["load"] };
});

Deno.test("measureRows() measures rows in turn, and gives a row its rate before the first round when it asks for half", async () => {
  const folder = await Deno.makeTempDir();
  const site = { folder, root: `${folder}/www`, certificate: "", key: "" };
  const fleet = new Fleet(site);
  try {
    await Deno.mkdir(site.root);
    await Deno.writeTextFile(`${site.root}/a.txt`, "hello");
    const args = ["-O2", "-o", clientsProgram(folder), `${import.meta.dirname}/clients.c`];
    await new Deno.Command("cc", { args }).output();
    const peers = listPeers().filter(({ name }) => name === "deno-serve");
    const told: string[] = [];
    const rows = [FIXED, OPEN].map((row) => ({ row, peers }));
    const tell = (message: string) => told.push(message);
    const results = await measureRows(rows, { fleet, base: "deno-serve", rounds: 2, seconds: 1, tell });
    assertEquals(told.map((message) => message.split(":")[0]), [
      ...["keep-alive-fixed 1/2", "open-10 1/2", "open-10 2/2", "keep-alive-fixed 2/2"],
    ]);
    const [fixed, open] = results.map(({ servers }) => servers[0]);
    assertEquals(results.map(({ rate }) => rate !== null && rate > 0), [true, false]);
    // At a rate the value is a wait, else answers.
    assertEquals(fixed.value, fixed.waits?.p99);
    assertEquals(open.samples.map(({ value }) => Number.isInteger(value)), [true, true]);
    for (const { cpuUs, loadBusy, rssBytes } of [fixed, open]) {
      assertEquals([cpuUs, loadBusy, rssBytes].map((spread) => spread !== null && spread.least > 0), [
        true,
        true,
        true,
      ]);
    }
  } finally {
    await fleet.close();
    await Deno.remove(folder, { recursive: true });
  }
});
