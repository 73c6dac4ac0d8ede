/**
 * Why something below a folder that the operator named may not be had, in words for him: which part of the path is at fault,
 * and what is wrong with it. Separate because files and programs are refused alike. I/O: looks again, part by part.
 */
import { quoted } from "./start_error.ts";

export interface RefusedPath {
  /** What is at fault: the path itself, or a folder or link on the way. It is there, so clients cannot make up many. */
  readonly path: string;
  /** What is wrong with it, without full stop: "may not be read by the user of the server". */
  readonly reason: string;
}

/** Looks for the fault in `path`, which begins with `folder`, when the system or the runtime has refused it. Never throws. */
export function explainRefusal(path: string, folder: string): RefusedPath {
  const top = folder === "/" ? "" : folder;
  let before = folder;
  for (const part of path.slice(top.length).split("/")) {
    if (part === "") continue;
    const here = `${before === "/" ? "" : before}/${part}`;
    const isLink = lookAround(here);
    // What is below it is not seen, so nothing is said of that.
    if (typeof isLink === "string") return { path: before, reason: isLink };
    const reason = isLink ? followLink(here, folder) : null;
    if (reason !== null) return { path: here, reason };
    before = here;
  }
  return { path: before, reason: "may not be read by the user of the server" };
}

/** Whether the path is a link; where that cannot be seen, what is wrong with the folder around it. */
function lookAround(path: string): boolean | string {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return "may not be entered by the user of the server";
    return "has changed since the server started, and can no longer be read";
  }
}

/** What is wrong with the link; null where it leads to something below the folder. */
function followLink(path: string, folder: string): string | null {
  let link = "is a link";
  try {
    link = `is a link to ${quoted(Deno.readLinkSync(path))}`;
    const [real, top] = [path, folder].map((name) => `${Deno.realPathSync(name)}/`);
    return real.startsWith(top.replace(/\/+$/, "/")) ? null : `${link}, which leads out of ${quoted(folder)}`;
  } catch (error) {
    // The runtime lets the server look below the folders alone that it was told of.
    if (error instanceof Deno.errors.NotCapable) return `${link}, which leads out of ${quoted(folder)}`;
    if (error instanceof Deno.errors.FilesystemLoop) return `${link}, which leads in a circle`;
    if (error instanceof Deno.errors.PermissionDenied) return `${link}, which the user of the server may not follow`;
    return `${link}, which leads nowhere`;
  }
}
