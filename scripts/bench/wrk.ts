/** Runs wrk pinned to the core of the load and reads what it counted. Errors that it counts fail the run. */

/** Where loads run; the servers run on the other core. */
export const LOAD_CORE = "1";
/** Where both run when they share. */
export const ALL_CORES = "0,1";
/** Longest wait for one answer. */
const TIMEOUT_SECONDS = 10;

/** What wrk is told to do. */
export interface WrkOrder {
  readonly url: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly connections: number;
  readonly pipelined: number;
  /** Pause of a connection before each request; 0 sends at once. */
  readonly pauseMs: number;
  readonly seconds: number;
  /** LOAD_CORE unless given. */
  readonly cores?: string;
}

/** What wrk.lua prints, times in microseconds. */
export interface WrkReport {
  readonly durationUs: number;
  readonly requests: number;
  readonly bytes: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly errors: Readonly<Record<"connect" | "read" | "write" | "status" | "timeout", number>>;
}

/** The command for an order. */
export function wrkCommand(order: WrkOrder): readonly string[] {
  return [
    ...["wrk", "-t1", `-c${order.connections}`, `-d${order.seconds}s`, "--timeout", `${TIMEOUT_SECONDS}s`],
    ...order.fields.flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    ...["-s", `${import.meta.dirname}/wrk.lua`, order.url, "--", String(order.pipelined), String(order.pauseMs)],
  ];
}

/**
 * Runs wrk to its end. Throws Error when it fails, does not end in time, or counted any error: a status of 400 or more, a
 * socket error or a timeout.
 */
export async function runWrk(order: WrkOrder): Promise<WrkReport> {
  const signal = AbortSignal.timeout((order.seconds + TIMEOUT_SECONDS + 5) * 1000);
  const args = ["-c", order.cores ?? LOAD_CORE, ...wrkCommand(order)];
  const output = await new Deno.Command("taskset", { args, stdout: "piped", stderr: "piped", signal }).output();
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(`wrk failed: ${text}${new TextDecoder().decode(output.stderr)}`.trim());
  return readReport(text);
}

/** Finds the line of wrk.lua in what wrk printed; throws Error as runWrk() says. */
export function readReport(text: string): WrkReport {
  const line = /^REPORT (.*)$/m.exec(text);
  if (line === null) throw new Error(`wrk printed no report: ${text}`);
  const report: WrkReport = JSON.parse(line[1]);
  const errors = Object.entries(report.errors).filter(([_kind, count]) => count > 0);
  if (errors.length > 0) {
    throw new Error(`wrk counted errors: ${errors.map(([kind, count]) => `${kind} ${count}`).join(", ")}`);
  }
  return report;
}

/** What checkBytes() expects. */
export interface ExpectedBytes {
  readonly wireBytes: number;
  /** Most answers of which a part may have come at the end. */
  readonly underWay: number;
  /** How much an answer may differ, as a share: fields vary, and Apache frames a script's output in two ways. */
  readonly tolerance: number;
}

/**
 * Throws Error unless the bytes that wrk received are those of its answers at `wireBytes` each: that is how an answer
 * that changes under load (a 200 in place of a 304, an error page) is found, since wrk itself only looks at statuses of
 * 400 and more. A part of an answer may be under way on each connection at the end.
 */
export function checkBytes(report: WrkReport, { wireBytes, underWay, tolerance }: ExpectedBytes): void {
  const least = report.requests * wireBytes * (1 - tolerance);
  const most = (report.requests + underWay) * wireBytes * (1 + tolerance);
  if (report.bytes < least || report.bytes > most) {
    const each = (report.bytes / report.requests).toFixed(1);
    throw new Error(`wrk received ${each} bytes for each answer where ${wireBytes} were expected`);
  }
}
