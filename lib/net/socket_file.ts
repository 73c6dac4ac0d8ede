/**
 * Listens on a socket with a name in the file system, and removes the name when that ends. Separate from listen.ts, for a
 * file has an owner, may be left behind by a server that is gone, and has to go with the one that has made it. unix(7). I/O.
 */
import { descriptorBound } from "../system/descriptor_bound.ts";
import type { Libc } from "../system/libc.ts";
import { osProblem, StartError } from "../start_error.ts";
import type { SocketFile } from "./listen_address.ts";
import { SocketAddress } from "./socket_address.ts";

export interface ListeningFile {
  readonly listener: Deno.UnixListener;
  /** That of the socket; undefined where nobody can tell. */
  readonly descriptor: number | undefined;
  /** Removes the file, unless another one has its name now. Idempotent; never throws. False where this user may not. */
  remove(): boolean;
}

/** Whom the file is given to; null: whose it is. */
export interface FileOwner {
  readonly uid: number | null;
  readonly gid: number | null;
}

/** Before the file has its mode nobody may connect but its owner. */
const UMASK = 0o177;

/**
 * Listens on a new file of that name, mode and owner; one that a server has left which is gone is replaced. Whoever calls
 * closes the listener and removes the file. Rejects with StartError where somebody listens there, where it is something else
 * than a socket, and where the file cannot be made or given away. Two servers that replace the same file in the same instant
 * may both think that it is theirs: one of them then has none.
 */
export async function listenOnFile(
  file: SocketFile,
  { owner, libc }: { readonly owner: FileOwner; readonly libc: Libc },
): Promise<ListeningFile> {
  await refuseTaken(file);
  // When the runtime closes a listener it removes whatever has the name that it was opened by then, also what is another's
  // (Deno 2.7.11; findings/deno-unix-close.sh): so it is opened by another name, and the file renamed once it is ready. ss(8) shows that name.
  const path = `${file.path}.${Deno.pid}`;
  const before = Deno.umask(UMASK);
  let listener: Deno.UnixListener | null = null;
  try {
    listener = Deno.listen({ transport: "unix", path });
    if (owner.uid !== null || owner.gid !== null) Deno.chownSync(path, owner.uid, owner.gid);
    // After that: a change of the owner may take bits away.
    Deno.chmodSync(path, file.mode);
    const { ino } = Deno.lstatSync(path);
    Deno.renameSync(path, file.path);
    return { listener, descriptor: descriptorOfFile(libc, path), remove: () => removeFile(file.path, ino) };
  } catch (error) {
    listener?.close();
    throw refusal(file, error);
  } finally {
    Deno.umask(before);
  }
}

/** Of the socket of this process that listens by that name. */
function descriptorOfFile(libc: Libc, path: string): number | undefined {
  const address = new SocketAddress();
  const numbers = Array.from({ length: descriptorBound(libc) }, (_, fd) => fd);
  return numbers.find((fd) => {
    if (libc.getsockname(fd, address.bytes, address.room()) !== 0 || address.path !== path) return false;
    return libc.getpeername(fd, address.bytes, address.room()) !== 0;
  });
}

async function refuseTaken(file: SocketFile): Promise<void> {
  const { path, argument } = file;
  try {
    if (!Deno.lstatSync(path).isSocket) {
      const remedy = "name another file, or move that away";
      throw new StartError({ argument, value: path, problem: "is there, and is no socket", remedy });
    }
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    // Nobody has it open any more: all else, were it a queue that is full, tells of somebody.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return;
    throw refusal(file, error);
  }
  const remedy = `stop what listens there (ss -lxp | grep ${path}), or name another file`;
  throw new StartError({ argument, value: path, problem: "already in use", remedy });
}

function removeFile(path: string, ino: number | null): boolean {
  try {
    if (Deno.lstatSync(path).ino === ino) Deno.removeSync(path);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function refusal({ argument, path }: SocketFile, error: unknown): StartError {
  if (error instanceof StartError) return error;
  const remedy = "name a file in a folder where the server may make one, and an owner that it may give it to";
  return new StartError({ argument, value: path, problem: osProblem(error), remedy }, { cause: error });
}
