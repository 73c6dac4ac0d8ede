/**
 * Whether a password is the one that was hashed. Separate because this takes from a few to hundreds of milliseconds of
 * pure computation by libraries: it runs in a worker of its own, and the server never imports it.
 */
import { timingSafeEqual } from "node:crypto";
import apacheMd5Module from "apache-md5";
import bcrypt from "bcryptjs";
import { verify as verifySha } from "unixcrypt";
import { latin1Text } from "../http/grammar.ts";
import { kindOfHash } from "./password_file.ts";

/** `$apr1$SALT$HASH` for a salt or a whole hash. The package is CommonJS, and its types are those of an ES module. */
const apacheMd5 = apacheMd5Module as unknown as (password: string, salt: string) => string;

/** Each comparison takes as long for a hash that differs early as for one that differs late. False for unknown hashes. */
export function verifyPassword(password: string, hash: string): boolean {
  switch (kindOfHash(hash)) {
    case "bcrypt":
      return bcrypt.compareSync(password, hash);
    case "sha-crypt":
      return verifySha(password, hash);
    case "apr1":
      return isEqual(apacheMd5(bytesAsText(password), hash), hash);
    case null:
      return false;
  }
}

function isEqual(a: string, b: string): boolean {
  const [bytesOfA, bytesOfB] = [a, b].map((text) => new TextEncoder().encode(text));
  return bytesOfA.length === bytesOfB.length && timingSafeEqual(bytesOfA, bytesOfB);
}

/** The library hashes the low byte of each character: so one character for each byte of UTF-8. */
function bytesAsText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return latin1Text(bytes, 0, bytes.length);
}
