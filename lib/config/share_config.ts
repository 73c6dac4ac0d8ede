/**
 * What one of several workers may have of what the operator gave all of them. They share no memory, so that none waits for
 * another: each keeps its part of every limit that is for the process, and together they keep the whole of it. A client
 * whose connections all come to one worker meets that part of a limit for each address. Pure.
 */
import type { LimitName } from "../limits.ts";
import type { Part } from "../net/listen_address.ts";
import type { Config } from "./config.ts";

/** The limits of the whole process, and those of an address; all others are of a connection, a request or a file. */
const DIVIDED = [
  "maxConnectionCount",
  "maxPerAddress",
  "maxRate",
  "maxGuessCount",
  "maxFileCacheBytes",
  "maxCachedFileCount",
  "maxFileBufferBytes",
  "maxListingBytes",
  "maxWaitingBytes",
  "maxOutputMemoryBytes",
  "maxOutputFileBytes",
  "maxWarmCount",
  "maxForwardHttpIdleCount",
  "maxForwardIdleCount",
] as const satisfies readonly LimitName[];

/** The same for that part alone. */
export function shareConfig(config: Config, part: Part): Config {
  const { cgi, limits } = config;
  const divided = Object.fromEntries(DIVIDED.map((name) => [name, shareOf(limits[name], part)]));
  return {
    ...config,
    cgi: { ...cgi, maxScripts: shareOf(cgi.maxScripts, part), maxQueue: shareOf(cgi.maxQueue, part) },
    limits: { ...limits, ...divided },
  };
}

/** The shares of all parts add up to the whole, but that none is 0 unless that is. */
export function shareOf(whole: number, { index, count }: Part): number {
  return Math.max(Math.min(1, whole), Math.floor(whole / count) + (index < whole % count ? 1 : 0));
}
