/**
 * Misuses of HTTP/2, each again and again by a process of its own, beside a fair client: one server bears all of them, one after
 * the other, over TLS; in a full siege also in cleartext.
 */
import { join as joinPath } from "@std/path";
import { ATTACKS, FILES, PROGRAMS } from "../http2_attacks.ts";
import { join, PREFACE, settings } from "../http2_frames.ts";
import { httpsArguments, makeCertificates } from "../https.ts";
import { SMALL } from "./crowds.ts";
import { askInCalm, besiege, type Effort, MIB, pause, type Result } from "./scenario.ts";
import { BesiegedLisod, Site } from "./site.ts";

interface Misuse {
  readonly name: string;
  /** What a connection sends, as far as it takes. */
  readonly bytes: () => Uint8Array;
  readonly isReading: boolean;
  /** The server does not end it: it stays. */
  readonly isHeld: boolean;
  /** Connections at once. */
  readonly count: number;
}

/** Of what never ends: the server has ended the connection by then. */
const MOST_BYTES = 262_144;
const CONNECTIONS = 4;
/** Below the limit of connections that one address may have (--max-per-address), a fair client among them. */
const HALF_PREFACES = 200;
/** How much the server may take beside what it had. */
const MOST_GROWTH_BYTES = 32 * MIB;
/** In a full siege, and at least. */
const MISUSE_MS = 10_000;
const LEAST_MS = 300;

export const MISUSES: readonly Misuse[] = [
  ...ATTACKS().map(({ name, frames, isReading = true, code }) => ({
    ...{ name, isReading, isHeld: code === null },
    bytes: () => firstBytes(frames),
    count: code === null ? 1 : CONNECTIONS,
  })),
  {
    name: "half prefaces",
    bytes: () => PREFACE.subarray(0, PREFACE.length / 2),
    ...{ isReading: true, isHeld: true, count: HALF_PREFACES },
  },
];

function firstBytes(frames: Iterable<Uint8Array>): Uint8Array {
  const parts = [PREFACE, settings()];
  let bytes = 0;
  for (const part of frames) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= MOST_BYTES) break;
  }
  return join(...parts);
}

/** Plays those with `part` in their names, and tells what each came to. */
export async function playMisuses(
  effort: Effort,
  { part, tell }: { readonly part: string; readonly tell: (result: Result) => void },
): Promise<void> {
  const ways = effort.share === 1 ? ["TLS", "plain"] as const : ["TLS"] as const;
  const plays = ways.flatMap((way) => MISUSES.map((misuse) => ({ name: `${way}: ${misuse.name}`, way, misuse })))
    .filter(({ name }) => name.includes(part));
  if (plays.length === 0) return;
  await using site = await Site.make(FILES, PROGRAMS);
  const certificates = await makeCertificates(joinPath(site.folder, "certificates"));
  await using server = await BesiegedLisod.start(site, { args: httpsArguments(certificates) });
  const orders = {
    TLS: { port: server.server.port("https"), authorities: certificates.root },
    plain: { port: server.port, authorities: null },
  };
  const question = { path: "/small", want: SMALL };
  const calm = await askInCalm({ ...question, port: server.port }, effort);
  for (const { name, way, misuse } of plays) {
    const file = joinPath(site.folder, "misuse");
    await Deno.writeFile(file, misuse.bytes());
    const options = { misuse, order: { ...orders[way], file } };
    const load = () => misuseFor(Math.max(LEAST_MS, effort.share * MISUSE_MS), options);
    tell(await besiege({ name, server, question, load, mostGrowthBytes: MOST_GROWTH_BYTES, effort, calm }));
  }
}

/** Resolves when that time is over, and all connections are closed. */
export async function misuseFor(
  ms: number,
  { misuse: { count, isReading, isHeld }, order }: {
    readonly misuse: Misuse;
    readonly order: { readonly port: number; readonly authorities: string | null; readonly file: string };
  },
): Promise<{ readonly told: string; readonly problems: readonly string[] }> {
  const process = new Deno.Command("python3", {
    args: [joinPath(import.meta.dirname ?? ".", "misuser.py")],
    ...{ stdin: "piped", stdout: "piped", stderr: "inherit" } as const,
  }).spawn();
  try {
    const stdin = process.stdin.getWriter();
    await stdin.write(
      new TextEncoder().encode(`${JSON.stringify({ ...order, count, reads: isReading, holds: isHeld })}\n`),
    );
    const stdout = process.stdout.getReader();
    const { done } = await stdout.read();
    await pause(ms);
    await stdout.cancel();
    await stdin.close();
    return { told: `${count} connections at once`, problems: done ? ["the misuse did not begin"] : [] };
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
}
