/**
 * The entity tag of a file, and what of its content has to be read for it. Pure, and separate because here it is weighed
 * what a change may look like. RFC 9110 8.8.1 and 8.8.3.
 *
 * A tag stands for content, so it must be another one for other content, and the same on each machine that has a copy.
 * Neither inode nor ctime is the same on two machines, and a time of modification is no proof: archives that are made the
 * same each time, packages and images set one date for all. So
 *   - what is small is known by its content: it is read whole for the first answer anyway;
 *   - what is larger is known by size and time where the time has a fraction of a second, as only a write gives it, or a
 *     copy that keeps all of it (rsync -t, cp -p);
 *   - a time of whole seconds was set by somebody: then content counts too, of more than a MiB by samples. That leaves
 *     unseen what changes neither size, nor such a time, nor a sample; to read all of an image of 4 GiB before its first
 *     byte leaves would cost everybody more, and so would a tag by which a film ends at each machine behind a balancer.
 */
import type { ByteRange } from "./byte_ranges.ts";
import type { ContentCoding } from "../coding/select_encoding.ts";

/** Files up to that are known by their content alone. */
export const SMALL_BYTES = 65_536;
/** Files up to that are read whole where their time is one of whole seconds. */
const MAX_WHOLE_BYTES = 1_048_576;
/** Samples of longer ones: where formats have their headers and sums, and evenly between. */
const END_BYTES = 65_536;
const SAMPLE_BYTES = 4096;
const SAMPLE_COUNT = 32;

/** What there is to say of a file without its content. Times in ms since 1970. */
export interface TagFacts {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** What has to be read for the tag, ascending; nothing where size and time will do. */
export function taggedRanges({ size, mtimeMs }: TagFacts): readonly ByteRange[] {
  if (size <= SMALL_BYTES) return size === 0 ? [] : [{ first: 0, last: size - 1 }];
  if (mtimeMs % 1000 !== 0) return [];
  if (size <= MAX_WHOLE_BYTES) return [{ first: 0, last: size - 1 }];
  const step = (size - 2 * END_BYTES) / (SAMPLE_COUNT + 1);
  const samples = Array.from({ length: SAMPLE_COUNT }, (_, index) => {
    const first = END_BYTES + Math.floor(step * (index + 1)) - SAMPLE_BYTES / 2;
    return { first, last: first + SAMPLE_BYTES - 1 };
  });
  return [{ first: 0, last: END_BYTES - 1 }, ...samples, { first: size - END_BYTES, last: size - 1 }];
}

/**
 * The tag of the content: `"abc"`, `W/"abc"` where `isStrong` is false. `digest` is of the ranges of `taggedRanges`, in
 * characters that may stand in a tag; null where there are none, or nobody has read them.
 */
export function entityTag(
  { size, mtimeMs }: TagFacts,
  { digest, coding, isStrong }: {
    readonly digest: string | null;
    readonly coding: ContentCoding | null;
    readonly isStrong: boolean;
  },
): string {
  // Two contents may share a time of this very moment, so it is not the one by which the second is known later: whoever has the
  // first would get 304 for the second ever after, for RFC 9110 13.1.2 compares weakly. It costs those who came in the first
  // second the content once more, and within that second the two are still one, as a weak tag says.
  const time = `${size.toString(36)}-${mtimeMs.toString(36)}${isStrong ? "" : "-young"}`;
  const content = digest === null ? time : size <= SMALL_BYTES ? digest : `${time}-${digest}`;
  // RFC 9110 8.8.3.3: two codings of one content have two tags.
  return `${isStrong ? "" : "W/"}"${content}${coding === null ? "" : `-${coding}`}"`;
}

/** The runtime cuts ctime to whole seconds. */
const CTIME_STEP_MS = 999;
/** The clock of a file system ticks every few milliseconds. */
const YOUNG_MS = 1000;
/** A change that is to come by more than the clocks of two machines differ: a clock was wrong when it was noted. */
const WRONG_CLOCK_MS = 86_400_000;

/**
 * Whether the same facts found again prove the same content: not while the file is so young that it could be written twice
 * within a tick of the clock, and given its time again. Then it has to be looked into again.
 */
export function isSettled({ mtimeMs, ctimeMs }: TagFacts, nowMs: number): boolean {
  return isOld(Math.max(ctimeMs + CTIME_STEP_MS, mtimeMs <= nowMs ? mtimeMs : -Infinity), nowMs);
}

/**
 * Whether a tag without the whole content stands for one content alone: not while the file was written a moment ago, for RFC
 * 9110 8.8.1 calls a validator weak that does not change with each change. A time that was set to the past is no such moment:
 * who publishes a file so writes it once. One that is yet to come says nothing; the system's own note of the change does.
 */
export function isGrown({ mtimeMs, ctimeMs }: TagFacts, nowMs: number): boolean {
  return isOld(mtimeMs <= nowMs ? mtimeMs : ctimeMs + CTIME_STEP_MS, nowMs);
}

function isOld(changedMs: number, nowMs: number): boolean {
  const ageMs = nowMs - changedMs;
  return ageMs >= YOUNG_MS || ageMs < -WRONG_CLOCK_MS;
}
