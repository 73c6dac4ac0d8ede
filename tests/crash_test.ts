/** A server that is killed at any moment, of its start and of its work: the next one starts as if nothing had been. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DaemonSite, kill, USERS, waitForEnd } from "./daemon.ts";
import { IS_LONG } from "./long.ts";
import { RawClient } from "./raw_client.ts";

const ROUND_COUNT = IS_LONG ? 100 : 40;
/** About as long as a start takes. */
const MAX_START_MS = 120;
const MAX_WORK_MS = 15;
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

for (const user of USERS) {
  Deno.test(`lisod comes back with lock, ports and log when it is killed ${ROUND_COUNT} times, as ${user.name}`, async () => {
    await using site = await DaemonSite.make(user);
    const eight = site.positional(freePort()).with(1, `${freePort()}`);
    let servedCount = 0;
    for (let round = 0; round < ROUND_COUNT; round++) {
      const args = [...eight, "--workers", round % 4 < 2 ? "1" : "2"];
      if (await (round % 2 === 0 ? killAtStart(site, args) : killAtWork(site, args))) servedCount++;
    }
    // Else no moment was within the start.
    assert(servedCount < ROUND_COUNT * 0.95, `${servedCount}`);
    await site.start(eight);
    assertEquals([await site.ask("http"), await site.ask("https")], [200, 200]);
    assertEquals(site.logText().split("\n").filter((line) => !isWholeLine(line)), [""]);
  });
}

/** Kills the daemon before or just after it serves; returns whether it served. */
async function killAtStart(site: DaemonSite, args: readonly string[]): Promise<boolean> {
  const { command, daemon } = await site.startHalfway(args);
  await pass(Math.random() * MAX_START_MS);
  kill(daemon, "SIGKILL");
  const { code, stderr } = await command.output();
  await waitForEnd(daemon);
  if (code !== 0) assertMatch(new TextDecoder().decode(stderr), /^lisod: The daemon ended with SIGKILL\n$/);
  return code === 0;
}

/** Kills the daemon while it answers, and sometimes while it reloads; returns that it served. */
async function killAtWork(site: DaemonSite, args: readonly string[]): Promise<boolean> {
  const pid = await site.start(args);
  assertEquals(await Deno.readTextFile(site.lock), `${pid}\n`);
  assert(site.logText().includes(`opened this log, process ${pid}\n`));
  const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(site.port())));
  await clients[0].send(GET);
  assertEquals((await clients[0].receive({ count: 1 })).responses[0].status, 200);
  if (Math.random() < 0.5) kill(pid, "SIGHUP");
  for (const client of clients) await client.send(GET.repeat(50));
  await pass(Math.random() * MAX_WORK_MS);
  kill(pid, "SIGKILL");
  for (const client of clients) {
    await client.countToEnd();
    client[Symbol.dispose]();
  }
  await waitForEnd(pid);
  return true;
}

/** Not to wait for anything: the moment is what is being tried. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A message or an access line from its beginning to its end. */
function isWholeLine(line: string): boolean {
  return /^\[[^\]]+\] (?:DEBUG|INFO|WARN|ERROR) \S+: .+$|^\S+ - - \[[^\]]+\] "[^"]*" \d{3} \d+ "[^"]*" "[^"]*"$/.test(
    line,
  );
}

/** Below the range from which the system takes ports for connections, so that nobody gets it between two rounds. */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ port, hostname: "::" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
