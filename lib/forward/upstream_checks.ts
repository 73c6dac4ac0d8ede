/**
 * Asks the upstreams of a group again and again whether they are well, where the operator wants that. Separate from forwarder.ts,
 * whose requests are those of clients. I/O, timer.
 */
import { latin1Bytes } from "../http/grammar.ts";
import type { ConnectionInfo } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { authorityOf } from "./http_request.ts";
import { HttpResponseReader } from "./http_response_reader.ts";
import type { KnownGroup, KnownUpstream } from "./known_upstream.ts";
import { proxyPreface } from "./proxy_preface.ts";
import { UpstreamConnection } from "./upstream_connection.ts";
import type { ConnectOptions } from "./upstream_socket.ts";

export interface CheckOptions extends Pick<ConnectOptions, "connect" | "shutDown"> {
  readonly limits: Limits;
  readonly clock: { readonly nowMs: number };
}

/** Nobody: the server itself asks. */
const NOBODY: ConnectionInfo = {
  ...{ id: 0, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
};

export class UpstreamChecks {
  readonly #group: KnownGroup;
  readonly #options: CheckOptions;
  readonly #timer: number;
  readonly #open = new Set<UpstreamConnection>();
  readonly #underWay = new Set<KnownUpstream>();
  #isClosed = false;

  private constructor(group: KnownGroup, options: CheckOptions) {
    this.#group = group;
    this.#options = options;
    this.#timer = setInterval(() => this.#checkAll(), options.limits.forwardCheckMs);
  }

  /** Null where the group is not to be asked. Whoever opens it closes it. */
  static open(group: KnownGroup, options: CheckOptions): UpstreamChecks | null {
    if (group.group.checkTarget === null) return null;
    const checks = new UpstreamChecks(group, options);
    checks.#checkAll();
    return checks;
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const connection of this.#open) connection.close();
  }

  #checkAll(): void {
    for (const known of this.#group.members) if (!this.#underWay.has(known)) this.#check(known);
  }

  async #check(known: KnownUpstream): Promise<void> {
    this.#underWay.add(known);
    let problem: string | null;
    try {
      problem = await this.#ask(known);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#underWay.delete(known);
    if (!this.#isClosed) known.check(problem, this.#options.clock.nowMs);
  }

  /** What is wrong with it, or null. */
  async #ask({ upstream }: KnownUpstream): Promise<string | null> {
    const { limits, clock, connect, shutDown } = this.#options;
    const connectMs = Math.min(limits.forwardConnectMs, limits.forwardCheckMs);
    const connection = await UpstreamConnection.open(upstream, { connectMs, connect, shutDown }, clock.nowMs);
    this.#open.add(connection);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      connection.close();
    }, limits.forwardCheckMs);
    try {
      const { checkTarget: target, tellsProxy } = this.#group.group;
      const head = latin1Bytes(
        `GET ${target} HTTP/1.1\r\nHost: ${authorityOf(upstream)}\r\nUser-Agent: lisod\r\nConnection: close\r\n\r\n`,
      );
      await connection.write(tellsProxy ? Uint8Array.from([...proxyPreface(NOBODY), ...head]) : head);
      const status = await readStatus(connection, limits);
      if (isLate) return `did not answer "${target}" within ${limits.forwardCheckMs} ms`;
      if (status === null) return `closed the connection before it answered "${target}"`;
      return status < 400 ? null : `answered "${target}" with ${status}`;
    } finally {
      clearTimeout(timer);
      this.#open.delete(connection);
      connection.close();
    }
  }
}

async function readStatus(connection: UpstreamConnection, limits: Limits): Promise<number | null> {
  const reader = new HttpResponseReader("GET", limits);
  for (let bytes; (bytes = await connection.read()) !== null;) {
    reader.push(bytes);
    const part = reader.next();
    if (part?.kind === "head") return part.document.status;
  }
  return null;
}
