/**
 * What stands in front of each script's command where the operator asked for resource limits or another user. Each is a
 * program that changes itself and then executes the rest, so that the server is not copied to start a script. Pure.
 */

/** Limits of one script, as setrlimit(2) has them; null: as the server's own. */
export interface ResourceLimits {
  /** Processor seconds. */
  readonly cpuSeconds: number | null;
  /** Bytes of address space. */
  readonly memoryBytes: number | null;
  /** Open files. */
  readonly fileCount: number | null;
  /** Processes of the script's user in all, and not of the script alone. */
  readonly processCount: number | null;
}

/** Numeric ids of the user that scripts run as. */
export interface ScriptUser {
  readonly uid: number;
  readonly gid: number;
}

const PRLIMIT = "/usr/bin/prlimit";
const SETPRIV = "/usr/bin/setpriv";

/** Words to put in front of a command. `user` null: scripts run as the server does. */
export function commandPrefix(
  { user, resources }: { readonly user: ScriptUser | null; readonly resources: ResourceLimits },
): readonly string[] {
  return [...limitWords(resources), ...userWords(user)];
}

function limitWords({ cpuSeconds, memoryBytes, fileCount, processCount }: ResourceLimits): readonly string[] {
  const options = [
    ["cpu", cpuSeconds],
    ["as", memoryBytes],
    ["nofile", fileCount],
    ["nproc", processCount],
  ].flatMap(([name, value]) => value === null ? [] : [`--${name}=${value}`]);
  return options.length === 0 ? [] : [PRLIMIT, ...options];
}

/** After the limits, for only root may raise them. */
function userWords(user: ScriptUser | null): readonly string[] {
  return user === null ? [] : [SETPRIV, `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
}
