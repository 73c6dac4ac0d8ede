import { assertEquals, assertRejects } from "@std/assert";
import { ask, askAndCheck, openConnection } from "./ask.ts";
import { Fleet, type Server } from "./fleet.ts";
import { listPeers, type Peer } from "./peers.ts";
import { listTree, readStat } from "./process_stats.ts";
import type { RequestShape } from "./row.ts";
import type { Site } from "./site.ts";

const [DENO_SERVE] = listPeers().filter(({ name }) => name === "deno-serve");
const REQUEST: RequestShape = {
  path: "/a.txt",
  fields: [],
  isConditional: false,
  status: 200,
  content: { text: "hello" },
};

/** A site of one file and a fleet on it; `work` is given both, and nothing is left behind. */
async function withFleet(work: (fleet: Fleet, site: Site) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const site = { folder, root: `${folder}/www`, certificate: "", key: "" };
  const fleet = new Fleet(site, { stopMs: 1000 });
  try {
    await Deno.mkdir(site.root);
    await Deno.writeTextFile(`${site.root}/a.txt`, "hello");
    await work(fleet, site);
  } finally {
    await fleet.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The pids of a server's processes that live now. */
function livingPids({ processes }: Server): readonly number[] {
  return listTree(processes.map(({ pid }) => pid)).map(({ pid }) => pid);
}

/** False too for a process that has ended and was not reaped yet. */
function isAlive(pid: number): boolean {
  return readStat(pid)?.isZombie === false;
}

Deno.test("Fleet starts a server that answers and leaves no process when it stops it", async () => {
  await withFleet(async (fleet) => {
    const server = await fleet.start(DENO_SERVE, []);
    const { wireBytes } = await askAndCheck(server, REQUEST);
    assertEquals(wireBytes > "hello".length, true);
    const pids = livingPids(server);
    // proc(5): the session is field 6 of a line whose name, the second, is in brackets.
    assertEquals(
      pids.map((pid) => Number(Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ")[3])),
      pids,
    );
    await fleet.stop(server);
    assertEquals(livingPids(server), []);
    await assertRejects(() => openConnection({ hostname: "127.0.0.1", port: server.place.httpPort, caCerts: null }));
  });
});

Deno.test("Fleet kills a server and its children when they ignore SIGTERM", async () => {
  const stubborn: Peer = {
    ...DENO_SERVE,
    command: (place) => ["sh", "-c", `trap '' TERM; ${DENO_SERVE.command(place).join(" ")} & wait; wait`],
  };
  await withFleet(async (fleet) => {
    const server = await fleet.start(stubborn, []);
    const pids = livingPids(server);
    assertEquals(pids.length, 2);
    await fleet.close();
    assertEquals(pids.filter(isAlive), []);
    await assertRejects(() => fleet.start(DENO_SERVE, []), Error, "being stopped");
  });
});

Deno.test("Fleet waits for the helper of a server when it opens its socket late", async () => {
  const script = "setTimeout(async () => { for await (const _ of " +
    'Deno.listen({ transport: "unix", path: Deno.args[0] })); }, 200)';
  const helped: Peer = { ...DENO_SERVE, helper: ({ socket }) => [Deno.execPath(), "eval", script, socket] };
  await withFleet(async (fleet) => {
    const { place } = await fleet.start(helped, []);
    (await Deno.connect({ transport: "unix", path: place.socket })).close();
  });
});

Deno.test("Fleet tells what a server said when it ends at once", async () => {
  await withFleet(async (fleet) => {
    const broken: Peer = { ...DENO_SERVE, command: () => ["sh", "-c", "echo no such option >&2; exit 3"] };
    await assertRejects(() => fleet.start(broken, []), Error, "no such option");
  });
});

const WRONG: readonly { readonly name: string; readonly shape: RequestShape; readonly want: string }[] = [
  { name: "status", shape: { ...REQUEST, path: "/b.txt" }, want: "status 404 instead of 200" },
  { name: "length", shape: { ...REQUEST, content: { text: "hello!" } }, want: "5 bytes instead of 6" },
  { name: "content", shape: { ...REQUEST, content: { text: "hallo" } }, want: "wrong content from byte 1" },
  { name: "validators", shape: { ...REQUEST, isConditional: true }, want: "lacks ETag" },
];

Deno.test("askAndCheck() throws when an answer is not the expected one", async (t) => {
  await withFleet(async (fleet) => {
    const server = await fleet.share(DENO_SERVE, []);
    assertEquals(await fleet.share(DENO_SERVE, []), server);
    for (const { name, shape, want } of WRONG) {
      await t.step(name, async () => {
        await assertRejects(() => askAndCheck(server, shape), Error, want);
      });
    }
  });
});

Deno.test("ask() throws when the connection ends without an answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = listener.accept().then((connection) => connection.close());
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  await closing;
  await assertRejects(() => ask(connection, "GET / HTTP/1.1\r\n\r\n"));
  connection.close();
  listener.close();
});
