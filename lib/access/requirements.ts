/**
 * Which of the users of a realm may have a place: those of `--require`, by their names or by the groups of an htgroup file. Pure;
 * load_realms.ts reads the file. https://httpd.apache.org/docs/2.4/mod/mod_authz_groupfile.html
 */
import { parsePrefix, type PathPrefix } from "../http/path_prefix.ts";

/** Users by group. */
export type Groups = ReadonlyMap<string, ReadonlySet<string>>;

export interface Requirement {
  /** One of these, or a member of one of the others. */
  readonly kind: "user" | "group" | "valid-user";
  /** None with "valid-user", who is any user of the realm. */
  readonly names: readonly string[];
}

/** A requirement, and the part of the site that it is for. */
export interface PlacedRequirement extends Requirement {
  readonly prefix: PathPrefix;
}

/** Reads `user eva adam`, `group staff` or `valid-user`, and `:PREFIX`, without which it is for `whole`; null for anything else. */
export function parseRequirement(text: string, whole: PathPrefix): PlacedRequirement | null {
  const [, words, prefixText] = /^([^:]*?)(?::(\/.*))?$/s.exec(text) ?? [];
  const [kind, ...names] = words?.trim().split(/[ \t]+/) ?? [];
  const prefix = prefixText === undefined ? whole : parsePrefix(prefixText);
  if (prefix === null) return null;
  if (kind === "valid-user") return names.length === 0 ? { kind, names, prefix } : null;
  return (kind === "user" || kind === "group") && names.length > 0 ? { kind, names, prefix } : null;
}

/** Whether one of them lets the user in. */
export function isRequired(user: string, requirements: readonly Requirement[], groups: Groups): boolean {
  return requirements.some(({ kind, names }) => {
    if (kind === "valid-user") return true;
    return kind === "user" ? names.includes(user) : names.some((name) => groups.get(name)?.has(user));
  });
}

/** What is wrong with a line, counted from 1. */
export class GroupFileError extends Error {
  constructor(line: number) {
    super(`line ${line}: not GROUP: USER USER`);
    this.name = "GroupFileError";
  }
}

/** Groups of lines `GROUP: USER USER`, of which a group may have several; empty ones and those that begin with "#" do not count. */
export function parseGroupFile(text: string): Groups {
  const groups = new Map<string, Set<string>>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, members] = /^\s*([^\s:]+)\s*:(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new GroupFileError(index + 1);
    const users = members.split(/\s+/).filter((user) => user !== "");
    groups.set(name, new Set([...groups.get(name) ?? [], ...users]));
  }
  return groups;
}
