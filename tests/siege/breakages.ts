/** Broken surroundings of the siege: a process that is stopped for seconds or killed, and few descriptors. */
import { isRunning, kill, waitUntil } from "../daemon.ts";
import { RawClient } from "../raw_client.ts";
import { toText } from "../raw_http.ts";
import { SMALL } from "./crowds.ts";
import { besiege, type Effort, MIB, pause, playCrowd, type Result, until } from "./scenario.ts";
import { BesiegedLisod, Site } from "./site.ts";

export interface Breakage {
  readonly name: string;
  readonly play: (name: string, effort: Effort) => Promise<Result>;
}

/** Nobody holds much here. */
const MOST_BYTES = 160 * MIB;
const QUESTION = { path: "/small", want: SMALL };
/** Longer than the limits of time that such a server has, if the effort is full. */
const STOPPED_MS = 35_000;
const LEAST_STOPPED_MS = 3000;
const SCRIPTS_BEFORE_KILL = 30;
const END_MS = 60_000;

/** Requests of many kinds are under way when the process is stopped; the limits of time are shorter than the stop. */
async function playStop(name: string, effort: Effort): Promise<Result> {
  await using site = await Site.make({ "big": new Uint8Array(16 * MIB) });
  const limits = ["--script-ms", "2s", "--head-ms", "2s", "--write-idle-ms", "2s", "--body-idle-ms", "2s"];
  await using server = await BesiegedLisod.start(site, { args: limits });
  const stoppedMs = Math.max(LEAST_STOPPED_MS, effort.share * STOPPED_MS);
  const load = async () => {
    const work = [
      await beginWork(server.port, { first: `GET /cgi/second ${HOST}\r\n`, then: "", want: "second\n" }),
      await beginWork(server.port, { first: `GET /small ${HOST}`, then: "\r\n", want: SMALL }),
      await beginWork(server.port, {
        first: `POST /cgi/read ${HOST}Content-Length: 4\r\n\r\nab`,
        then: "cd",
        want: "4\n",
      }),
    ];
    using download = await RawClient.connect(server.port);
    await download.send(`GET /big ${HOST}Connection: close\r\n\r\n`);
    await download.receiveThrough("\r\n\r\n");
    Deno.kill(server.server.pid, "SIGSTOP");
    await pause(stoppedMs);
    Deno.kill(server.server.pid, "SIGCONT");
    const ends = await Promise.all([...work.map((end) => end()), countDownload(download, 16 * MIB)]);
    const problems = ends.filter((problem) => problem !== null);
    return { told: `${ends.length} requests under way, stopped for ${stoppedMs / 1000} s`, problems };
  };
  return await besiege({ name, server, question: QUESTION, load, mostBytes: MOST_BYTES, effort });
}

const HOST = "HTTP/1.1\r\nHost: localhost\r\n";

/** Sends the first part; what it returns sends the second, and resolves to what is wrong with the answer, or to null. */
async function beginWork(
  port: number,
  { first, then, want }: { readonly first: string; readonly then: string; readonly want: string },
): Promise<() => Promise<string | null>> {
  const client = await RawClient.connect(port);
  await client.send(first);
  return async () => {
    await client.send(then);
    const { responses } = await client.receive({ count: 1, deadlineMs: END_MS });
    client.close();
    const got = responses.map(({ status, body }) => `${status} ${toText(body)}`).join();
    return got === `200 ${want}` ? null : `${JSON.stringify(first.slice(0, 20))} was answered ${JSON.stringify(got)}`;
  };
}

async function countDownload(client: RawClient, want: number): Promise<string | null> {
  const count = await client.countToEnd();
  return count === want ? null : `${count} of ${want} bytes of a download came`;
}

/** kill -9 with scripts running and content in the spool; another server takes the same port at once. */
async function playKill(name: string, effort: Effort): Promise<Result> {
  await using site = await Site.make({});
  const killed = await BesiegedLisod.start(site, { args: ["--log-level", "debug"] });
  const { port } = killed;
  const problems = await loadAndKill(killed, site);
  const start = performance.now();
  await using server = await BesiegedLisod.start(site, { port });
  const startMs = performance.now() - start;
  const load = () => {
    const told = `${SCRIPTS_BEFORE_KILL} scripts ran, there again after ${startMs.toFixed(0)} ms`;
    return Promise.resolve({ told, problems });
  };
  return await besiege({ name, server, question: QUESTION, load, mostBytes: MOST_BYTES, effort });
}

async function loadAndKill(killed: BesiegedLisod, site: Site): Promise<readonly string[]> {
  const clients: RawClient[] = [];
  for (let number = 0; number < SCRIPTS_BEFORE_KILL; number++) {
    const client = await RawClient.connect(killed.port);
    clients.push(client);
    const upload = `POST /cgi/read ${HOST}Transfer-Encoding: chunked\r\n\r\n200000\r\n${"a".repeat(0x100000)}`;
    await client.send(number % 3 === 0 ? upload : `GET /cgi/wait ${HOST}\r\n`);
  }
  const running = () => [...Deno.readDirSync(site.running)].map((entry) => Number(entry.name));
  const wanted = clients.length - Math.ceil(clients.length / 3);
  await waitUntil(() => running().length === wanted, "all scripts run", END_MS);
  // The guard hears of a script some 20 ms after its start.
  await killed.server.waitForLog((log) => running().every((script) => log.includes(`+${script}`)), END_MS);
  kill(killed.server.pid, "SIGKILL");
  await killed.server.stop("SIGKILL");
  for (const client of clients) client.close();
  await Deno.remove(killed.server.place.folder, { recursive: true });
  await until(() => !running().some(isRunning), END_MS);
  const left = running().filter(isRunning);
  return left.length === 0 ? [] : [`${left.length} scripts outlived the server`];
}

const FEW_DESCRIPTORS = 128;
/** Fewer than descriptors, more than such a server runs at once. */
const CLIENTS_AT_ONCE = 48;
const ROUNDS = 20;

/** Scripts ask for more descriptors than there are, again and again: they wait, and nobody is refused. */
async function playFewDescriptors(name: string, effort: Effort): Promise<Result> {
  await using site = await Site.make({});
  const through = ["prlimit", `--nofile=${FEW_DESCRIPTORS}`];
  await using server = await BesiegedLisod.start(site, { args: ["--cgi-max", "64"], through });
  const rounds = Math.max(1, Math.round(effort.share * ROUNDS));
  const load = async () => {
    const problems: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const { problems: found } = await playCrowd(server.port, {
        ...{
          count: CLIENTS_AT_ONCE,
          request: `GET /cgi/slow ${HOST}Connection: close\r\n\r\n`,
          reads: "all",
          holdMs: 0,
        },
        judge: ({ answers }) => answers["200"] === CLIENTS_AT_ONCE ? null : `answers: ${JSON.stringify(answers)}`,
      });
      problems.push(...found);
    }
    return { told: `${rounds} x ${CLIENTS_AT_ONCE} clients, ${FEW_DESCRIPTORS} descriptors`, problems };
  };
  return await besiege({ name, server, question: QUESTION, load, mostBytes: MOST_BYTES, effort });
}

export const BREAKAGES: readonly Breakage[] = [
  { name: "stopped for seconds", play: playStop },
  { name: "killed with scripts", play: playKill },
  { name: "few descriptors", play: playFewDescriptors },
];
