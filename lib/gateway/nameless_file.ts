/** Temporary files for what does not fit into memory. Separate because requests and answers have them. I/O. */
import { join } from "@std/path";

const PREFIX = "lisod-content-";
/** A file has its name for the moment between two calls: whoever is as old was left by a server that was killed then. */
const LEFT_AFTER_MS = 60_000;

/**
 * A new file without a name: nobody else can open it, and the system frees it whatever becomes of this process. The runtime makes
 * it by an open(2) in the thread of everybody, which a frozen file system lets wait. So a change that is none goes first, in
 * another thread; in between is no time to speak of.
 */
export async function openNameless(folder: string): Promise<Deno.FsFile> {
  const nothing = join(folder, "lisod-nothing");
  // rename(2) asks for leave to write before it misses the file. What else is wrong the next call tells.
  await Deno.rename(nothing, nothing).catch(() => {});
  const path = await Deno.makeTempFile({ dir: folder, prefix: PREFIX });
  try {
    return await Deno.open(path, { read: true, write: true });
  } finally {
    await Deno.remove(path);
  }
}

/** Removes what a killed server has left there; resolves to how many. Never rejects: what cannot be removed stays. */
export async function sweepFiles(folder: string, nowMs: number): Promise<number> {
  let count = 0;
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && name.startsWith(PREFIX) && await removeLeft(join(folder, name), nowMs)) count++;
    }
  } catch {
    // Whoever needs the folder tells what is wrong with it.
  }
  return count;
}

async function removeLeft(path: string, nowMs: number): Promise<boolean> {
  try {
    const { mtime } = await Deno.lstat(path);
    if (nowMs - (mtime?.getTime() ?? nowMs) < LEFT_AFTER_MS) return false;
    await Deno.remove(path);
    return true;
  } catch {
    // Another server has removed it, or it is another user's.
    return false;
  }
}
