/** Connections by what is spoken on them. Separate from the server, which has them, and asks for nothing of this. Pure. */
import type { ConnectionCount, Protocol } from "./thread_status.ts";

/** As much of a connection as is asked for. */
export interface CountedConnection {
  readonly protocol: Protocol;
  readonly info: { readonly secure: boolean };
  readonly isIdle: boolean;
}

/** How many there are of each kind, and how many of these are idle. */
export function countConnections(connections: Iterable<CountedConnection>): readonly ConnectionCount[] {
  const kinds = Map.groupBy(connections, ({ protocol, info: { secure } }) => `${protocol} ${secure}`);
  return [...kinds.values()].map((each) => ({
    ...{ protocol: each[0].protocol, isTls: each[0].info.secure },
    open: each.length,
    idle: each.filter(({ isIdle }) => isIdle).length,
  }));
}
