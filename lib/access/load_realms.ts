/** Reads the users of each realm into memory at start and at reload. I/O. */
import { relative } from "@std/path";
import type { Realm } from "./access_guard.ts";
import { parsePasswordFile, PasswordFileError } from "./password_file.ts";
import type { RealmFile } from "../config/access_config.ts";
import type { Config } from "../config/config.ts";
import { osProblem, StartError } from "../start_error.ts";

/** Room for some thousand users. */
const MAX_FILE_BYTES = 1_048_576;

/**
 * The realms in the order of the command line. Throws StartError for a file that cannot be read or holds something else
 * than users, and for one that clients could read too.
 */
export function loadRealms({ access, root }: Pick<Config, "access" | "root">): readonly Realm[] {
  return access.realms.map((realm) => ({ name: realm.name, prefix: realm.prefix, users: loadUsers(realm, root) }));
}

function loadUsers({ file }: RealmFile, root: string): ReadonlyMap<string, string> {
  const refusal = (problem: string, remedy: string, cause?: unknown) =>
    new StartError({ argument: "--auth", value: file, problem, remedy }, { cause });
  try {
    const { isFile, size } = Deno.statSync(file);
    if (!isFile || size > MAX_FILE_BYTES) throw refusal("not a file of at most 1 MiB", REMEDY);
    if (!relative(Deno.realPathSync(root), Deno.realPathSync(file)).startsWith("../")) {
      throw refusal("inside the folder that is served", "move it out of there");
    }
    return parsePasswordFile(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const problem = error instanceof PasswordFileError ? error.message : osProblem(error);
    throw refusal(problem, REMEDY, error);
  }
}

const REMEDY = "name a file that htpasswd made with -B, -5, -2 or -m";
