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
import { unauthorized } from "./basic_credentials.ts";
import { type Groups, isRequired, type PlacedRequirement, type Requirement } from "./requirements.ts";

export interface GuardOptions {
  readonly rules: readonly AccessRule[];
  /** Null: nobody need be known. */
  readonly realm: Realm | null;
  /** Which of its users; none: all of them. */
  readonly requirements: readonly Requirement[];
  readonly groups: Groups;
  readonly authenticator: Pick<Authenticator, "authenticate">;
}

export class AccessGuard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Who the user is, null where nobody need be. Throws HttpError, at once or later: 403 for an address that may not have the
   * place, as `Authenticator.authenticate` does, and 401 for a user who is none of those required: as Apache does, so that a
   * browser asks for another one.
   */
  admit(request: HttpRequest): Soon<AuthenticatedUser | null> {
    const { rules, realm, authenticator } = this.#options;
    const { path, connection: { remoteAddress } } = request;
    if (rules.length > 0 && !isAllowed(rules, parseAddress(remoteAddress))) {
      throw new HttpError(403, `${remoteAddress || "A client of a Unix socket"} may not have "${path}"`);
    }
    return realm === null ? null : this.#requireUser(authenticator.authenticate(request, realm), realm);
  }

  async #requireUser(authenticated: Promise<AuthenticatedUser>, realm: Realm): Promise<AuthenticatedUser> {
    const { requirements, groups } = this.#options;
    const user = await authenticated;
    if (requirements.length === 0 || isRequired(user.name, requirements, groups)) return user;
    throw unauthorized(realm, `User "${user.name}" is none of those required`);
  }
}

/** A realm, and the part of the site that only its users may have. */
export interface PlacedRealm extends Realm {
  readonly prefix: PathPrefix;
}

export interface PlacedAccess {
  readonly rules: readonly PlacedRule[];
  readonly realms: readonly PlacedRealm[];
  readonly requirements: readonly PlacedRequirement[];
  readonly groups: Groups;
}

/**
 * A guard for each prefix that a rule, a realm or a requirement names. In each the rules of the longest prefix around it hold, all
 * others are forgotten, likewise the requirements, and the realm of the longest prefix; of two for one prefix the first.
 */
export function createGuards(
  { rules, realms, requirements, groups }: PlacedAccess,
  authenticator: GuardOptions["authenticator"],
): readonly { readonly prefix: PathPrefix; readonly guard: AccessGuard }[] {
  const named = [...rules, ...realms, ...requirements];
  const prefixes = new Map(named.map(({ prefix }) => [joinSegments(prefix.segments), prefix]));
  const [ruleTree, requirementTree] = [treeOf(rules), treeOf(requirements)];
  const realmTree = new PrefixTree(realms.toReversed().map((value) => ({ ...value.prefix, value })));
  return [...prefixes.values()].map((prefix) => {
    const options = {
      rules: ruleTree.nearest(prefix.segments)?.value ?? [],
      realm: realmTree.nearest(prefix.segments)?.value ?? null,
      requirements: requirementTree.nearest(prefix.segments)?.value ?? [],
    };
    return { prefix, guard: new AccessGuard({ ...options, groups, authenticator }) };
  });
}

/** All for one prefix together. */
function treeOf<Value extends { readonly prefix: PathPrefix }>(values: readonly Value[]): PrefixTree<readonly Value[]> {
  const byPrefix = Map.groupBy(values, ({ prefix }) => joinSegments(prefix.segments));
  return new PrefixTree([...byPrefix.values()].map((value) => ({ ...value[0].prefix, value })));
}
