/**
 * What a thread that serves hands requests to, where it has to: the programs that it starts, and the upstreams that others have
 * started. Made of the configuration, once; null where it names none. Separate from thread_server.ts, which puts all parts of a
 * thread together. I/O.
 */
import { ChildGuard } from "../child/child_guard.ts";
import { commandPrefix, type ScriptUser } from "../child/command_prefix.ts";
import type { ScriptTimes } from "../cgi/runner_view.ts";
import { ScriptRunner } from "../cgi/script_runner.ts";
import type { Clock } from "../clock.ts";
import { type Config, upstreamGroups, usesCgi } from "../config/config.ts";
import { Forwarder } from "../forward/forwarder.ts";
import type { UpstreamView } from "../forward/known_upstream.ts";
import type { OutputRoom } from "../gateway/output_ahead.ts";
import type { Log } from "../log/log.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import { SocketShutdown } from "../net/socket_shutdown.ts";
import { findIdentity } from "../process/privileges.ts";
import type { UpstreamStatus } from "../status/thread_status.ts";
import type { Libc } from "../system/libc.ts";
import type { WarmStarter } from "../warm/warm_starter.ts";
import type { Way } from "./way.ts";

/** What both are made with. */
export interface GatewayParts {
  readonly log: Log;
  readonly libc: Libc;
  readonly way: Way;
  readonly clock: Clock;
  readonly budget: MemoryBudget;
  readonly room: OutputRoom;
}

/** What runs programs, and what ends them when this process can no more. */
export interface Programs {
  readonly runner: ScriptRunner;
  /** Null where none is kept warm. */
  readonly warm: WarmStarter | null;
  readonly guard: ChildGuard;
}

/** Null where the operator has named no program and no interpreter. */
export function createPrograms(
  config: Config,
  { log, way, clock, budget, room }: GatewayParts,
  times: ScriptTimes,
): Programs | null {
  if (!usesCgi(config)) return null;
  const { cgi, limits } = config;
  const user = cgi.user === null ? null : findIdentity(cgi.user);
  const { starter } = way;
  const guard = new ChildGuard({ starter, killMs: limits.scriptKillMs, log });
  const spoolFolder = cgi.spoolFolder.value;
  const warm = isAnyWarm(config) ? openWarm(config, { way, user, log, guard }) : null;
  const shared = { limits, log, clock, budget, room, starter, guard };
  const runner = new ScriptRunner({ ...cgi, ...shared, user, spoolFolder, warm, times });
  return { guard, warm, runner };
}

/** Null where no upstream is named. */
export function createForwarder(
  config: Config,
  { log, libc, way, clock, budget, room }: GatewayParts,
): Forwarder | null {
  if (upstreamGroups(config).length === 0) return null;
  const { limits, cgi: { spoolFolder: { value: spoolFolder } } } = config;
  const sockets = new SocketShutdown(libc);
  const shutDown = ({ remoteAddr, localAddr }: Deno.TcpConn) => {
    sockets.shutdownSocket({
      ...{ remoteAddress: remoteAddr.hostname, remotePort: remoteAddr.port },
      ...{ localAddress: localAddr.hostname, localPort: localAddr.port },
    });
  };
  const connect = way.openConnect();
  return new Forwarder({ limits, spoolFolder, log, clock, budget, room, connect, shutDown });
}

/** As the status page has it. */
export function upstreamStatus(
  { text, state, openCount, usedCount, requestCount, failureCount }: UpstreamView,
): UpstreamStatus {
  return { text, state, open: openCount, inUse: usedCount, requests: requestCount, failures: failureCount };
}

function isAnyWarm({ sites }: Config): boolean {
  return sites.some(({ places }) => places.some(({ programs }) => programs.told.isWarm));
}

/** Null, with a word, where this way to the system cannot. */
function openWarm(
  { cgi: { resources }, limits }: Config,
  { way, user, log, guard }: {
    readonly way: Way;
    readonly user: ScriptUser | null;
    readonly log: Log;
    readonly guard: ChildGuard;
  },
): WarmStarter | null {
  const { cpuSeconds } = resources;
  // A zygote works for many scripts: the bound is that of each of these, which sets it for itself.
  const prefix = commandPrefix({ user, resources: { ...resources, cpuSeconds: null } });
  const { maxScriptErrorBytes: maxErrorBytes } = limits;
  const warm = way.openWarm({ limits, log, guard, prefix, cpuSeconds, maxErrorBytes });
  if (warm === null) log.warn("warm", "--cgi-warm on needs calls of the C library: programs run plainly");
  return warm;
}
