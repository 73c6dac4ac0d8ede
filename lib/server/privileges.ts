/**
 * Leaves root for good: what needs it (ports below 1024, a key for root's eyes, the log's folder) has been opened before.
 * User and group ids of all threads change, supplementary groups are dropped, and there is no way back. I/O.
 */
import process from "node:process";
import type { Libc } from "./libc.ts";
import { StartError } from "./start_error.ts";

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
export function findIdentity(user: string, group: string | null): Identity {
  const uid = readNumber("id", ["-u", "--", user]);
  if (uid === null) throw unknown("--user", user, "user");
  const gid = group === null ? readNumber("id", ["-g", "--", user]) : readGroup(group);
  if (gid === null) throw unknown("--group", group ?? "", "group");
  return { user, uid, gid };
}

/** Becomes that user. Files that must stay writable, such as the log, are given to it first. Throws plain Error. */
export function dropPrivileges({ uid, gid }: Identity, libc: Libc | null, files: readonly string[]): void {
  for (const path of files) Deno.chownSync(path, uid, gid);
  // Group first: without root there is no changing it. The runtime itself cannot drop supplementary groups.
  if (libc === null || libc.setgroups(0n, null) !== 0) throw new Error("Cannot drop the supplementary groups of root");
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (Deno.uid() !== uid || Deno.gid() !== gid) throw new Error(`Cannot become user ${uid} and group ${gid}`);
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

function unknown(argument: string, value: string, kind: string): StartError {
  return new StartError({ argument, value, problem: `no such ${kind}`, remedy: `give a ${kind} of this machine` });
}
