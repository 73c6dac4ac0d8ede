/**
 * What the signals mean. SIGTERM and SIGINT stop in order, a second one stops at once; SIGHUP reloads, SIGUSR1 reopens
 * the log, SIGURG asks for the place of this server (successor.ts). SIGPIPE the runtime ignores, and SIGCHLD it handles itself. I/O.
 */

export interface SignalActions {
  /** The first SIGTERM or SIGINT. */
  readonly stop: () => void;
  /** The second one. */
  readonly stopNow: () => void;
  readonly reload: () => void;
  readonly reopenLog: () => void;
  readonly share: () => void;
}

/** Takes the signals over, for the rest of the process's life. */
export function handleSignals(actions: SignalActions): void {
  let isStopping = false;
  const stop = () => {
    if (isStopping) return actions.stopNow();
    isStopping = true;
    actions.stop();
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", actions.reload);
  Deno.addSignalListener("SIGUSR1", actions.reopenLog);
  Deno.addSignalListener("SIGURG", actions.share);
}
