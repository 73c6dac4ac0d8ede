/**
 * Known attacks on HTTP/2: each costs its own connection, or nothing; memory stays, a fair client is answered meanwhile, and where
 * it is abuse the end is GOAWAY with ENHANCE_YOUR_CALM. Played over both kinds of socket. How long a fair client waits beside
 * each is told by the siege.
 */
import { assert, assertEquals } from "@std/assert";
import { memoryOf } from "./cgi/server.ts";
import { type Attack, ATTACKS, FILES, PROGRAMS } from "./http2_attacks.ts";
import { Http2Client, Http2Server, type Http2Target } from "./http2_client.ts";
import { get, join, readU32, T } from "./http2_frames.ts";

const MIB = 1024 * 1024;
/** How much the server may take beside what it had. */
const MOST_MIB = 32;

/** Plays the attack beside a fair client; what is left of it goes with its connection. */
async function play({ frames, isReading = true, code }: Attack, target: Http2Target, pid: number): Promise<void> {
  using fair = await Http2Client.connect(target);
  await ask(fair, 1, "/");
  await Deno.writeTextFile(`/proc/${pid}/clear_refs`, "5"); // the peak begins anew: proc(5)
  const before = memoryOf(pid, "VmRSS");
  using attacker = await Http2Client.connect(target);
  const attack = code === null ? sendFrames(attacker, frames) : Promise.all([
    sendFrames(attacker, frames),
    isReading ? attacker.until(() => false) : null,
  ]);
  let isOver = false;
  attack.finally(() => isOver = true);
  for (let streamId = 3; streamId < 43 || !isOver; streamId += 2) await ask(fair, streamId, "/");
  await attack;
  if (code !== null) {
    await attacker.until(() => false);
    const goAway = attacker.find(T.goAway, 0);
    assertEquals(goAway && readU32(goAway.payload, 4), code, attacker.summary.slice(-500));
  }
  const grownMib = (memoryOf(pid, "VmHWM") - before) / MIB;
  assert(grownMib <= MOST_MIB, `${grownMib} MiB more`);
}

/** Sends until the server takes no more. */
async function sendFrames(client: Http2Client, frames: Iterable<Uint8Array>): Promise<void> {
  for (const part of frames) {
    if (!await client.send(part)) return;
  }
}

async function ask(client: Http2Client, streamId: number, path: string): Promise<void> {
  await client.send(get(streamId, path));
  await client.whenEnded(streamId);
  assertEquals(client.statusOf(streamId), 200);
}

Deno.test("attacks on HTTP/2 cost their own connection, and no memory", async (t) => {
  await using server = await Http2Server.start({ files: FILES, programs: PROGRAMS });
  const { pid } = server.https.server;
  for (const target of await server.targets()) {
    for (const attack of ATTACKS()) await t.step(`${target.name}: ${attack.name}`, () => play(attack, target, pid));
  }
});

Deno.test("300 connections with half a preface end in time, and hold up nobody", async () => {
  await using server = await Http2Server.start({
    files: FILES,
    programs: PROGRAMS,
    args: ["--head-ms", "1s", "--max-per-address", "1000"],
  });
  for (const target of await server.targets()) {
    const silent = await Promise.all(Array.from({ length: 300 }, () => Http2Client.connect(target, true)));
    await Promise.all(silent.map((client) => client.send(join("PRI * HTTP/2.0\r\n"))));
    using fair = await Http2Client.connect(target);
    await ask(fair, 1, "/");
    await Promise.all(silent.map((client) => client.until(() => false)));
    for (const client of silent) client[Symbol.dispose]();
  }
});
