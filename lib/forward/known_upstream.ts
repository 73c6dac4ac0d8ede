/**
 * An upstream as a worker knows it: its idle connections, its requests under way and its health. Separate from forwarder.ts, which
 * asks it, and from the balancing among several. Says in the log when it is put aside and when it is back.
 */
import type { ScriptLog } from "../child/child_log.ts";
import { KnownHeads } from "../gateway/known_heads.ts";
import type { ScriptResponse } from "../gateway/script_head.ts";
import type { WaitClock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { Balancer, type Candidate } from "../balance/balancer.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { HeadMeaning } from "./http_response_reader.ts";
import type { Upstream } from "./upstream.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import type { UpstreamGroup } from "./upstream_group.ts";
import { type HealthChange, type HealthState, UpstreamHealth } from "../balance/upstream_health.ts";

/** A request that has waited so long on a connection of its own may stand in a queue, and not be worked on. */
const QUEUED_MS = 5;
/** So long after one did nobody is made to wait again. */
const WARY_MS = 1000;

/** What is to be seen of an upstream from outside. */
export interface UpstreamView {
  /** As it was written. */
  readonly text: string;
  readonly isBackup: boolean;
  readonly state: HealthState;
  /** Connections that are open, and those of them on which a request is under way. */
  readonly openCount: number;
  readonly usedCount: number;
  /** In all, since the start. */
  readonly requestCount: number;
  readonly failureCount: number;
}

export interface KnownOptions {
  readonly limits: Limits;
  readonly log: Pick<ScriptLog, "debug" | "info" | "warn">;
}

export class KnownUpstream implements Candidate {
  readonly upstream: Upstream;
  readonly isBackup: boolean;
  /** Whether there is no other one in its group. */
  readonly isAlone: boolean;
  readonly pool: ConnectionPool<UpstreamConnection>;
  /** Heads that it has answered with. */
  readonly httpHeads = new KnownHeads<HeadMeaning>();
  readonly programHeads = new KnownHeads<ScriptResponse>();
  /** Whether its connections have more than one request. */
  readonly isKept: boolean;
  /** Connections on which a request is. */
  underWayCount = 0;
  /** Requests for whose head is waited on connections that were opened for them: the first has waited longest. */
  readonly #waiting = new Set<{ readonly sinceMs: number }>();
  /** When one of them had last waited for too long. */
  #heldUpMs = -Infinity;
  #queueTimer: number | null = null;
  #requestCount = 0;
  #failureCount = 0;
  readonly #health: UpstreamHealth;
  readonly #options: KnownOptions;

  /** One of that group. */
  constructor(group: UpstreamGroup, at: number, options: KnownOptions) {
    const { upstream, isBackup } = group.members[at];
    const { limits } = options;
    this.upstream = upstream;
    this.isBackup = isBackup;
    this.isAlone = group.members.length === 1;
    this.#options = options;
    const own = upstream.protocol === "http"
      ? {
        maxIdleCount: limits.maxForwardHttpIdleCount,
        keepMs: limits.forwardHttpIdleMs,
        keptFrom: "last_use" as const,
      }
      : { maxIdleCount: limits.maxForwardIdleCount, keepMs: limits.forwardKeepMs, keptFrom: "opening" as const };
    this.isKept = own.maxIdleCount > 0 && !group.tellsProxy;
    this.pool = new ConnectionPool(own);
    const isChecked = group.checkTarget !== null;
    this.#health = new UpstreamHealth({
      maxFailCount: limits.maxForwardFailCount,
      failMs: limits.forwardFailMs,
      isChecked,
      isNeverAside: this.isAlone && !isChecked,
    });
  }

  get text(): string {
    return this.upstream.text;
  }

  get view(): UpstreamView {
    return {
      ...{ text: this.text, isBackup: this.isBackup, state: this.#health.state },
      ...{ openCount: this.pool.idleCount + this.underWayCount, usedCount: this.underWayCount },
      ...{ requestCount: this.#requestCount, failureCount: this.#failureCount },
    };
  }

  isOpen(nowMs: number): boolean {
    return this.#health.isOpen(nowMs);
  }

  /** Such a request begins to wait: what is to be given to `endWait`. */
  beginWait(clock: WaitClock): { readonly sinceMs: number } {
    const wait = { sinceMs: clock.nowMs };
    this.#waiting.add(wait);
    this.#watchQueue(clock);
    return wait;
  }

  endWait(wait: { readonly sinceMs: number } | null): void {
    if (wait !== null) this.#waiting.delete(wait);
  }

  /** Keeps a connection on which nothing is under way for the next request, or closes it. */
  keep(connection: UpstreamConnection, clock: WaitClock): void {
    if (!this.#mayKeep(clock.nowMs)) return connection.close();
    this.pool.put(connection, clock.nowMs);
    this.#watchQueue(clock);
  }

  /**
   * A process of php-fpm waits on each connection that is kept, and so may a request that has found none free. Most pages are quicker
   * than a new connection, and whoever asks for one next has it at once.
   */
  #mayKeep(nowMs: number): boolean {
    if (this.#isShared) return true;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return true;
    if (nowMs - oldest.sinceMs > QUEUED_MS) this.#heldUpMs = nowMs;
    return nowMs - this.#heldUpMs > WARY_MS;
  }

  /** Whether it serves any number of connections at once. */
  get #isShared(): boolean {
    return this.upstream.protocol === "http";
  }

  /** Those kept are closed once a request has waited too long. */
  #watchQueue(clock: WaitClock): void {
    if (this.#isShared || this.#queueTimer !== null || this.#waiting.size === 0 || this.pool.idleCount === 0) return;
    this.#queueTimer = setTimeout(() => {
      this.#queueTimer = null;
      clock.update();
      if (!this.#mayKeep(clock.nowMs)) this.pool.closeIdle();
      this.#watchQueue(clock);
    }, QUEUED_MS + 1);
  }

  close(): void {
    if (this.#queueTimer !== null) clearTimeout(this.#queueTimer);
    this.pool.close();
  }

  /** A request is handed to it. */
  begin(): void {
    this.#requestCount++;
    if (this.#health.begin()) this.#options.log.debug(this.text, "Is tried again with one request");
  }

  /** It has answered. */
  succeed(): void {
    this.#tell(this.#health.succeed(), "");
  }

  /** It has not, for that reason. */
  fail(reason: string, nowMs: number): void {
    this.#failureCount++;
    this.#tell(this.#health.fail(nowMs), reason);
  }

  /** Nobody waited for its answer. */
  leaveOpen(): void {
    this.#health.leaveOpen();
  }

  /** It was asked for its health; `problem`: what is wrong, or null. */
  check(problem: string | null, nowMs: number): void {
    this.#tell(this.#health.check(problem === null, nowMs), problem ?? "");
  }

  #tell(change: HealthChange, reason: string): void {
    const { log, limits: { forwardFailMs } } = this.#options;
    if (change === "back") log.info(this.text, "Is back, and asked as before");
    if (change === "aside") log.warn(this.text, `Is put aside for ${forwardFailMs} ms or more: ${reason}`);
  }
}

/** Those of a group, and who of them is next. */
export class KnownGroup {
  readonly group: UpstreamGroup;
  readonly members: readonly KnownUpstream[];
  readonly balancer: Balancer<KnownUpstream>;

  constructor(group: UpstreamGroup, options: KnownOptions) {
    this.group = group;
    this.members = group.members.map((_, at) => new KnownUpstream(group, at, options));
    this.balancer = new Balancer(this.members, group.balance);
  }

  /** Connections that are idle, and those that become so, are closed; what is under way goes on to its end. */
  close(): void {
    for (const member of this.members) member.close();
  }
}
