/**
 * What all folders of files of a worker share: the memory for contents, and that for reading, and the listings. Separate because its limits
 * are those of the process, however many folders are served.
 */
import type { Limits } from "../limits.ts";
import { MemoryBudget } from "../memory_budget.ts";
import type { Compressor } from "../coding/compressor.ts";
import type { FileRanges } from "../system/file_ranges.ts";
import { ReadBuffers } from "./file_body.ts";
import { FileCache } from "./file_cache.ts";
import { handleOpener, type OpenHandle } from "./file_handle.ts";
import type { Resource } from "./known_files.ts";
import type { ContentStore } from "./kept_content.ts";
import { Listings } from "../listing/listings.ts";
import { SharedFiles } from "./open_file.ts";

export interface FileMemory {
  readonly cache: FileCache<Resource>;
  readonly buffers: ReadBuffers;
  readonly listings: Listings;
  /** Those that are being sent. */
  readonly open: SharedFiles;
  readonly openHandle: OpenHandle;
  /** Where larger contents are kept; null: as bytes. */
  readonly store: ContentStore | null;
  /** Null: nothing is compressed. */
  readonly compressor: Pick<Compressor, "compress"> | null;
}

/** Empty memory within these limits. `ranges`: what files are read and sent by, in place of the runtime; `compressor`: what they are compressed by. */
export function createFileMemory(
  limits: Pick<Limits, "maxCachedFileCount" | "maxFileCacheBytes" | "maxFileBufferBytes" | "maxListingBytes">,
  budget = new MemoryBudget(),
  { ranges = null, compressor = null }:
    & { readonly ranges?: FileRanges | null }
    & Partial<Pick<FileMemory, "compressor">> = {},
): FileMemory {
  const { maxCachedFileCount, maxFileCacheBytes, maxFileBufferBytes, maxListingBytes } = limits;
  return {
    cache: new FileCache({ maxCount: maxCachedFileCount, maxWeight: maxFileCacheBytes }),
    buffers: new ReadBuffers(maxFileBufferBytes, budget),
    listings: new Listings(maxListingBytes),
    open: new SharedFiles(),
    openHandle: handleOpener(ranges),
    store: ranges?.createMemory(maxFileCacheBytes) ?? null,
    compressor,
  };
}
