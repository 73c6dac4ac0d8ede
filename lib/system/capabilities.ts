/**
 * Keeps, of all that root may do, the right to listen on a port below 1024 (CAP_NET_BIND_SERVICE): a new certificate
 * takes a new listener, also when the server has become another user. The right rests among the permitted ones, where it
 * does nothing, and is in effect only while a listener is opened. Capabilities belong to a thread, and each thread that
 * listens keeps its own. A program that is started gets nothing of it. See capabilities(7), capset(2),
 * prctl(2).
 */
import type { Libc } from "./libc.ts";

/** The first port that needs no right, where the system has not been told otherwise. */
export const FIRST_HIGH_PORT = 1024;

const PR_SET_KEEPCAPS = 8;
/** linux/capability.h */
const VERSION_3 = 0x2008_0522;
const NET_BIND_SERVICE = 1 << 10;
/** Two times three words, for capabilities 0 to 31 and 32 to 63: effective, permitted, inheritable. */
const WORD_COUNT = 6;
const EFFECTIVE = 0;
const PERMITTED = 1;
const INHERITABLE = [2, 5] as const;

/**
 * Runs `changeUser`, after which this thread has no capability in effect and that one right at most to put in effect. It is
 * done at one go: a thread that this one started meanwhile would keep all that root may do.
 */
export function keepLowPorts(libc: Libc, changeUser: () => void): void {
  libc.prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n);
  try {
    changeUser();
  } finally {
    restRights(libc);
  }
}

/** The one right rests, and all others go. */
function restRights(libc: Libc): void {
  libc.prctl(PR_SET_KEEPCAPS, 0n, 0n, 0n, 0n);
  const own = readCapabilities(libc);
  if (own === null) throw new Error("Cannot read the capabilities of the process");
  const rest = new Uint32Array(WORD_COUNT);
  rest[PERMITTED] = own[PERMITTED] & NET_BIND_SERVICE;
  writeCapabilities(libc, rest);
}

/**
 * The rights that whoever started this process gave it beyond its user's (`AmbientCapabilities` of a service) stay with
 * it: programs that it starts from now on inherit none, for what is not inheritable is not ambient either.
 */
export function keepRightsFromPrograms(libc: Libc): void {
  const own = readCapabilities(libc);
  if (own === null || INHERITABLE.every((word) => own[word] === 0)) return;
  for (const word of INHERITABLE) own[word] = 0;
  writeCapabilities(libc, own);
}

/**
 * Runs `listen`, whose sockets become those of that user, as if it had opened them: only then they may listen where sockets of that user
 * do. For root; for others nothing changes. setfsuid(2).
 */
export function withSocketsOf<T>(libc: Libc, userId: number, listen: () => T): T {
  const before = libc.setfsuid(userId);
  try {
    return listen();
  } finally {
    libc.setfsuid(before);
  }
}

/** Runs `listen` with the right in effect where it rests; elsewhere as it is. */
export function withLowPorts<T>(libc: Libc, listen: () => T): T {
  const before = readCapabilities(libc);
  if (before === null || !restsIn(before)) return listen();
  const raised = before.slice();
  raised[EFFECTIVE] |= NET_BIND_SERVICE;
  writeCapabilities(libc, raised);
  try {
    return listen();
  } finally {
    writeCapabilities(libc, before);
  }
}

function restsIn(capabilities: Uint32Array): boolean {
  return (capabilities[PERMITTED] & NET_BIND_SERVICE) !== 0 && (capabilities[EFFECTIVE] & NET_BIND_SERVICE) === 0;
}

/** Of this thread. */
function header(): Uint32Array<ArrayBuffer> {
  return Uint32Array.of(VERSION_3, 0);
}

/** Null where the system does not tell. */
function readCapabilities(libc: Libc): Uint32Array<ArrayBuffer> | null {
  const capabilities = new Uint32Array(WORD_COUNT);
  return libc.capget(header(), capabilities) === 0 ? capabilities : null;
}

function writeCapabilities(libc: Libc, capabilities: Uint32Array<ArrayBuffer>): void {
  if (libc.capset(header(), capabilities) !== 0) throw new Error("Cannot change the capabilities of the process");
}
