/** Runs websocket.c as a load, pinned to the core of the load, and reads what it counted. What is not as it must be fails the run. */
import { LOAD_CORE } from "./wrk.ts";

export interface WebSocketOrder {
  /** Compiled. */
  readonly program: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface WebSocketReport {
  /** That came back. */
  readonly messages: number;
  readonly durationUs: number;
}

/** Longest wait beyond the time of the load: all connections are opened before it. */
const EXTRA_MS = 20_000;

/** Runs it to its end. Throws Error when it fails. */
export async function runWebSockets({ program, port, connections, seconds }: WebSocketOrder): Promise<WebSocketReport> {
  const signal = AbortSignal.timeout(seconds * 1000 + EXTRA_MS);
  const args = ["-c", LOAD_CORE, program, "load", ...[port, connections, seconds].map(String)];
  const output = await new Deno.Command("taskset", { args, stdout: "piped", stderr: "piped", signal }).output();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(`The load failed: ${new TextDecoder().decode(output.stderr)}`.trim());
  return readWebSockets(text);
}

/** Throws Error where nothing has come back. */
export function readWebSockets(text: string): WebSocketReport {
  const found = /^(\d+) (\d+)\n$/.exec(text);
  if (found === null || found[1] === "0") throw new Error(`The load got no message: "${text.trim()}"`);
  return { messages: Number(found[1]), durationUs: Number(found[2]) };
}
