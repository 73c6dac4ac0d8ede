/** Reads the users of each realm, and their groups, into memory at start and at reload. I/O. */
import { relative } from "@std/path";
import type { PlacedRealm } from "./access_guard.ts";
import { parsePasswordFile, PasswordFileError } from "./password_file.ts";
import type { PathPrefix } from "../http/path_prefix.ts";
import { readSmallFile } from "../small_file.ts";
import { GroupFileError, type Groups, parseGroupFile, type Requirement } from "./requirements.ts";
import { type Given, osProblem, quoted, StartError } from "../start_error.ts";

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
  return load(file, {
    ...{ roots, parse: parsePasswordFile, fault: PasswordFileError },
    remedy: "name a file that htpasswd made with -B, -5, -2 or -m",
  });
}

/** What a site knows of users. */
export interface SiteUsers {
  readonly realms: readonly PlacedRealm[];
  readonly groups: Groups;
}

export interface SiteUserFiles {
  readonly realms: readonly RealmFile[];
  readonly requirements: readonly Requirement[];
  /** An htgroup file; null where no group is required. */
  readonly groupFile: Given | null;
}

/** As loadRealms, with the groups. Also throws StartError for a group that is required and not there. */
export function loadSiteUsers(
  { realms, requirements, groupFile }: SiteUserFiles,
  roots: readonly string[],
): SiteUsers {
  const groups: Groups = groupFile === null ? new Map() : load(groupFile, {
    ...{ roots, parse: parseGroupFile, fault: GroupFileError },
    remedy: "name a file with lines such as staff: eva adam",
  });
  const required = requirements.flatMap(({ kind, names }) => kind === "group" ? names : []);
  const missing = required.find((name) => !groups.has(name));
  if (groupFile !== null && missing !== undefined) {
    const problem = `has no group ${quoted(missing)}, which is required`;
    throw new StartError({ ...groupFile, problem, remedy: `add a line ${quoted(`${missing}:`)}` });
  }
  return { realms: loadRealms(realms, roots), groups };
}

interface LoadOptions<Content> {
  /** Absolute paths of the folders that are served. */
  readonly roots: readonly string[];
  readonly parse: (text: string) => Content;
  /** What `parse` throws. */
  readonly fault: typeof PasswordFileError | typeof GroupFileError;
  readonly remedy: string;
}

function load<Content>(file: Given, { roots, parse, fault, remedy }: LoadOptions<Content>): Content {
  try {
    const { bytes } = readSmallFile(file, { remedy });
    const real = Deno.realPathSync(file.value);
    if (roots.some((root) => !relative(Deno.realPathSync(root), real).startsWith("../"))) {
      throw new StartError({ ...file, problem: "inside the folder that is served", remedy: "move it out of there" });
    }
    return parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const problem = error instanceof fault ? error.message : osProblem(error);
    throw new StartError({ ...file, problem, remedy }, { cause: error });
  }
}
