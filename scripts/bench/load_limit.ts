/** Tells where a load was the limit: pure. It has one core, and one that has no time left asks no more than it can. */
import type { RowResult, ServerResult } from "./measure_row.ts";

const FULLY_BUSY = 0.9;

/** True where the load of a server had no time left, at the median of the runs. */
export function isLoadLimit({ loadBusy }: Pick<ServerResult, "loadBusy">): boolean {
  return loadBusy !== null && loadBusy.median >= FULLY_BUSY;
}

/** True where that holds for any server of the row: its ratios are nearer to 1 than the servers are. */
export function hasLoadLimit({ servers }: Pick<RowResult, "servers">): boolean {
  return servers.some(isLoadLimit);
}
