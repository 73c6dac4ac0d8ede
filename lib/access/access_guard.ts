/**
 * Stands before the handlers: which address may ask how often, for which part of the site, and who the user is. Separate
 * from the router, which only asks it. Pure but for one random number: the clock, the log and whoever computes hashes are
 * passed in. RFC 9110 11 and 15.5.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { HeaderFields } from "../http/header_fields.ts";
import { HttpError, type HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log/log.ts";
import { quoted } from "../start_error.ts";
import { type AccessRule, isAllowed } from "./access_rules.ts";
import { basicChallenge, type BasicCredentials, parseBasicCredentials } from "./basic_credentials.ts";
import { networkOf, parseAddress } from "../ip_address.ts";
import { isBelow, type PathPrefix } from "../http/path_prefix.ts";
import { RateLimit } from "./rate_limit.ts";

export type AuthenticatedUser = NonNullable<HttpRequest["user"]>;

/** A part of the site that only these users may have. */
export interface Realm {
  readonly name: string;
  readonly prefix: PathPrefix;
  /** Hashes of their passwords by user. */
  readonly users: ReadonlyMap<string, string>;
}

export interface GuardOptions {
  readonly rules: readonly AccessRule[];
  readonly realms: readonly Realm[];
  readonly limits: Pick<Limits, "maxRate" | "maxGuessCount" | "guessMs">;
  readonly nowMs: () => number;
  /** Whether the password has that hash: takes its time. */
  readonly checkPassword: (password: string, hash: string) => Promise<boolean>;
  /** Hears of credentials that are wrong, which an access line does not tell from none. */
  readonly log: Pick<Log, "info">;
}

const SECOND_MS = 1000;

export class AccessGuard {
  readonly #options: GuardOptions;
  /** The same, the realm of the longest prefix first. */
  #realms: readonly Realm[];
  readonly #requests: RateLimit | null;
  readonly #guesses: RateLimit;
  /** Digests of the credentials that were last found right, by realm and user. */
  readonly #known = new Map<string, { readonly digest: Uint8Array; readonly hash: string | undefined }>();
  /** Checks that are under way, by digest: a browser asks for many things at once. */
  readonly #checks = new Map<string, Promise<boolean>>();
  /** Makes digests useless to whoever reads them. */
  readonly #key = randomBytes(32);

  constructor(options: GuardOptions) {
    const { maxRate, maxGuessCount, guessMs } = options.limits;
    this.#options = options;
    this.#realms = sortRealms(options.realms);
    this.#requests = maxRate === 0 ? null : new RateLimit({ burst: maxRate, intervalMs: SECOND_MS / maxRate });
    this.#guesses = new RateLimit({ burst: maxGuessCount, intervalMs: guessMs / maxGuessCount });
  }

  /** Whether it has anything to guard: else nobody need ask. */
  get isNeeded(): boolean {
    return this.#requests !== null || this.#realms.length > 0 || this.#options.rules.length > 0;
  }

  /** The users of the same realms as they are now: who was known and has another password has to give it. */
  replaceRealms(realms: readonly Realm[]): void {
    this.#realms = sortRealms(realms);
  }

  /**
   * Who the user is, null where nobody need be. Throws HttpError: 429 for an address that asks or guesses too often, 403
   * for one that may not have the path, 401 without the right credentials, 503 when too many wait for the check.
   */
  admit(request: HttpRequest): Promise<AuthenticatedUser | null> {
    const { path, connection: { remoteAddress } } = request;
    const waitMs = this.#requests?.take(networkOf(remoteAddress), this.#options.nowMs()) ?? 0;
    if (waitMs > 0) throw tooMany("requests", waitMs);
    if (!isAllowed(this.#options.rules, { path, address: parseAddress(remoteAddress) })) {
      throw new HttpError(403, `${remoteAddress} may not have "${path}"`);
    }
    const realm = this.#realms.find(({ prefix }) => isBelow(path, prefix));
    return realm === undefined ? NOBODY : this.#authenticate(request, realm);
  }

  async #authenticate(request: HttpRequest, realm: Realm): Promise<AuthenticatedUser> {
    const credentials = parseBasicCredentials(request.fields.get("authorization"));
    if (credentials === null) {
      const has = request.fields.has("authorization");
      throw unauthorized(realm, has ? "An Authorization field without user and password" : "No credentials");
    }
    const { user } = credentials;
    if (!await this.#isRight(credentials, { realm, client: request.connection.remoteAddress })) {
      throw unauthorized(realm, `Wrong credentials for user "${user}"`);
    }
    return { name: user, scheme: "Basic" };
  }

  #isRight(
    { user, password }: BasicCredentials,
    { realm, client }: { readonly realm: Realm; readonly client: string },
  ): Promise<boolean> | boolean {
    const address = networkOf(client);
    // Somebody who does not exist is checked like the first who does, so that the time tells nothing.
    const hash = realm.users.get(user);
    const checked = hash ?? realm.users.values().next().value;
    if (checked === undefined) return false;
    const name = JSON.stringify([realm.name, user]);
    const digest = createHmac("sha256", this.#key).update(JSON.stringify([name, password, hash])).digest();
    const known = this.#known.get(name);
    if (known !== undefined && known.hash === hash && timingSafeEqual(known.digest, digest)) return true;
    const key = `${address} ${digest.toHex()}`;
    let check = this.#checks.get(key);
    if (check === undefined) {
      const compute = async () => await this.#options.checkPassword(password, checked) && hash !== undefined;
      check = this.#guess(address, compute).then((isRight) => {
        if (isRight) this.#known.set(name, { digest, hash });
        else this.#tellOfGuess(hash === undefined ? "no user is called" : "wrong password of", { user, realm, client });
        return isRight;
      }).finally(() => this.#checks.delete(key));
      this.#checks.set(key, check);
    }
    return check;
  }

  /** Once for each hash that was computed, so the limit of guesses bounds these lines too. */
  #tellOfGuess(
    problem: string,
    { user, realm, client }: { readonly user: string; readonly realm: Realm; readonly client: string },
  ): void {
    // The address first: it cannot be part of a name that a client has made up.
    this.#options.log.info("access", `${client}: ${problem} ${quoted(user)}, for "${realm.name}"`);
  }

  /** Counted before it is known to be wrong, for many at once are many guesses. */
  async #guess(address: string, compute: () => Promise<boolean>): Promise<boolean> {
    const waitMs = this.#guesses.take(address, this.#options.nowMs());
    if (waitMs > 0) throw tooMany("wrong passwords", waitMs);
    const isRight = await compute();
    if (isRight) this.#guesses.giveBack(address);
    return isRight;
  }
}

const NOBODY = Promise.resolve(null);

function sortRealms(realms: readonly Realm[]): readonly Realm[] {
  return realms.toSorted((a, b) => b.prefix.segments.length - a.prefix.segments.length);
}

/** RFC 9110 15.5.2, 11.6.1: 401 MUST say how to authenticate. */
function unauthorized({ name }: Realm, message: string): HttpError {
  return new HttpError(401, message, { fields: HeaderFields.of(["WWW-Authenticate", basicChallenge(name)]) });
}

/** RFC 6585 4. */
function tooMany(what: string, waitMs: number): HttpError {
  const seconds = Math.ceil(waitMs / SECOND_MS);
  return new HttpError(429, `Too many ${what}`, { fields: HeaderFields.of(["Retry-After", String(seconds)]) });
}
