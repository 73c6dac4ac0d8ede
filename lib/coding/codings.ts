/**
 * The compressors of the runtime's zlib, with how hard each of them tries: much for a file, which is compressed once, little for what
 * is compressed as it passes. Pure. RFC 1952 (gzip), RFC 7932 (br), RFC 8878 (zstd).
 */
import zlib from "node:zlib";
import type { ContentCoding } from "./select_encoding.ts";

const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT, ZSTD_c_compressionLevel, ZSTD_c_windowLog } =
  zlib.constants;

/** 600 KB of JSON (ms, part of its size): gzip 9 36, 0.21; br 9 262, 0.18; br 10 1,640, 0.14; zstd 19 404, 0.14; br 11 3,400, 0.13. */
export function compressWhole(bytes: Uint8Array, coding: ContentCoding): Uint8Array {
  switch (coding) {
    case "gzip":
      return zlib.gzipSync(bytes, { level: 9 });
    case "br":
      return zlib.brotliCompressSync(bytes, {
        params: { [BROTLI_PARAM_QUALITY]: 10, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
      });
    case "zstd":
      return zlib.zstdCompressSync(bytes, { params: { [ZSTD_c_compressionLevel]: 19 } });
    default:
      throw new Error(`Unreachable: the coding "${coding}"`);
  }
}

/** A window of so many bits, so that a stream holds some hundred KiB. */
const WINDOW_BITS = 17;

/** 64 KiB take about 1 ms or less. */
export function openCompressor(coding: ContentCoding): zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress {
  switch (coding) {
    case "gzip":
      return zlib.createGzip({ level: 5 });
    case "br":
      return zlib.createBrotliCompress({ params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_LGWIN]: WINDOW_BITS } });
    case "zstd":
      return zlib.createZstdCompress({
        params: { [ZSTD_c_compressionLevel]: 3, [ZSTD_c_windowLog]: WINDOW_BITS },
      });
  }
}
