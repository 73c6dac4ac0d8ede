/**
 * Upstreams that answer the same, and how requests are shared among them, as an operator writes it. Separate from upstream.ts, which
 * knows one. Pure.
 */
import { type Balance, BALANCES } from "../balance/balancer.ts";
import { parseUpstream, protocolFault, type Upstream, UPSTREAM_EXAMPLES, type UpstreamFault } from "./upstream.ts";

export interface GroupMember {
  readonly upstream: Upstream;
  /** It is asked where none of the others can be. */
  readonly isBackup: boolean;
}

export interface UpstreamGroup {
  /** At least one; all speak the same protocol. */
  readonly members: readonly GroupMember[];
  readonly protocol: Upstream["protocol"];
  readonly balance: Balance;
  /** HTTP alone: whose name stands in Host. */
  readonly host: "client" | "upstream";
  /** HTTP alone: what each is asked for again and again, to see whether it answers; null: none is asked. */
  readonly checkTarget: string | null;
  /** Whether each connection begins with a PROXY header that names the client, and so has one request. */
  readonly tellsProxy: boolean;
  /** As it was written; its name among others. */
  readonly text: string;
}

/** How one is written, for whoever is told that his is none. */
export const GROUP_EXAMPLES =
  `${UPSTREAM_EXAMPLES}; several have commas between them, backup: before one that is to wait, ` +
  "and words behind: balance=least|round|client, and of HTTP host=client|upstream, check=/PATH, proxy=v2";

/** A comma within an upstream is part of it; https is none, and no part of one either. */
const SEPARATOR = /,(?=(?:backup:)?(?:fastcgi|scgi|https?):)/;
const BACKUP = "backup:";

/**
 * `UPSTREAM[,[backup:]UPSTREAM...][ WORD=VALUE...]`: upstreams as `parseUpstream` takes them, then words with blanks between. Null for
 * anything else: two protocols, one upstream twice, backups alone, a word twice or for another protocol.
 */
export function parseUpstreamGroup(text: string): UpstreamGroup | null {
  const [, list, wordsText] = /^(\S+?|.*?:unix:.*?)((?: +[a-z]+=\S+)*) *$/.exec(text) ?? [];
  if (list === undefined) return null;
  const members = readMembers(list);
  const words = members === null ? null : readWords(wordsText, members[0].upstream.protocol);
  if (members === null || words === null) return null;
  return { members, protocol: members[0].upstream.protocol, ...words, text };
}

/** The same as `protocolFault` of what is no group: of the first upstream that has such a fault. */
export function groupFault(text: string): UpstreamFault | null {
  const faults = text.split(SEPARATOR).map((each) => protocolFault(withoutBackup(each)));
  return faults.find((fault) => fault !== null) ?? null;
}

function withoutBackup(text: string): string {
  return text.startsWith(BACKUP) ? text.slice(BACKUP.length) : text;
}

function readMembers(list: string): readonly GroupMember[] | null {
  const members: GroupMember[] = [];
  // A path might end so, and what was meant is another upstream.
  if (list.endsWith(",")) return null;
  for (const text of list.split(SEPARATOR)) {
    const isBackup = text.startsWith(BACKUP);
    const upstream = parseUpstream(withoutBackup(text));
    if (upstream === null || members.some((other) => isAtOdds(upstream, other.upstream))) return null;
    members.push({ upstream, isBackup });
  }
  return members.every(({ isBackup }) => isBackup) ? null : members;
}

function isAtOdds(one: Upstream, other: Upstream): boolean {
  return one.protocol !== other.protocol || one.text === other.text;
}

type Words = Pick<UpstreamGroup, "balance" | "host" | "checkTarget" | "tellsProxy">;

/** What each word is followed by. */
const WORDS: Readonly<Record<string, { readonly pattern: RegExp; readonly isOfHttp: boolean }>> = {
  balance: { pattern: new RegExp(`^(?:${BALANCES.join("|")})$`), isOfHttp: false },
  host: { pattern: /^(?:client|upstream)$/, isOfHttp: true },
  check: { pattern: /^\/[!$-;=?-Z_a-z~]*$/, isOfHttp: true },
  proxy: { pattern: /^v2$/, isOfHttp: true },
};

function readWords(text: string, protocol: Upstream["protocol"]): Words | null {
  const said = new Map<string, string>();
  for (const word of text.split(" ").filter((word) => word !== "")) {
    const [name, ...rest] = word.split("=");
    const value = rest.join("=");
    const known = Object.hasOwn(WORDS, name) ? WORDS[name] : null;
    const isAllowed = known !== null && !said.has(name) && (protocol === "http" || !known.isOfHttp);
    if (!isAllowed || !known.pattern.test(value)) return null;
    said.set(name, value);
  }
  return {
    balance: BALANCES.find((balance) => balance === said.get("balance")) ?? "least",
    host: said.get("host") === "upstream" ? "upstream" : "client",
    checkTarget: said.get("check") ?? null,
    tellsProxy: said.has("proxy"),
  };
}
