/**
 * Makes TLS connections as fast as four runs of `openssl s_time` can, each of which opens one after the other, sends one
 * request and reads the answer. wrk cannot: it gives its sessions back when it connects again.
 */
import { LOAD_CORE } from "./wrk.ts";

export interface HandshakeOrder {
  readonly port: number;
  readonly path: string;
  /** Whether each connection resumes the session of the one before. */
  readonly isResumed: boolean;
  readonly seconds: number;
  /** Bytes of an answer, as a check: s_time itself does not look at it. */
  readonly wireBytes: number;
}

/** What one s_time counted. */
export interface HandshakeReport {
  readonly connections: number;
  readonly resumed: number;
  /** Bytes read on each connection. */
  readonly bytesEach: number;
}

const LINES = 4;

/** How many connections were made. Throws Error when one failed or they were not of the kind that was asked for. */
export async function runHandshakes(order: HandshakeOrder): Promise<number> {
  const reports = await Promise.all(Array.from({ length: LINES }, () => runLine(order)));
  return reports.reduce((sum, { connections }) => sum + connections, 0);
}

async function runLine({ port, path, isResumed, seconds, wireBytes }: HandshakeOrder): Promise<HandshakeReport> {
  const kind = isResumed ? "-reuse" : "-new";
  const program = ["openssl", "s_time", "-connect", `127.0.0.1:${port}`, kind, "-time", String(seconds), "-www", path];
  const signal = AbortSignal.timeout((seconds + 15) * 1000);
  const args = ["-c", LOAD_CORE, ...program];
  const output = await new Deno.Command("taskset", { args, stdout: "piped", stderr: "piped", signal }).output();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(`s_time failed: ${new TextDecoder().decode(output.stderr).trim()}`);
  const report = readHandshakeReport(text);
  checkHandshakes(report, { isResumed, wireBytes });
  return report;
}

/**
 * Reads what s_time printed: a letter for each connection ("r" when it resumed a session, "*" or "t" when not) and then
 * the sums. Throws Error when there are none.
 */
export function readHandshakeReport(text: string): HandshakeReport {
  const sums = /^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection$/m.exec(text);
  if (sums === null) throw new Error(`s_time printed no sums: ${text.slice(-200)}`);
  const letters = [...text.matchAll(/^[r*t]+/gm)].map(([line]) => line).join("");
  return { connections: Number(sums[1]), resumed: letters.split("r").length - 1, bytesEach: Number(sums[2]) };
}

/** Throws Error when connections were not of the kind that was asked for, or their answers not of the right length. */
export function checkHandshakes(
  { connections, resumed, bytesEach }: HandshakeReport,
  { isResumed, wireBytes }: Pick<HandshakeOrder, "isResumed" | "wireBytes">,
): void {
  if (connections === 0) throw new Error("s_time made no connection");
  // The first connection of a resuming line cannot resume, and a ticket may be missed now and then.
  if (isResumed ? resumed < connections * 0.98 - 1 : resumed > 0) {
    throw new Error(`${resumed} of ${connections} connections resumed a session`);
  }
  // s_time speaks HTTP/1.0, so the head may differ by some fields from that of the checked answer.
  if (Math.abs(bytesEach - wireBytes) > 100) {
    throw new Error(`s_time read ${bytesEach} bytes a connection where about ${wireBytes} were expected`);
  }
}
