/**
 * The file of users that `htpasswd` makes: a line for each with name and hash. Only hashes that are slow to guess, or at
 * least salted, are taken. Pure; how a hash is checked is in verify_password.ts, apart because that needs libraries.
 */

/** What is wrong with a line, counted from 1. */
export class PasswordFileError extends Error {
  constructor(readonly line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = "PasswordFileError";
  }
}

/** What `htpasswd -B`, `-5`, `-2` and `-m` (its default) write; crypt(5) has the same. Each is matched whole. */
const HASHES = {
  bcrypt: /^\$2[aby]\$(?:0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}$/,
  "sha-crypt": /^\$(?:5(?=.*\$.{43}$)|6(?=.*\$.{86}$))\$(?:rounds=[1-9]\d{3,8}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]+$/,
  apr1: /^\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$/,
} as const;

export type HashKind = keyof typeof HASHES;

/** Null for a hash that is not taken: plain text, DES, unsalted SHA-1, or one that is damaged. */
export function kindOfHash(hash: string): HashKind | null {
  const kinds = Object.keys(HASHES) as HashKind[];
  return kinds.find((kind) => HASHES[kind].test(hash)) ?? null;
}

/** Hashes by user. Empty lines and those that begin with "#" do not count. Throws PasswordFileError. */
export function parsePasswordFile(text: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [user, hash] = line.split(":");
    if (user === "" || hash === undefined) throw new PasswordFileError(index + 1, "not USER:HASH");
    if (kindOfHash(hash) === null) throw new PasswordFileError(index + 1, "neither bcrypt, sha-crypt nor apr1");
    // As htpasswd and Apache do: the first line of a user counts.
    if (!hashes.has(user)) hashes.set(user, hash);
  }
  return hashes;
}
