/**
 * The worker in which files are compressed: one request, one answer. A file of its own because a worker is one; it acts when it is
 * loaded. I/O (messages).
 */
import { answerQuestions } from "../asked_worker.ts";
import { compressWhole } from "./codings.ts";
import type { ContentCoding } from "./select_encoding.ts";

/** What the server sends, copied; the compressed bytes come back. */
export interface CompressQuestion {
  readonly bytes: Uint8Array;
  readonly coding: ContentCoding;
}

answerQuestions(({ bytes, coding }: CompressQuestion) => compressWhole(bytes, coding));
