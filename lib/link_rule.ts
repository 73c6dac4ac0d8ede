/**
 * Where symbolic links below a folder may lead, for whoever sends or runs what they lead to. Separate because files and programs
 * are judged alike. I/O: follows links, one by one where it matters whose they are.
 */
import { dirname } from "@std/path";
import { explainRefusal, type RefusedPath } from "./refused_path.ts";
import { quoted } from "./start_error.ts";

/** To what is in the folder; to what belongs to whom the link itself belongs to, wherever that is; anywhere. */
export type LinkRule = "inside" | "owner" | "all";

export interface LinkedPath {
  /** Absolute, below `folder` or a real path itself. */
  readonly path: string;
  /** Where it has been found to lead. */
  readonly real: string;
  /** That the operator named: links on the way to it are his. */
  readonly folder: string;
}

/** Why what `path` leads to may not be had; null where it may. Throws errors of the system. */
export function refuseLinks({ path, real, folder }: LinkedPath, rule: LinkRule): RefusedPath | null {
  if (rule === "all") return null;
  // There is no link on the way, not even to the folder.
  if (real === path && isWithin(path, folder)) return null;
  if (rule === "owner") return refuseOwners({ path, real, folder });
  return isWithin(real, Deno.realPathSync(folder)) ? null : explainRefusal(path, folder);
}

/** As many as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Follows each link by itself, also those that others lead to: who owns one of them decides where all before it lead. What is found
 * must be the way to `real`.
 */
function refuseOwners({ path, real, folder }: LinkedPath): RefusedPath | null {
  const top = isWithin(path, folder) ? folder : dirname(path);
  const parts = path.slice(top === "/" ? 0 : top.length).split("/");
  let here = Deno.realPathSync(top);
  let linkCount = 0;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      here = dirname(here);
      continue;
    }
    const next = `${here === "/" ? "" : here}/${part}`;
    const link = Deno.lstatSync(next);
    if (!link.isSymlink) {
      here = next;
      continue;
    }
    const target = Deno.readLinkSync(next);
    if (++linkCount > MAX_LINKS || Deno.statSync(next).uid !== link.uid) {
      return { path: next, reason: `is a link to ${quoted(target)}, which belongs to another user than the link` };
    }
    if (target.startsWith("/")) here = "/";
    parts.unshift(...target.split("/"));
  }
  return here === real ? null : { path, reason: "has led elsewhere while it was looked at" };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
