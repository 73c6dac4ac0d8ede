/**
 * A server to which the processes come that its scripts have left: as process 1 of a container, and as a subreaper. They are
 * reaped, and each script keeps its exit status; with --native off the runtime has no word for it, and the log says so.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { until } from "./cgi/running_scripts.ts";
import { childrenOf } from "./cgi/server.ts";
import { startServer, type TestServer, writeFiles } from "./harness.ts";
import { zombiesOf } from "./orphans.ts";
import { RawClient } from "./raw_client.ts";

/** prctl(PR_SET_CHILD_SUBREAPER, 1), which stays over execve(2). */
const SUBREAPER = `syscall(${Deno.build.arch === "x86_64" ? 157 : 167}, 36, 1, 0, 0, 0) == 0 or die; exec @ARGV`;
const CLIENTS = 8;
const ROUNDS = 5;
/** A job in the script's session and one in its own, both of which end after the script. */
const SCRIPT = String.raw`#!/bin/sh
printf 'Content-Type: text/plain\n\n'
(sleep 0.1 </dev/null >/dev/null 2>&1 & setsid sleep 0.1 </dev/null >/dev/null 2>&1 &)
exit 7
`;
const JOBS = 2;

const PLACES = [
  { name: "as process 1", through: ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"], signal: "SIGKILL" },
  { name: "as subreaper", through: ["perl", "-e", SUBREAPER, "--"], signal: "SIGTERM" },
] as const;

/** All clients ask for the script, all rounds. */
async function askAll(server: TestServer): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      using client = await RawClient.connect(server.port());
      await client.send("GET /cgi/script HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertEquals((await client.receive({ count: 1 })).responses[0].status, 200);
    }
  }));
}

for (const { name, through, signal } of PLACES) {
  for (const args of [["--native", "on"], ["--native", "on", "--workers", "2"], ["--native", "off"]]) {
    const isNative = args.includes("on");
    const outcome = isNative ? "reaps what scripts leave" : "cannot reap what scripts leave (only waitid(2) does)";
    Deno.test({
      name: `lisod ${args.join(" ")} ${name} ${outcome}, and tells each script's exit status`,
      ignore: Deno.uid() !== 0,
      async fn() {
        const folder = await Deno.makeTempDir({ prefix: "lisod-orphans-" });
        await writeFiles(folder, { script: SCRIPT });
        await Deno.chmod(`${folder}/script`, 0o755);
        {
          await using server = await startServer({ args: ["--cgi", folder, ...args], through });
          const pid = signal === "SIGKILL" ? childrenOf(server.pid)[0] : server.pid;
          await askAll(server);
          const ends = () => server.logText().match(/Ended with exit status 7/g)?.length ?? 0;
          await server.waitForLog(() => ends() >= CLIENTS * ROUNDS);
          const want = isNative ? 0 : CLIENTS * ROUNDS * JOBS;
          await until(() => childrenOf(pid).length === zombiesOf(pid).length && zombiesOf(pid).length === want, name);
          assertEquals(ends(), CLIENTS * ROUNDS);
          if (!isNative && signal === "SIGKILL") {
            assertMatch(server.logText(), /WARN main: processes .* stay as zombies/);
          }
          await server.stop(signal);
        }
        await Deno.remove(folder, { recursive: true });
      },
    });
  }
}
