/** Reads the users of each realm into memory at start and at reload. I/O. */
import { relative } from "@std/path";
import type { PlacedRealm } from "./access_guard.ts";
import { parsePasswordFile, PasswordFileError } from "./password_file.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { readSmallFile } from "../small_file.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";

/** A realm whose users are still on disk. */
export interface RealmFile {
  readonly name: string;
  /** The file that htpasswd made. */
  readonly file: Given;
  readonly prefix: PathPrefix;
}

/**
 * The realms with their users, in the order given. `roots` are the absolute paths of the folders that are served. Throws
 * StartError for a file that cannot be read or holds something else than users, and for one that clients could read too.
 */
export function loadRealms(realms: readonly RealmFile[], roots: readonly string[]): readonly PlacedRealm[] {
  return realms.map(({ name, prefix, file }) => ({ name, prefix, users: loadUsers(file, roots) }));
}

function loadUsers(file: Given, roots: readonly string[]): ReadonlyMap<string, string> {
  const refusal = (problem: string, remedy: string, cause?: unknown) =>
    new StartError({ ...file, problem, remedy }, { cause });
  try {
    const { bytes } = readSmallFile(file, { remedy: REMEDY });
    const real = Deno.realPathSync(file.value);
    if (roots.some((root) => !relative(Deno.realPathSync(root), real).startsWith("../"))) {
      throw refusal("inside the folder that is served", "move it out of there");
    }
    return parsePasswordFile(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const problem = error instanceof PasswordFileError ? error.message : osProblem(error);
    throw refusal(problem, REMEDY, error);
  }
}

const REMEDY = "name a file that htpasswd made with -B, -5, -2 or -m";
