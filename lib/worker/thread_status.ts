/**
 * What a thread tells of itself to whoever looks at the status page: gathered from all parts when somebody asks, but for the
 * rates, for which totals are noted once a second. Separate from thread_server.ts, which has the parts. I/O: a timer, /proc.
 */
import type { WarmView } from "../warm/warm_script.ts";
import type { RunnerView, ScriptTimes } from "../cgi/runner_view.ts";
import { VERSION } from "../version.ts";
import type { Log } from "../log/log.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { readDescriptorLimit } from "../process/descriptors.ts";
import { countConnections, type CountedConnection } from "../status/count_connections.ts";
import type { Counters } from "../status/counters.ts";
import { Histogram } from "../status/histogram.ts";
import type { LimitTally } from "../status/limit_tally.ts";
import { RateHistory } from "../status/rate_history.ts";
import type {
  CertificateStatus,
  ProcessStatus,
  ScriptsStatus,
  ThreadStatus,
  UpstreamStatus,
} from "../status/thread_status.ts";
import { type Libc, NO_LIBC } from "../system/libc.ts";
import { countDescriptors, readCpuSeconds } from "../system/process_stat.ts";

const NOTE_MS = 1000;

/** Where it is asked. */
export interface StatusSources {
  readonly name: string;
  readonly counters: Counters;
  readonly limits: LimitTally;
  readonly connections: () => Iterable<CountedConnection>;
  /** Null where no program is named. */
  readonly scripts: { readonly view: () => RunnerView; readonly most: number } | null;
  readonly warm: () => readonly WarmView[];
  readonly upstreams: () => readonly UpstreamStatus[];
  readonly certificates: () => readonly CertificateStatus[];
  readonly budget: Pick<MemoryBudget, "heldBytes">;
  readonly log: Pick<Log, "lostLineCount">;
  readonly libc: Libc;
}

/** For RunnerOptions. */
export class ScriptHistograms implements ScriptTimes {
  readonly starts = new Histogram();
  readonly runs = new Histogram();
}

export class ThreadStatusReader {
  readonly #sources: StatusSources;
  readonly #times: ScriptHistograms;
  readonly #requests = new RateHistory();
  readonly #bytes = new RateHistory();
  #timer: number | undefined = undefined;

  private constructor(sources: StatusSources, times: ScriptHistograms) {
    this.#sources = sources;
    this.#times = times;
  }

  /** Notes totals from now on; whoever opens it closes it. */
  static open(sources: StatusSources, times: ScriptHistograms): ThreadStatusReader {
    const reader = new ThreadStatusReader(sources, times);
    reader.#note();
    reader.#timer = setInterval(() => reader.#note(), NOTE_MS);
    return reader;
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  #note(): void {
    const nowMs = performance.now();
    const { requestCount, sentBytes } = this.#sources.counters;
    this.#requests.note(nowMs, requestCount);
    this.#bytes.note(nowMs, sentBytes);
  }

  read(): ThreadStatus {
    const { name, counters, limits, connections, warm, upstreams, certificates, budget, log } = this.#sources;
    return {
      name,
      places: counters.places,
      otherPlaces: counters.otherPlaceCount,
      sentBytes: counters.sentBytes,
      underWay: counters.underWayCount,
      requestRates: this.#requests.rates,
      byteRates: this.#bytes.rates,
      connections: countConnections(connections()),
      accepted: counters.acceptedCount,
      handshakes: counters.handshakes.times,
      failedHandshakes: counters.failedHandshakeCount,
      scripts: this.#readScripts(),
      warm: warm(),
      upstreams: upstreams(),
      certificates: certificates(),
      limits: limits.reached,
      waitingBytes: budget.heldBytes,
      heapBytes: Deno.memoryUsage().heapUsed,
      lostLines: log.lostLineCount,
    };
  }

  #readScripts(): ScriptsStatus | null {
    const { scripts, libc } = this.#sources;
    if (scripts === null) return null;
    const { runs, waitingCount, comingCount } = scripts.view();
    const nowMs = performance.now();
    return {
      running: [...runs].map(({ file, pid, client, startMs }) => ({
        ...{ file, pid, client },
        ageSeconds: (nowMs - startMs) / 1000,
        cpuSeconds: readCpuSeconds(libc, pid),
      })),
      waiting: waitingCount,
      coming: comingCount,
      most: scripts.most,
      starts: this.#times.starts.times,
      runs: this.#times.runs.times,
    };
  }
}

/** `startMs`: since 1970. */
export function readProcess(
  libc: Libc,
  { startMs, workers }: Pick<ProcessStatus, "startMs" | "workers">,
): ProcessStatus {
  const most = libc === NO_LIBC ? Infinity : readDescriptorLimit(libc);
  return {
    version: VERSION,
    runtime: `Deno ${Deno.version.deno}`,
    pid: Deno.pid,
    startMs,
    nowMs: Date.now(),
    residentBytes: Deno.memoryUsage().rss,
    cpuSeconds: readCpuSeconds(libc, "self"),
    openDescriptors: countDescriptors(libc),
    mostDescriptors: Number.isFinite(most) ? most : null,
    workers,
  };
}
