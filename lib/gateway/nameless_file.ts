/** Temporary files for what does not fit into memory. Separate because requests and answers have them. I/O. */

/**
 * A new file without a name: nobody else can open it, and the system frees it whatever becomes of this process. Not by calls
 * that wait: a file system may be frozen.
 */
export async function openNameless(folder: string): Promise<Deno.FsFile> {
  const path = await Deno.makeTempFile({ dir: folder, prefix: "lisod-content-" });
  try {
    return await Deno.open(path, { read: true, write: true });
  } finally {
    await Deno.remove(path);
  }
}
