/**
 * slowhttptest (Debian) against the compiled binary, in its four modes with 1,000 connections, while a normal client goes
 * on asking. The test looks at the answers and the descriptors; `deno task slow` also prints how long the normal client
 * waited, for time is nothing that a test could judge on any machine.
 */
import { countDescriptors, steadyDescriptors } from "./descriptors.ts";
import { curl, startServer, type TestServer } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

/** Slow clients, and how many more of them there are each second. */
export interface Attack {
  readonly count: number;
  readonly rate: number;
}

const MANY: Attack = { count: 1000, rate: 500 };
/** More than one address may have; the first second is enough for that. */
export const FROM_ONE_ADDRESS: Attack = { count: 300, rate: 300 };

/** What the client does slowly, and the arguments that say so. */
const MODES = {
  heads: { path: "/", args: ["-H", "-i", "1", "-x", "24"] },
  content: { path: "/post", args: ["-B", "-i", "1", "-s", "8192", "-x", "10", "-t", "POST"] },
  ranges: { path: "/big", args: ["-R", "-a", "5", "-b", "3000"] },
  reading: { path: "/big", args: ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"] },
} as const;

export type SlowMode = keyof typeof MODES;
export const SLOW_MODES = Object.keys(MODES) as SlowMode[];

/** What a server has seen of an attack. */
export interface SlowResult {
  /** Answers that the normal client got, by status. */
  readonly statuses: ReadonlySet<number>;
  /** Open descriptors before, and after all limits have passed. */
  readonly descriptors: { readonly before: number; readonly most: number; readonly after: number };
  /** How long 99 % of the normal client's requests took at most, under the attack. */
  readonly p99Ms: number;
}

/** A server whose limits pass within seconds. The course's rules take content for a file. */
export function startAttackedServer(): Promise<TestServer> {
  const limits = [["head", "4s"], ["body-idle", "3s"], ["write-idle", "3s"], ["keep-alive", "3s"], ["linger", "1s"]];
  const args = ["--rules", "course", ...limits.flatMap(([name, time]) => [`--${name}-ms`, time])];
  return startServer({
    args,
    files: { "index.html": "<!doctype html>\n", "post": "", "big": new Uint8Array(1 << 20) },
  });
}

/** A server with the limits that hold where none is given; a program takes content. */
export async function startPlainServer(): Promise<TestServer> {
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(script, "#!/bin/sh\ncat >/dev/null\nprintf 'Content-Type: text/plain\\n\\nread'\n");
  await Deno.chmod(script, 0o755);
  const files = { "index.html": "<!doctype html>\n", "big": new Uint8Array(1 << 20) };
  return await startServer({ args: ["--cgi", script, "--cgi-prefix", "/post"], files });
}

/** Attacks the server, and waits until all that the attack has opened is closed. */
export async function attackSlowly(server: TestServer, mode: SlowMode, load = MANY): Promise<SlowResult> {
  // What is asked for a second time stays in memory, for which the server opens one file for good.
  for (let count = 0; count < 2; count++) await curl("--output", "/dev/null", `${server.url}/big`);
  const before = await steadyDescriptors(server.pid);
  let most = 0;
  const look = setInterval(() => most = Math.max(most, countDescriptors(server.pid)), 100);
  const attack = startAttack(server, mode, load);
  const { times, statuses } = await askFor(server, ATTACK_MS);
  await attack.status;
  clearInterval(look);
  await until(() => countDescriptors(server.pid) <= before);
  return { statuses, descriptors: { before, most, after: countDescriptors(server.pid) }, p99Ms: percentile(times, 99) };
}

const ATTACK_MS = 6000;

function startAttack(server: TestServer, mode: SlowMode, { count, rate } = MANY): Deno.ChildProcess {
  const { path, args } = MODES[mode];
  const seconds = `${ATTACK_MS / 1000}`;
  return new Deno.Command("slowhttptest", {
    args: ["-c", `${count}`, "-r", `${rate}`, "-l", seconds, "-p", "3", "-u", server.url + path, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Asks again and again, a connection each, and tells how long each answer took. */
async function askFor(
  server: TestServer,
  ms: number,
): Promise<{ readonly times: readonly number[]; readonly statuses: ReadonlySet<number> }> {
  const [times, statuses] = [[] as number[], new Set<number>()];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const start = performance.now();
    using client = await RawClient.connect(server.port());
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const { responses } = await client.receive({ count: 1 });
    times.push(performance.now() - start);
    statuses.add(responses[0].status);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { times, statuses };
}

function percentile(values: readonly number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * percent / 100)];
}

/** Resolves when it is so, or after ten seconds. */
async function until(isThere: () => boolean): Promise<void> {
  for (let round = 0; round < 250 && !isThere(); round++) await new Promise((resolve) => setTimeout(resolve, 40));
}

/**
 * The same attack twice: on another server of the machine, which shows what a busy machine costs, and on the one that the
 * normal client asks.
 */
async function main(): Promise<void> {
  console.log("slow with   p99 elsewhere attacked   attacked   ratio   descriptors before, most, after");
  for (const mode of SLOW_MODES) {
    await using server = await startAttackedServer();
    await using other = await startAttackedServer();
    const attack = startAttack(other, mode);
    const elsewhereMs = percentile((await askFor(server, ATTACK_MS)).times, 99);
    await attack.status;
    const { p99Ms, descriptors: { before, most, after } } = await attackSlowly(server, mode);
    const [elsewhere, here] = [elsewhereMs, p99Ms].map((ms) => `${ms.toFixed(1)} ms`);
    const ratio = (p99Ms / elsewhereMs).toFixed(1);
    console.log(
      `${mode.padEnd(12)}${elsewhere.padStart(22)}${here.padStart(11)}${
        ratio.padStart(8)
      }   ${before} ${most} ${after}`,
    );
  }
}

if (import.meta.main) await main();
