/**
 * What all folders of files of a worker share: the memory for contents, and that for reading, and the listings. Separate because its limits
 * are those of the process, however many folders are served.
 */
import type { Limits } from "../limits.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { ReadBuffers } from "./file_body.ts";
import { FileCache } from "./file_cache.ts";
import type { Resource } from "./known_files.ts";
import { Listings } from "./listings.ts";

export interface FileMemory {
  readonly cache: FileCache<Resource>;
  readonly buffers: ReadBuffers;
  readonly listings: Listings;
}

/** Empty memory within these limits. */
export function createFileMemory(
  limits: Pick<Limits, "maxCachedFileCount" | "maxFileCacheBytes" | "maxFileBufferBytes" | "maxListingBytes">,
  budget = new MemoryBudget(),
): FileMemory {
  const { maxCachedFileCount, maxFileCacheBytes, maxFileBufferBytes, maxListingBytes } = limits;
  return {
    cache: new FileCache({ maxCount: maxCachedFileCount, maxWeight: maxFileCacheBytes }),
    buffers: new ReadBuffers(maxFileBufferBytes, budget),
    listings: new Listings(maxListingBytes),
  };
}
