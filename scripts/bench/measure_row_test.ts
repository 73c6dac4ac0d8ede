import { assertEquals } from "@std/assert";
import { Fleet } from "./fleet.ts";
import { measureRow } from "./measure_row.ts";
import { lisodPeer, listPeers, type Peer } from "./peers.ts";
import { ROWS } from "./rows.ts";

const [BINARY_SIZE] = ROWS.filter(({ name }) => name === "binary-size");

/** Measures the size of three programs: lisod of 3 MB, nginx of 1 MB, and an Apache that does not exist. */
async function measureSizes(): ReturnType<typeof measureRow> {
  const folder = await Deno.makeTempDir();
  const [nginx, apache] = ["nginx", "apache"].map((name): Peer => {
    const [peer] = listPeers().filter((one) => one.name === name);
    return { ...peer, versionCommand: [`${folder}/${name}`] };
  });
  try {
    await Deno.writeFile(`${folder}/lisod`, new Uint8Array(3_000_000));
    await Deno.writeFile(`${folder}/nginx`, new Uint8Array(1_000_000));
    return await measureRow(BINARY_SIZE, {
      fleet: new Fleet({ folder, root: folder, certificate: "", key: "" }),
      peers: [lisodPeer({ name: "lisod", path: `${folder}/lisod`, supports: new Set() }), apache, nginx],
      base: "lisod",
      rounds: 5,
      seconds: 1,
      tell: () => {},
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("measureRow() compares the base with the others when one of them fails", async () => {
  const { servers } = await measureSizes();
  assertEquals(servers.map(({ name, value, ratio }) => [name, value?.median ?? null, ratio?.median ?? null]), [
    ["lisod", 3, null],
    ["apache", null, null],
    ["nginx", 1, 3],
  ]);
  assertEquals(servers.map(({ failure }) => failure !== null), [false, true, false]);
  assertEquals(servers.map(({ cpuUs, cpuRatio }) => cpuUs ?? cpuRatio), [null, null, null]);
});
