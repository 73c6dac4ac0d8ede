/**
 * Leaves root for good: what needs it (ports below 1024, a key for root's eyes, the log's folder) has been opened before.
 * User and group ids of all threads change, supplementary groups are dropped, and there is no way back. I/O.
 */
import { lchownSync } from "node:fs";
import process from "node:process";
import { type Libc, NO_LIBC } from "../system/libc.ts";
import { keepLowPorts } from "../system/capabilities.ts";
import { type Given, osProblem, StartError } from "../start_error.ts";

/** Whom the server is to run as, in numbers. */
export interface Identity {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Looks a user up, and a group in place of the user's own; `id` and `getent` know every name service of the machine.
 * Throws StartError for one that does not exist.
 */
export function findIdentity(user: Given, group: Given | null = null): Identity {
  const uid = readNumber("id", ["-u", "--", user.value]);
  if (uid === null) throw unknown(user, "user");
  const gid = group === null ? readNumber("id", ["-g", "--", user.value]) : readGroup(group.value);
  if (gid === null) throw unknown(group ?? user, "group");
  return { user: user.value, uid, gid };
}

/** The numbers of a user and a group, null where none is named: without a group that of the user. Throws as `findIdentity`. */
export function findOwner(
  { user, group }: { readonly user: Given | null; readonly group: Given | null },
): { readonly uid: number | null; readonly gid: number | null } {
  if (user !== null) return findIdentity(user, group);
  if (group === null) return { uid: null, gid: null };
  const gid = readGroup(group.value);
  if (gid === null) throw unknown(group, "group");
  return { uid: null, gid };
}

/**
 * Makes that user the owner of a log, so that it can be opened again after the drop; makes the file where there is none.
 * A device stays whose it is. Throws StartError for a symbolic link and for a file with a second name: whoever may write
 * the folder could have put it there to be given what it leads to. The lock file stays root's, for root trusts its text.
 */
export function giveFile(given: Given, { uid, gid }: Identity): void {
  const { value: path } = given;
  const refusal = (problem: string, cause?: unknown) => {
    const remedy = "with --user, name a file of its own in a folder where only root may write";
    return new StartError({ ...given, problem, remedy }, { cause });
  };
  try {
    const file = lstatOrMake(path);
    if (file.isSymlink) throw refusal("is a symbolic link");
    if (!file.isFile) return;
    if ((file.nlink ?? 1) > 1) throw refusal("has a second name (hard link)");
    // Its group may be one that reads logs, and stays where the owner is right. Should a link have taken its place just
    // now, then that link gets another owner, and not what it leads to.
    if (file.uid !== uid) lchownSync(path, uid, gid);
  } catch (error) {
    throw error instanceof StartError ? error : refusal(osProblem(error), error);
  }
}

/** O_NOFOLLOW would be no help: the runtime resolves links before it opens what it is permitted to open. */
function lstatOrMake(path: string): Deno.FileInfo {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.openSync(path, { append: true, createNew: true, mode: 0o640 }).close();
    return Deno.lstatSync(path);
  }
}

/**
 * Becomes that user. With `keepsLowPorts` the right to listen below 1024 stays at hand for `withLowPorts`, and nothing
 * else. Without libc supplementary groups stay. Throws plain Error where the system does not let it, or only in part.
 */
export function dropPrivileges(
  { uid, gid }: Identity,
  { libc, keepsLowPorts }: { readonly libc: Libc; readonly keepsLowPorts: boolean },
): void {
  // Group first: without root there is no changing it. The runtime itself cannot drop supplementary groups.
  const areGroupsDropped = libc.setgroups(0n, null) === 0;
  if (!areGroupsDropped && libc !== NO_LIBC) throw new Error("Cannot drop the supplementary groups of root");
  process.setgid?.(gid);
  const changeUser = () => process.setuid?.(uid);
  if (keepsLowPorts) keepLowPorts(libc, changeUser);
  else changeUser();
  if (Deno.uid() !== uid || Deno.gid() !== gid) throw new Error(`Cannot become user ${uid} and group ${gid}`);
}

/** The groups that this process has beside `gid`, its own, as numbers. */
export function otherGroups(gid: number): readonly number[] {
  // A program that is started has the groups of whoever starts it.
  return (run("id", ["-G"]) ?? "").trim().split(" ").map(Number).filter((group) => group !== gid);
}

/** Those of the files that this process cannot open to read; after the drop a reload cannot read them either. */
export function unreadable(files: readonly Given[]): readonly Given[] {
  return files.filter(({ value }) => {
    try {
      Deno.openSync(value).close();
      return false;
    } catch {
      // Whatever keeps it from being read, the server has read it before and goes on with that.
      return true;
    }
  });
}

/** Whom this process runs as; a user that has no name is told by number. */
export function ownIdentity(): Identity & { readonly groups: readonly number[] } {
  const [uid, gid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
  const groups = (run("id", ["-G"]) ?? "").trim().split(" ").map(Number);
  return { user: run("id", ["-un"])?.trim() ?? `user ${uid}`, uid, gid, groups };
}

/** Whether this process may change to another user. */
export function isRoot(): boolean {
  return Deno.uid() === 0;
}

function readGroup(group: string): number | null {
  const line = run("getent", ["group", "--", group]);
  return line === null ? null : toNumber(line.split(":")[2]);
}

function readNumber(program: string, args: readonly string[]): number | null {
  return toNumber(run(program, args) ?? undefined);
}

function toNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : null;
}

/** What the program printed; null when it failed. */
function run(program: string, args: readonly string[]): string | null {
  const { success, stdout } = new Deno.Command(program, { args: [...args], stderr: "null" }).outputSync();
  return success ? new TextDecoder().decode(stdout) : null;
}

function unknown(given: Given, kind: string): StartError {
  return new StartError({ ...given, problem: `no such ${kind}`, remedy: `give a ${kind} of this machine` });
}
