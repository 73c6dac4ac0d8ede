/**
 * What a user may do with a file, from its owner and mode alone, for a user that this process is not, or not yet. Pure.
 * path_resolution(7). Access control lists and capabilities are not looked at.
 */

/** Who asks, by numeric ids. */
export interface FileUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; absent for whom root becomes, who has none. */
  readonly groups?: readonly number[];
}

/** What stat(2) says of a file. */
export interface FileRights {
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

export type FileUse = "read" | "write" | "enter" | "run";

/** The bit of each class: owner, group or others. */
const BITS: { readonly [use in FileUse]: number } = { read: 0o4, write: 0o2, enter: 0o1, run: 0o1 };

/** Whether the user may. Root may read, write and enter everything, and run what somebody may run. */
export function mayUse({ mode, uid, gid }: FileRights, use: FileUse, user: FileUser): boolean {
  const isMember = gid === user.gid || (gid !== null && user.groups?.includes(gid));
  const bits = mode ?? 0;
  if (user.uid === 0) return use !== "run" || (bits & 0o111) !== 0;
  const shift = uid === user.uid ? 6 : isMember ? 3 : 0;
  return ((bits >> shift) & BITS[use]) !== 0;
}
