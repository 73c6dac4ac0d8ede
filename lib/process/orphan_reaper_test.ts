import { assert, assertEquals } from "@std/assert";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import { until } from "../../tests/cgi/running_scripts.ts";
import { OwnChildren } from "../child/own_children.ts";
import { Spawner } from "../child/spawner.ts";
import { openLibc } from "../system/libc.ts";
import { Readiness } from "../system/readiness.ts";
import { getsOrphans, OrphanReaper, type ReaperCalls } from "./orphan_reaper.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const libc = openLibc();

/** Runs `test` while what its children leave comes to this process. */
async function asSubreaper(test: () => Promise<void>): Promise<void> {
  libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
  try {
    await test();
  } finally {
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0n, 0n, 0n, 0n);
  }
}

/** Children of this process that have ended: [process id, session]. */
function endedChildren(): (readonly [number, number])[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    try {
      const [state, parent, , session] = Deno.readTextFileSync(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
      return state === "Z" && Number(parent) === Deno.pid ? [[Number(name), Number(session)] as const] : [];
    } catch {
      // No process, or one that is no more.
      return [];
    }
  });
}

interface Zombie {
  readonly pid: number;
  readonly session: number;
}

/** A system with these children that have ended, in that order; the server is in session 1000. */
function fakeCalls(zombies: Zombie[]): ReaperCalls {
  return {
    waitid: (kind, id, info, options) => {
      const found = zombies.find(({ pid }) => kind === 0 || pid === id);
      if (info instanceof Int32Array) info[4] = found?.pid ?? 0;
      if (found !== undefined && (options & 0x0100_0000) === 0) zombies.splice(zombies.indexOf(found), 1);
      return 0;
    },
    getsid: (pid) => pid === 0 ? 1000 : zombies.find((zombie) => zombie.pid === pid)?.session ?? -1,
    prctl: () => 0,
    memcpy: () => 0n,
  };
}

const LOOKS: readonly { name: string; zombies: Zombie[]; state?: "starting"; left: number[] }[] = [
  { name: "nothing", zombies: [], left: [] },
  { name: "a daemon, and what stands behind it", zombies: [{ pid: 5, session: 5 }, { pid: 6, session: 6 }], left: [] },
  { name: "a daemon in front of a program", zombies: [{ pid: 5, session: 5 }, { pid: 10, session: 10 }], left: [10] },
  { name: "a daemon behind a program", zombies: [{ pid: 10, session: 10 }, { pid: 5, session: 5 }], left: [10, 5] },
  { name: "a job in a program's session", zombies: [{ pid: 11, session: 10 }], state: "starting", left: [] },
  { name: "what may be starting", zombies: [{ pid: 5, session: 5 }], state: "starting", left: [5] },
  {
    name: "what may be starting and has no session",
    zombies: [{ pid: 5, session: 1000 }],
    state: "starting",
    left: [5],
  },
  { name: "what came with the server", zombies: [{ pid: 5, session: 1000 }], left: [] },
];

for (const { name, zombies, state, left } of LOOKS) {
  Deno.test(`OrphanReaper.look() leaves the server's programs alone: ${name}`, () => {
    const own = new OwnChildren();
    own.begin().started(10);
    if (state === "starting") own.begin();
    const before = zombies.length;
    assertEquals(new OrphanReaper(fakeCalls(zombies), own).look(), before - left.length);
    assertEquals(zombies.map(({ pid }) => pid), left);
  });
}

Deno.test("getsOrphans() holds for process 1, a subreaper, and whoever has children already", async () => {
  const none = { ...libc, waitid: () => -1 };
  assertEquals([getsOrphans(none, 1), getsOrphans(none, 2)], [true, false]);
  await asSubreaper(() => Promise.resolve(assertEquals(getsOrphans(none), true)));
  assertEquals(getsOrphans(none), false);
  const child = new Deno.Command("/bin/sh", { args: ["-c", "read -r line"], stdin: "piped" }).spawn();
  assertEquals(getsOrphans(libc), true);
  await child.stdin.close();
  await child.status;
});

Deno.test("OrphanReaper reaps what programs leave, in their session and out of it, and takes no exit status away", () =>
  asSubreaper(async () => {
    const own = new OwnChildren();
    const readiness = new Readiness(readinessCalls);
    const spawner = new Spawner(systemCalls, readiness, { own });
    const reaper = new OrphanReaper(libc, own);
    let count = 0;
    let isOver = false;
    const looking = (async () => {
      for (; !isOver; await new Promise((resolve) => setTimeout(resolve))) count += reaper.look();
    })();
    const script = "(exit 0) & setsid /bin/true & wait; (/bin/true & setsid sh -c : &); exit 7";
    const run = async () => {
      const words = ["/bin/sh", "-c", script];
      const child = await spawner.start({ words, folder: "/", environment: { PATH: "/bin" }, hasInput: false });
      for (const end of [child.output, child.errors]) end.close();
      return (await child.reap()).description;
    };
    const rounds = Array.from({ length: 8 }, async () => {
      const ends: string[] = [];
      for (let round = 0; round < 25; round++) ends.push(await run());
      return ends;
    });
    const ends = (await Promise.all(rounds)).flat();
    assertEquals(ends.filter((end) => end !== "exit status 7"), []);
    await until(() => endedChildren().length === 0, "all zombies are reaped");
    isOver = true;
    await looking;
    assert(count > 0);
    await readiness.close();
  }));
