/**
 * Stands before the answer of a place: which addresses may have it, and who the user is. Separate from the router, which only
 * asks it. Pure. RFC 9110 11 and 15.5.
 */
import { HttpError, type HttpRequest, type Soon } from "../http/message.ts";
import { joinSegments } from "../http/located.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { parseAddress } from "../ip_address.ts";
import { type AccessRule, isAllowed, type PlacedRule } from "./access_rules.ts";
import type { AuthenticatedUser, Authenticator, Realm } from "./authenticator.ts";

export interface GuardOptions {
  readonly rules: readonly AccessRule[];
  /** Null: nobody need be known. */
  readonly realm: Realm | null;
  readonly authenticator: Pick<Authenticator, "authenticate">;
}

export class AccessGuard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Who the user is, null where nobody need be. Throws HttpError, at once or later: 403 for an address that may not have the
   * place, and as `Authenticator.authenticate` does.
   */
  admit(request: HttpRequest): Soon<AuthenticatedUser | null> {
    const { rules, realm, authenticator } = this.#options;
    const { path, connection: { remoteAddress } } = request;
    if (rules.length > 0 && !isAllowed(rules, parseAddress(remoteAddress))) {
      throw new HttpError(403, `${remoteAddress} may not have "${path}"`);
    }
    return realm === null ? null : authenticator.authenticate(request, realm);
  }
}

/** A realm, and the part of the site that only its users may have. */
export interface PlacedRealm extends Realm {
  readonly prefix: PathPrefix;
}

export interface PlacedAccess {
  readonly rules: readonly PlacedRule[];
  readonly realms: readonly PlacedRealm[];
}

/**
 * A guard for each prefix that a rule or a realm names. In each the rules of the longest prefix around it hold, all others are
 * forgotten, and the realm of the longest prefix; of two for one prefix the first.
 */
export function createGuards(
  { rules, realms }: PlacedAccess,
  authenticator: GuardOptions["authenticator"],
): readonly { readonly prefix: PathPrefix; readonly guard: AccessGuard }[] {
  const prefixes = new Map([...rules, ...realms].map(({ prefix }) => [joinSegments(prefix.segments), prefix]));
  const rulesOf = Map.groupBy(rules, ({ prefix }) => joinSegments(prefix.segments));
  const ruleTree = new PrefixTree([...rulesOf.values()].map((value) => ({ ...value[0].prefix, value })));
  const realmTree = new PrefixTree(realms.toReversed().map((value) => ({ ...value.prefix, value })));
  return [...prefixes.values()].map((prefix) => {
    const rules = ruleTree.nearest(prefix.segments)?.value ?? [];
    const realm = realmTree.nearest(prefix.segments)?.value ?? null;
    return { prefix, guard: new AccessGuard({ rules, realm, authenticator }) };
  });
}
