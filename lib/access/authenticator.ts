/**
 * Finds out who a user is: Basic credentials against the users of a realm. One serves all places of a worker, for guesses are
 * counted by address, whatever they are aimed at. Pure but for one random number: the clock, the log and whoever computes
 * hashes are passed in. RFC 9110 11.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { HttpRequest } from "../http/message.ts";
import { networkOf } from "../ip_address.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log/log.ts";
import { quoted } from "../start_error.ts";
import { AddressLimit } from "./address_limit.ts";
import { type BasicCredentials, parseBasicCredentials, unauthorized } from "./basic_credentials.ts";

export type AuthenticatedUser = NonNullable<HttpRequest["user"]>;

/** Users by whose passwords something is guarded. */
export interface Realm {
  readonly name: string;
  /** Hashes of their passwords by user. */
  readonly users: ReadonlyMap<string, string>;
}

export interface AuthenticatorOptions {
  readonly limits: Pick<Limits, "maxGuessCount" | "guessMs">;
  readonly nowMs: () => number;
  /** Whether the password has that hash: takes its time. */
  readonly checkPassword: (password: string, hash: string) => Promise<boolean>;
  /** Hears of credentials that are wrong, which an access line does not tell from none. */
  readonly log: Pick<Log, "info">;
}

export class Authenticator {
  readonly #options: Pick<AuthenticatorOptions, "checkPassword" | "log">;
  readonly #guesses: AddressLimit;
  /** Digests of the credentials that were last found right, by realm and user. */
  readonly #known = new Map<string, { readonly digest: Uint8Array; readonly hash: string | undefined }>();
  /** Checks that are under way, by digest: a browser asks for many things at once. */
  readonly #checks = new Map<string, Promise<boolean>>();
  /** Makes digests useless to whoever reads them. */
  readonly #key = randomBytes(32);

  constructor(options: AuthenticatorOptions) {
    const { limits: { maxGuessCount, guessMs }, nowMs } = options;
    this.#options = options;
    const intervalMs = guessMs / maxGuessCount;
    this.#guesses = new AddressLimit({ what: "wrong passwords", burst: maxGuessCount, intervalMs, nowMs });
  }

  /**
   * The user of the realm. Throws HttpError 401 without the right credentials, 429 for an address that guesses too often,
   * 503 when too many wait for the check.
   */
  async authenticate(request: HttpRequest, realm: Realm): Promise<AuthenticatedUser> {
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
    // Somebody who does not exist is checked like the first who does, so that the time tells nothing.
    const hash = realm.users.get(user);
    const checked = hash ?? realm.users.values().next().value;
    if (checked === undefined) return false;
    const name = JSON.stringify([realm.name, user]);
    const digest = createHmac("sha256", this.#key).update(JSON.stringify([name, password, hash])).digest();
    const known = this.#known.get(name);
    if (known !== undefined && known.hash === hash && timingSafeEqual(known.digest, digest)) return true;
    const key = `${networkOf(client)} ${digest.toHex()}`;
    let check = this.#checks.get(key);
    if (check === undefined) {
      const compute = async () => await this.#options.checkPassword(password, checked) && hash !== undefined;
      check = this.#guess(client, compute).then((isRight) => {
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
    this.#guesses.take(address);
    const isRight = await compute();
    if (isRight) this.#guesses.giveBack(address);
    return isRight;
  }
}
