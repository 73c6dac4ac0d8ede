/**
 * Gives up, for good, every kind of permission of the runtime that the server does not need once it serves. What is open
 * stays usable: listeners accept, the log is written, the lock is given back. A kind can only be given up whole, for taking
 * a part out of a permission that was granted whole does nothing; narrower are only the rights of the user that the server
 * runs as (--user) and what a service manager takes away. CGI programs need none to run: they are started through functions
 * of the C library that were opened before (lib/cgi/system_calls.ts). I/O.
 */
import { type Config, usesCgi } from "./config.ts";

const KINDS = ["read", "write", "net", "run", "env", "sys", "ffi", "import"] as const;

export type PermissionKind = (typeof KINDS)[number];

/** The kinds that a server with that configuration needs from now on. */
export function neededKinds(config: Config): readonly PermissionKind[] {
  const hasLog = config.logFile !== null || config.accessLogFile !== null;
  const needed: Readonly<Partial<Record<PermissionKind, boolean>>> = {
    read: true,
    // To open a log again; content of requests on its way to programs.
    write: hasLog || usesCgi(config),
    // A new certificate takes a new listener.
    net: config.https !== null,
  };
  return KINDS.filter((kind) => needed[kind] === true);
}

/** Gives up all others. Returns the kinds that are left, as the runtime says. */
export function giveUpPermissions(config: Config): readonly PermissionKind[] {
  const needed = neededKinds(config);
  for (const name of KINDS) {
    if (!needed.includes(name)) Deno.permissions.revokeSync({ name });
  }
  return KINDS.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
}
