/**
 * How long the head of an answer waits for the rest of a small content (ScriptContent.gather). Separate because whoever runs
 * programs and whoever asks upstreams wait alike, each with one timer for all that begin within that time. I/O: a timer.
 */

/** How long a head waits at most for the rest of a small answer. */
const GATHER_MS = 50;

export class GatherTimer {
  #next: Promise<"later"> | null = null;
  #timer: number | undefined = undefined;

  /** Resolves within `GATHER_MS`, but not after `stop`. */
  moment(): Promise<"later"> {
    return this.#next ??= new Promise((resolve) => {
      this.#timer = setTimeout(() => {
        this.#next = null;
        resolve("later");
      }, GATHER_MS);
    });
  }

  /** To be called when nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
