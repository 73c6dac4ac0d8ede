/**
 * The steps by which a server that was started as root becomes another user: what it hands over before, and what it tells
 * the operator after. Separate from privileges.ts, which knows users and rights but no Config. I/O.
 */
import { type Config, credentialPaths, logFiles, userFiles } from "../config/config.ts";
import { type Libc, NO_LIBC } from "../system/libc.ts";
import { ListeningPort } from "../net/listening_port.ts";
import type { Log } from "../log/log.ts";
import { standardStream } from "../log/standard_stream.ts";
import { FIRST_HIGH_PORT } from "../system/capabilities.ts";
import type { Given } from "../start_error.ts";
import { dropPrivileges, giveFile, type Identity, otherGroups, unreadable } from "./privileges.ts";

/** Before the log is opened: the user will have to open it again. Throws StartError, as `giveFile` does. */
export function giveLogs(config: Config, identity: Identity): void {
  for (const file of logFiles(config)) {
    if (standardStream(file.value) === null) giveFile(file, identity);
  }
}

/** What the server has opened, and where it speaks. */
export interface Opened {
  readonly config: Config;
  /** Files of the configuration itself, and folders of such files. */
  readonly configPaths: readonly string[];
  readonly libc: Libc;
  /** Where it listens for HTTPS. */
  readonly httpsPorts: readonly number[];
  readonly log: Log;
}

/** Whether there is a port that a new certificate takes a new listener on, and that is not for every user. */
export function needsLowPort(httpsPorts: readonly number[]): boolean {
  return httpsPorts.some((port) => port < FIRST_HIGH_PORT);
}

/** Becomes that user for good, and says what a reload will not be able to do. Throws plain Error. */
export function leaveRoot(identity: Identity, { config, configPaths, libc, httpsPorts, log }: Opened): void {
  const isNative = libc !== NO_LIBC;
  const isLow = needsLowPort(httpsPorts);
  // The user could not take over a port of root's later; without libc the port is closed first, and that alone is forbidden below 1024.
  const isGiven = httpsPorts.every((port) => new ListeningPort(libc, port).giveTo(identity));
  if (!isGiven && (isNative || isLow)) {
    log.warn("https", "A new certificate takes a restart: the socket stays with root");
  }
  dropPrivileges(identity, { libc, keepsLowPorts: isNative && isLow });
  log.info("main", `running as user ${identity.user} (${identity.uid}), group ${identity.gid}`);
  const groups = isNative ? [] : otherGroups(identity.gid);
  if (groups.length > 0) {
    log.warn("main", `supplementary groups stay (${groups.join(", ")}): start through setpriv --clear-groups`);
  }
  for (const { argument, value } of unreadable([...reloadedFiles(config), ...configPaths.map(asGiven)])) {
    log.warn(
      "main",
      `${argument} "${value}" cannot be read by ${identity.user}: SIGHUP will keep what was read as root`,
    );
  }
}

function asGiven(path: string): Given {
  return { argument: "the configuration", value: path };
}

/** The files that SIGHUP reads again; error pages are for every user to read. */
function reloadedFiles(config: Config): readonly Given[] {
  return [...credentialPaths(config), ...userFiles(config)];
}
