/** Runs h2load (nghttp2-client) pinned to the core of the load and reads what it counted. What it counts as failed fails the run. */
import type { Server } from "./fleet.ts";
import { LOAD_CORE } from "./wrk.ts";

export interface H2loadOrder {
  readonly url: string;
  readonly connections: number;
  /** At once on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** Content of each answer, as a check; null: not known. */
  readonly contentBytes: number | null;
  /** Speak HTTP/1.1 in place of HTTP/2. */
  readonly isPlain: boolean;
}

export interface H2loadReport {
  /** Answers. */
  readonly requests: number;
  readonly seconds: number;
  /** Bytes of their contents. */
  readonly contentBytes: number;
}

/** Longest wait beyond the time of the load. */
const EXTRA_MS = 15_000;

/** Where the server speaks HTTP/2 of what it answered at `url` with HTTP/1.1: for some that is another port. */
export function http2Url(
  { peer, place }: { readonly peer: Pick<Server["peer"], "hasClearHttp2Port">; readonly place: Http2Place },
  url: string,
): string {
  if (!peer.hasClearHttp2Port || place.switches.has("tls")) return url;
  return url.replace(`:${place.httpPort}/`, `:${place.clearHttp2Port}/`);
}

type Http2Place = Pick<Server["place"], "switches" | "httpPort" | "clearHttp2Port">;

/** Runs h2load to its end. Throws Error when it fails, or an answer was wrong. */
export async function runH2load(order: H2loadOrder): Promise<H2loadReport> {
  const { url, connections, streams, seconds, isPlain } = order;
  const plain = isPlain ? ["--h1"] : [];
  const words = ["h2load", "-t1", `-c${connections}`, `-m${streams}`, `-D${seconds}`, ...plain, url];
  const signal = AbortSignal.timeout(seconds * 1000 + EXTRA_MS);
  const args = ["-c", LOAD_CORE, ...words];
  const output = await new Deno.Command("taskset", { args, stdout: "piped", stderr: "piped", signal }).output();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(`h2load failed: ${text}${new TextDecoder().decode(output.stderr)}`.trim());
  const report = readH2loadReport(text, isPlain);
  checkH2load(report, order);
  return report;
}

/** Reads what h2load printed. Throws Error where there are no sums, or anything but answers of 2xx over the wanted HTTP. */
export function readH2loadReport(text: string, isPlain = false): H2loadReport {
  const time = /^finished in ([\d.]+)(us|ms|s),/m.exec(text);
  const sums = /^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(text);
  const statuses = /^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(text);
  const data = /\((\d+)\) data$/m.exec(text);
  if (time === null || sums === null || statuses === null || data === null) {
    throw new Error(`h2load printed no sums: ${text.slice(-300)}`);
  }
  const wrong = [...sums.slice(2), ...statuses.slice(1)].map(Number).reduce((sum, count) => sum + count, 0);
  if (wrong > 0) throw new Error(`h2load counted errors: ${sums[0]}; ${statuses[0]}`);
  const protocol = /^Application protocol: (.*)$/m.exec(text)?.[1] ?? "h2c";
  if (isPlain ? protocol !== "http/1.1" : !protocol.startsWith("h2")) throw new Error(`h2load has spoken ${protocol}`);
  const perSecond = { us: 1e6, ms: 1000, s: 1 }[time[2]] ?? NaN;
  return { requests: Number(sums[1]), seconds: Number(time[1]) / perSecond, contentBytes: Number(data[1]) };
}

/** Throws Error unless the content that came is that of the answers; of some that were under way at the end a part may be there. */
export function checkH2load(
  { requests, contentBytes }: Pick<H2loadReport, "requests" | "contentBytes">,
  { connections, streams, contentBytes: each }: Pick<H2loadOrder, "connections" | "streams" | "contentBytes">,
): void {
  if (requests === 0) throw new Error("h2load got no answer");
  if (each === null) return;
  const most = (requests + connections * streams) * each;
  if (contentBytes < requests * each || contentBytes > most) {
    throw new Error(`h2load received ${contentBytes} bytes for ${requests} answers of ${each}`);
  }
}
