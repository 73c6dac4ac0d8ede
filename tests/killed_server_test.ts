/**
 * A server that is killed takes its scripts with it, and what guards them: over HTTP and HTTPS, with one worker and two, as
 * another user, by each way to the system. What a script has let go of goes on.
 */
import { assertEquals } from "@std/assert";
import { groupMembers, readPid, until } from "./cgi/running_scripts.ts";
import { childrenOf, guardsOf } from "./cgi/server.ts";
import { writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";

/** Both tell their process ids in files of their own, for many run at once; the job has its session by then. */
const SCRIPTS = {
  sleeper: `#!/bin/sh
sleep 3600 &
setsid sh -c 'echo $$ >jobs/$0.new; mv jobs/$0.new jobs/$0; exec sleep 3600' $$ </dev/null >/dev/null 2>&1 &
until [ -e jobs/$$ ]; do sleep 0.01; done
echo >sleeping/$$
wait
`,
  // Neither SIGTERM nor the end of its output ends it.
  deaf: `#!/bin/sh
trap '' TERM PIPE
echo >sleeping/$$
while :; do sleep 3600; done
`,
};
const CLIENTS = 4;
/** What is deaf to SIGTERM is not waited for. */
const SOON = ["--script-kill-ms", "300ms"];

function idsIn(folder: string): number[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => Number(name));
}

/** The user that a process runs as. */
function userOf(pid: number): number {
  const [, uid] = /^Uid:\t(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(uid);
}

const WAYS: readonly (readonly string[])[] = [
  ["--native", "on"],
  ["--native", "on", "--workers", "2"],
  ["--native", "on", "--user", "nobody"],
  ["--native", "off"],
  ["--native", "off", "--user", "nobody"],
];

for (const args of WAYS) {
  Deno.test({
    name: `lisod ${args.join(" ")} takes its scripts with it when it is killed, and leaves no guard`,
    ignore: args.includes("--user") && Deno.uid() !== 0,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "lisod-killed-" });
      await writeFiles(folder, SCRIPTS);
      for (const name of Object.keys(SCRIPTS)) await Deno.chmod(`${folder}/${name}`, 0o755);
      for (const name of ["jobs", "sleeping"]) await Deno.mkdir(`${folder}/${name}`);
      for (const name of ["", "/jobs", "/sleeping"]) await Deno.chmod(`${folder}${name}`, 0o777);
      {
        await using https = await HttpsServer.start({ args: ["--cgi", folder, ...SOON, ...args] });
        const { server } = https;
        await server.waitForLog((log) => log.includes("permissions of the runtime"));
        const clients: RawClient[] = [];
        for (const name of Object.keys(SCRIPTS)) {
          for (let number = 0; number < CLIENTS; number++) {
            const client = number % 2 === 0
              ? await RawClient.connect(server.port())
              : new RawClient(await https.connect());
            clients.push(client);
            await client.send(`GET /cgi/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          }
        }
        await until(() => idsIn(`${folder}/sleeping`).length === clients.length, "all scripts run");
        const scripts = idsIn(`${folder}/sleeping`);
        await server.waitForLog((log) => scripts.every((script) => log.includes(`+${script}`)));
        const guards = guardsOf(server.pid);
        assertEquals(guards.map(userOf), guards.map(() => userOf(server.pid)));
        await server.stop("SIGKILL");
        for (const client of clients) client.close();
        await until(() => scripts.flatMap(groupMembers).length === 0, "the scripts have ended");
        await until(() => guards.flatMap(groupMembers).length === 0, "the guards have ended");
        for (const script of idsIn(`${folder}/jobs`)) {
          const job = await readPid(`${folder}/jobs/${script}`);
          assertEquals(groupMembers(job), [job], "a job that holds nothing goes on");
          Deno.kill(job, "SIGKILL");
        }
      }
      await Deno.remove(folder, { recursive: true });
    },
  });
}

for (const args of [["--native", "on"], ["--native", "on", "--workers", "2"], ["--native", "off"]]) {
  Deno.test(`lisod ${args.join(" ")} takes its guard with it when it is told to stop, and lets it be no zombie`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-killed-" });
    await writeFiles(folder, { quick: "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n" });
    await Deno.chmod(`${folder}/quick`, 0o755);
    {
      await using https = await HttpsServer.start({ args: ["--cgi", folder, ...args] });
      const { server } = https;
      using client = await RawClient.connect(server.port());
      await client.send("GET /cgi/quick HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
      await until(() => guardsOf(server.pid).length === 1, "there is a guard");
      const [guard] = guardsOf(server.pid);
      // One that was ended is reaped.
      Deno.kill(guard, "SIGKILL");
      await until(() => childrenOf(server.pid).length === 0 && guardsOf(server.pid).length === 0, "it is reaped");
      await server.waitForLog((log) => log.includes("WARN cgi: The guard of programs has ended with signal SIGKILL"));
      assertEquals((await server.stop()).code, 0);
    }
    await Deno.remove(folder, { recursive: true });
  });
}
