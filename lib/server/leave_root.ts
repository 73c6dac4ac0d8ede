/**
 * The steps by which a server that was started as root becomes another user: what it hands over before, and what it tells
 * the operator after. Separate from privileges.ts, which knows users and rights but no Config. I/O.
 */
import type { Config } from "./config.ts";
import type { HttpsListener } from "./https_listener.ts";
import type { Libc } from "./libc.ts";
import type { Log } from "./log.ts";
import { FIRST_HIGH_PORT } from "./low_ports.ts";
import { argumentLabel, type Form, type ValueName } from "./options.ts";
import { dropPrivileges, giveFile, type Identity, type NamedFile, unreadable } from "./privileges.ts";

/** Before the log is opened: the user will have to open it again. Throws StartError, as `giveFile` does. */
export function giveLogs({ form, logFile, accessLogFile }: Config, identity: Identity): void {
  for (const file of namedFiles([["log", logFile], ["access-log", accessLogFile]], form)) giveFile(file, identity);
}

/** What the server has opened, and where it speaks. */
export interface Opened {
  readonly config: Config;
  readonly libc: Libc | null;
  readonly https: HttpsListener | null;
  readonly log: Log;
}

/** Becomes that user for good, and says what a reload will not be able to read. Throws plain Error. */
export function leaveRoot(identity: Identity, { config, libc, https, log }: Opened): void {
  https?.giveTo(identity);
  // A new certificate takes a new listener on the same port.
  const keepsLowPorts = https !== null && https.listener.addr.port < FIRST_HIGH_PORT;
  dropPrivileges(identity, { libc, keepsLowPorts });
  log.info("main", `running as user ${identity.user} (${identity.uid}), group ${identity.gid}`);
  for (const { path, argument } of unreadable(reloadedFiles(config))) {
    log.warn("main", `${argument} "${path}" is for others to read: SIGHUP will keep what was read as root`);
  }
}

/** The files that SIGHUP reads again; error pages are for every user to read. */
function reloadedFiles(config: Config): readonly NamedFile[] {
  const { form, keyFile, certificateFile, keyPassphraseFile, access } = config;
  return [
    ...namedFiles([["key", keyFile], ["certificate", certificateFile], ["key-passphrase", keyPassphraseFile]], form),
    ...access.realms.map(({ file }) => ({ path: file, argument: argumentLabel("auth", form) })),
  ];
}

function namedFiles(files: readonly (readonly [ValueName, string | null])[], form: Form): readonly NamedFile[] {
  return files.flatMap(([name, path]) => path === null ? [] : [{ path, argument: argumentLabel(name, form) }]);
}
