/**
 * Dates in fields: one form to write, three to read. RFC 9110 5.6.7.
 */

/** `Sun, 06 Nov 1994 08:49:37 GMT`; `ms` since 1970, what is below a second is cut off. */
export function formatHttpDate(ms: number): string {
  // ECMA-262 21.4.4.43: toUTCString writes exactly the form that RFC 9110 calls IMF-fixdate, for years 0 to 9999.
  return new Date(ms).toUTCString();
}

/**
 * Milliseconds since 1970 of a date in any of the three forms, IMF-fixdate, RFC 850 and asctime; null for anything
 * else, and for a day that the calendar lacks. The name of the day is not compared with the date. `nowMs` places the
 * two-digit year of RFC 850.
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  const match = IMF_FIXDATE.exec(text) ?? RFC_850.exec(text) ?? ASCTIME.exec(text);
  const part = match?.groups;
  if (part === undefined) return null;
  const year = part.year.length === 2 ? fullYear(Number(part.year), nowMs) : Number(part.year);
  const midnightMs = Date.UTC(year, MONTHS.indexOf(part.month), Number(part.day));
  if (new Date(midnightMs).getUTCDate() !== Number(part.day)) return null;
  return midnightMs + ((Number(part.hour) * 60 + Number(part.minute)) * 60 + Number(part.second)) * 1000;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(?<month>${MONTHS.join("|")})`;
// RFC 9110 5.6.7: second = 2DIGIT, and 60 is a leap second; here it counts as the first second after.
const TIME = "(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)";
const DAY_NAME = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY_NAME = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";

const IMF_FIXDATE = new RegExp(`^${DAY_NAME}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(`^${LONG_DAY_NAME}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^${DAY_NAME} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`);

/**
 * RFC 9110 5.6.7: a recipient MUST interpret a two-digit year that appears to be more than 50 years in the future as
 * the most recent year in the past that had the same last two digits.
 */
function fullYear(lastDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - thisYear % 100 + lastDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
