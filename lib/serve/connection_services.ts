/** What all connections of a server share, whatever is spoken on them. Apart from each of them, for the server lends it. */
import type { TrustedProxies } from "../access/forwarded.ts";
import type { ConnectionOptions } from "../http/connection.ts";
import type { ConnectionInfo } from "../http/message.ts";
import type { ResponseHeads } from "../http2/response_heads.ts";
import type { OutputPool } from "../http/output_buffer.ts";
import type { MemoryBudget } from "../memory_budget.ts";
import type { Counters } from "../status/counters.ts";
import type { Log } from "../log/log.ts";
import type { Clock } from "../clock.ts";
import type { ServeServices } from "./serve_exchange.ts";

/** The limits are those of `ConnectionOptions`. */
export interface ConnectionServices extends ConnectionOptions, ServeServices {
  readonly log: ServeServices["log"] & Pick<Log, "info" | "warn">;
  /** Who is believed when it says for whom it speaks. */
  readonly proxies: TrustedProxies;
  /** Of HTTP/2; null: it is not spoken. */
  readonly responseHeads: ResponseHeads | null;
  readonly outputPool: OutputPool;
  /** What connections hold is counted there; the server makes room. */
  readonly budget: MemoryBudget;
  readonly clock: Pick<Clock, "nowMs" | "unixMs" | "update">;
  readonly counters:
    & ServeServices["counters"]
    & Pick<Counters, "handshakes" | "failedHandshakeCount" | "acceptedCount" | "restedCount">;
  /** Limits of all connections together that were reached. */
  readonly reached: (limit: "connections" | "address" | "memory") => void;
  /** Really ends sockets on which a write or a handshake hangs, which `close()` does not. */
  readonly shutdownSockets: (connections: readonly ConnectionInfo[]) => void;
}
