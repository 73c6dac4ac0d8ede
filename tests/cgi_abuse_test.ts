/**
 * Programs that mean harm, or that nobody has thought about: while each does its worst, a file is served; when its request
 * is over, no process, zombie or descriptor of it is left. RFC 3875 9 (security considerations).
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { countDescriptors } from "./descriptors.ts";
import { groupMembers, SCRIPTS, until } from "./cgi/running_scripts.ts";
import { childrenOf, guardsOf, memoryOf } from "./cgi/server.ts";
import { startServer, type TestServer } from "./harness.ts";
import { IS_LONG } from "./long.ts";
import { RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

/** What the end of a script takes here. */
const SOON = [
  "--half-closed-ms",
  "1ms",
  "--script-kill-ms",
  "200ms",
  "--script-linger-ms",
  "200ms",
  "--script-error-ms",
  "200ms",
];
/** Of what never ends. */
const TAKEN_BYTES = IS_LONG ? 2 ** 30 : 2 ** 28;
const GET_ABUSE = "GET /cgi/abuse HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HEAD = String.raw`printf 'Content-Type: text/plain\n\n'`;

interface Abuse {
  readonly name: string;
  /** The program, run in a folder where it may write. It has written its process id to the file `pids`. */
  readonly script: string;
  readonly args?: readonly string[];
  /** What the client does, from its request to its leaving. Whatever holds at the worst moment is looked at here. */
  play(client: RawClient, scene: Scene): Promise<void>;
  /** After all is over. */
  readonly check?: (scene: Scene) => Promise<void> | void;
}

/** A server with one script that means harm. */
interface Scene {
  readonly server: TestServer;
  /** Of the script. */
  readonly folder: string;
}

/** Resolves when the script has made that file. */
async function untilFile({ folder }: Scene, name: string): Promise<void> {
  await until(() => [...Deno.readDirSync(folder)].some((entry) => entry.name === name), `the script has made ${name}`);
}

/** The process ids that the script has written; none where it has not begun. */
function pidsIn(folder: string, name = "pids"): number[] {
  if (![...Deno.readDirSync(folder)].some((entry) => entry.name === name)) return [];
  return Deno.readTextFileSync(`${folder}/${name}`).trim().split("\n").map(Number);
}

/** A file is answered, on a connection of its own. */
async function assertServed({ server }: Scene): Promise<void> {
  using client = await RawClient.connect(server.port());
  await client.send("GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
}

/** Processor time that the server has taken, in ms. Linux, proc(5): utime and stime in hundredths of a second. */
function processorMs({ server }: Scene): number {
  const fields = Deno.readTextFileSync(`/proc/${server.pid}/stat`).replace(/^.*\) /, "").split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

const ABUSES: readonly Abuse[] = [
  {
    name: "ignores SIGTERM, with children that do",
    script: `trap '' TERM\n${HEAD}\nsleep 3600 &\nsleep 3600 &\n>ready\nwhile :; do sleep 3600; done`,
    async play(client, scene) {
      await client.send(GET_ABUSE);
      await untilFile(scene, "ready");
      await assertServed(scene);
    },
  },
  {
    name: "closes its output and goes on",
    script: `${HEAD}\nexec >&-\n>ready\nwhile :; do :; done`,
    args: ["--script-body-ms", "300ms"],
    async play(client, scene) {
      await client.send(GET_ABUSE);
      assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
      await assertServed(scene);
    },
    check: ({ server }) =>
      server.waitForLog((log) => log.includes("Still runs 300 ms after its response: it is ended")),
  },
  {
    name: "prints 10 GB, of which the client takes a part",
    script: `${HEAD}\nexec head -c 10000000000 /dev/zero`,
    async play(client, scene) {
      const before = memoryOf(scene.server.pid, "VmRSS");
      await client.send(GET_ABUSE);
      await client.receiveThrough("\r\n\r\n");
      // Far more than the server may grow by.
      await client.skip(TAKEN_BYTES / 2);
      await assertServed(scene);
      await client.skip(TAKEN_BYTES / 2);
      const grown = memoryOf(scene.server.pid, "VmHWM") - before;
      assert(grown < 64 << 20, `${grown} bytes more`);
    },
  },
  {
    name: "prints 10 GB to a client that takes nothing",
    script: `${HEAD}\nexec head -c 10000000000 /dev/zero`,
    args: ["--write-idle-ms", "500ms", "--log-level", "debug"],
    async play(client, scene) {
      const before = memoryOf(scene.server.pid, "VmRSS");
      await client.send(GET_ABUSE);
      await scene.server.waitForLog((log) => log.includes("a write made no progress"), 30_000);
      await assertServed(scene);
      const grown = memoryOf(scene.server.pid, "VmHWM") - before;
      assert(grown < 32 << 20, `${grown} bytes more`);
    },
  },
  {
    name: "leaves a daemon behind that holds its pipes",
    script:
      `${HEAD}\necho parent\nsetsid sh -c 'sleep 3600 & echo $! >daemon.new; mv daemon.new daemon; wait' &\nuntil [ -e daemon ]; do sleep 0.01; done`,
    async play(client, scene) {
      await client.send(GET_ABUSE);
      const { responses, rest } = await client.receive();
      assertEquals([responses, toText(rest).endsWith("parent\n\r\n")], [[], true]);
      await assertServed(scene);
      await untilFile(scene, "daemon");
    },
    check({ folder }) {
      // Told in vulnerabilities.txt: it has left the group by which a script is ended.
      const [daemon] = pidsIn(folder, "daemon");
      assertMatch(Deno.readTextFileSync(`/proc/${daemon}/stat`), / S /);
      Deno.kill(-Number(Deno.readTextFileSync(`/proc/${daemon}/stat`).replace(/^.*\) /, "").split(" ")[2]), "SIGKILL");
    },
  },
  {
    name: "fills its standard error",
    // Before its head it complains more than is told: from there on the server's patience runs out, on a slow machine too.
    script: `yes complaint | head -c 20480 >&2\n${HEAD}\n>ready\nyes complaint >&2`,
    args: ["--script-body-ms", "500ms", "--max-script-error-bytes", "10k"],
    async play(client, scene) {
      await client.send(GET_ABUSE);
      await untilFile(scene, "ready");
      await assertServed(scene);
      assertEquals((await client.receive()).responses, []);
    },
    async check({ server }) {
      await server.waitForLog((log) => log.includes("printed nothing for 500 ms"));
      assertEquals(server.logText().match(/: complaint$/gm)?.length, 1024);
    },
  },
  {
    name: "answers and ends while the client uploads",
    script: `${HEAD}\necho enough`,
    async play(client, scene) {
      await client.send(`POST /cgi/abuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 ** 28}\r\n\r\n`);
      const sending = client.send(...new Array<Uint8Array>(256).fill(new Uint8Array(1 << 20)));
      assertMatch(await client.receiveThrough("enough\n"), /^HTTP\/1.1 200 OK/);
      await assertServed(scene);
      await sending;
    },
  },
  {
    name: "dies while the client uploads",
    script: "read -r line\nkill -SEGV $$",
    async play(client, scene) {
      await client.send(`POST /cgi/abuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 ** 28}\r\n\r\nline\n`);
      const sending = client.send(...new Array<Uint8Array>(256).fill(new Uint8Array(1 << 20)));
      assertMatch(await client.receiveThrough("\r\n\r\n"), /^HTTP\/1.1 500 /);
      await assertServed(scene);
      await sending;
    },
  },
  {
    name: "prints a head without end",
    script: `${
      HEAD.replace(/.n'$/, "'")
    }\ni=0; while [ $i -lt 100000 ]; do echo "X-$i: y"; i=$((i+1)); done; sleep 3600`,
    async play(client, scene) {
      await client.send(GET_ABUSE);
      assertMatch(await client.receiveThrough("\r\n\r\n"), /^HTTP\/1.1 500 /);
      await assertServed(scene);
    },
  },
];

/** A server whose one script is this. */
async function withScene(abuse: Pick<Abuse, "script" | "args">, test: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-abuse-" });
  await Deno.chmod(folder, 0o777);
  await Deno.writeTextFile(`${folder}/calm`, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\ncalm'\n");
  await Deno.writeTextFile(`${folder}/abuse`, `#!/bin/sh\necho $$ >>pids\n${abuse.script}\n`);
  for (const name of ["calm", "abuse"]) await Deno.chmod(`${folder}/${name}`, 0o755);
  try {
    await using server = await startServer({ args: ["--cgi", folder, ...SOON, ...abuse.args ?? []] });
    await assertCalm(server);
    await until(() => guardsOf(server.pid).length === 1, "the guard of the first script is there");
    await test({ server, folder });
  } finally {
    // Nothing where the test has passed.
    for (const pid of pidsIn(folder).flatMap(groupMembers)) Deno.kill(pid, "SIGKILL");
    await Deno.remove(folder, { recursive: true });
  }
}

/** A script that does no harm is run. */
async function assertCalm(server: TestServer): Promise<void> {
  using client = await RawClient.connect(server.port());
  await client.send("GET /cgi/calm HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertEquals(toText((await client.receive({ count: 1 })).responses[0].body), "calm");
}

/** Nothing of the script is left, and nothing of its request. */
async function assertClean({ server, folder }: Scene, descriptors: number): Promise<void> {
  await until(() => pidsIn(folder).flatMap(groupMembers).length === 0, "the group is empty");
  await until(() => childrenOf(server.pid).length === 0, "every process has been reaped");
  await until(() => countDescriptors(server.pid) <= descriptors, "the descriptors are closed");
}

for (const abuse of ABUSES) {
  Deno.test(`lisod serves others, and leaves nothing behind, when a script ${abuse.name}`, () =>
    withScene(abuse, async (scene) => {
      const descriptors = countDescriptors(scene.server.pid);
      {
        using client = await RawClient.connect(scene.server.port());
        await abuse.play(client, scene);
      }
      await assertClean(scene, descriptors);
      await abuse.check?.(scene);
      await assertCalm(scene.server);
    }));
}

/** At most 258 processes where nothing bounds them. */
const FORK_BOMB = `${HEAD}
exec perl -e 'sub bomb { my $depth = shift; for (1 .. 6) {
  my $pid = fork();
  if (!defined $pid) { open my $file, ">", "refused"; last }
  if ($pid == 0) { bomb($depth + 1) if $depth < 3; sleep 3600; exit }
} } bomb(1); sleep 3600'`;

Deno.test({
  name: "lisod serves others, and leaves nothing behind, when a script is a fork bomb under --cgi-limit-processes",
  ignore: Deno.uid() !== 0,
  fn: () => {
    const args = ["--cgi-user", "backup", "--cgi-limit-processes", "40"];
    return withScene({ script: FORK_BOMB, args }, async (scene) => {
      const descriptors = countDescriptors(scene.server.pid);
      {
        using client = await RawClient.connect(scene.server.port());
        await client.send(GET_ABUSE);
        await untilFile(scene, "refused");
        const count = groupMembers(pidsIn(scene.folder)[0]).length;
        assert(count >= 30 && count <= 40, `${count} processes`);
        const before = processorMs(scene);
        await assertServed(scene);
        assert(processorMs(scene) - before < 1000);
      }
      await assertClean(scene, descriptors);
      await assertCalm(scene.server);
    });
  },
});

Deno.test({
  name: "lisod warns that --cgi-limit-processes does not bind root",
  ignore: Deno.uid() !== 0,
  async fn() {
    const warning = /WARN main: --cgi-limit-processes does not bind root/;
    for (
      const [args, isWarned] of [[[], true], [["--cgi-user", "backup"], false], [["--user", "backup"], false]] as const
    ) {
      const limits = ["--cgi", SCRIPTS, "--cgi-limit-processes", "40"];
      await using server = await startServer({ args: [...limits, ...args] });
      await server.waitForLog((log) => log.includes("permissions of the runtime"));
      assertEquals(warning.test(server.logText()), isWarned, `${args}`);
    }
  },
});
