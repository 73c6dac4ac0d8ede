/**
 * What a client says of the order in which it wants its answers: urgency and incremental. Apart from what follows from it.
 * RFC 9218 4; RFC 8941 3.2 and 3.3.
 */

export interface Priority {
  /** 0 (first) to 7. */
  readonly urgency: number;
  /** The client can use parts of it: it shares with others of that urgency. */
  readonly isIncremental: boolean;
}

/** RFC 9218 4.1 and 4.2. */
export const DEFAULT_PRIORITY: Priority = { urgency: 3, isIncremental: false };

export const LEAST_URGENCY = 7;

/**
 * The priority that the value of a Priority field, or of PRIORITY_UPDATE, asks for. What is malformed or out of range is
 * ignored, as RFC 9218 4 says, and so are parameters of a member.
 */
export function parsePriority(value: string): Priority {
  let { urgency, isIncremental } = DEFAULT_PRIORITY;
  for (const member of value.split(",")) {
    const match = /^[ \t]*([a-z*][a-z0-9_.*-]*)(?:=([^;]*))?(?:;.*)?[ \t]*$/.exec(member);
    if (match === null) continue;
    const [, key, raw] = match;
    const text = raw?.trimEnd();
    if (key === "u" && text !== undefined && /^[0-7]$/.test(text)) urgency = Number(text);
    if (key === "i" && (text === undefined || text === "?1" || text === "?0")) isIncremental = text !== "?0";
  }
  return { urgency, isIncremental };
}
