/**
 * What a server leaves undone that calls no C library, because the runtime has no words for it. Separate from what does it
 * otherwise, so that the operator is told all of it in one place, at the start. Pure. readme.txt 15 has the whole list.
 */
import { type Config, usesCgi } from "../config/config.ts";

export interface Surroundings {
  /** There is a service manager that waits for word and cannot be told. */
  readonly hasUntoldManager: boolean;
  /** It is process 1, of a container. */
  readonly isFirst: boolean;
}

/** One line for the log each, for what applies to that configuration. */
export function runtimeLimits(config: Config, { hasUntoldManager, isFirst }: Surroundings): readonly string[] {
  const { https, foreground } = config;
  const limits: readonly (readonly [applies: boolean, text: string])[] = [
    [true, "a connection whose write hangs is closed only when its client ends it"],
    [true, "--max-unsent-bytes does not hold: for a client that does not read, the system keeps up to some MiB"],
    [https.length > 0, "a connection that is silent in its TLS handshake is closed only when its client ends it"],
    [https.length > 0, "the first answer on a TLS connection may wait 40 ms for the client"],
    [https.length > 0, "a new certificate refuses clients for a moment"],
    [
      usesCgi(config),
      "programs inherit what the server was started with: open descriptors, and rights beyond its user's",
    ],
    [
      usesCgi(config) && isFirst,
      "processes that programs leave behind stay as zombies: start the server under an init",
    ],
    [!foreground, "the daemon keeps open what the command had inherited open"],
    [!foreground, "what the runtime itself says when it fails is lost: the daemon's standard error cannot be the log"],
    [hasUntoldManager, "the service manager is not told: NOTIFY_SOCKET names no file"],
  ];
  return limits.flatMap(([applies, text]) => applies ? [text] : []);
}
