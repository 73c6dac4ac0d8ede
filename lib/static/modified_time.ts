/**
 * When a file was last changed, as far as that can be said. Pure; separate because a listing and a field ask the same, and
 * because some times are none. RFC 9110 8.8.2.
 */

/** Archives that are made the same each time, and stores such as Nix's, set 0 or 1 second: no file is of that night. */
const FIRST_TIME_MS = 2000;

/** What the runtime gives for less than that may stand for a time before 1970. */
const UNSURE_BEFORE_MS = Date.UTC(1990, 0, 1);

/**
 * Milliseconds since 1970; null where the time says nothing. The runtime mirrors a time before 1970, so that 1960 is 1980:
 * `isBefore1970` says which, and null that nobody knows; then what may be either is none.
 */
export function modifiedTime(mtimeMs: number, isBefore1970: boolean | null): number | null {
  if (mtimeMs < FIRST_TIME_MS || (isBefore1970 === null && mtimeMs < UNSURE_BEFORE_MS)) return null;
  return isBefore1970 === true ? -mtimeMs : mtimeMs;
}

/**
 * What Last-Modified says, in whole seconds. RFC 9110 8.8.2.1: it MUST NOT be later than the Date of the message. A time
 * that is yet to come is not when the file was changed: that is when the system last noted a change, so an answer does not
 * say another date each second, as it would with the replacement that the section names.
 */
export function lastModifiedMs(
  { mtimeMs, ctimeMs }: { readonly mtimeMs: number; readonly ctimeMs: number },
  { nowMs, isBefore1970 }: { readonly nowMs: number; readonly isBefore1970: boolean | null },
): number | null {
  const ms = modifiedTime(mtimeMs, isBefore1970);
  if (ms === null) return null;
  return Math.floor(Math.min(ms > nowMs ? ctimeMs : ms, nowMs) / 1000) * 1000;
}
