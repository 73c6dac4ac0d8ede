/** Waits until a script has its place among those that run. Separate from the queue, which knows no time. I/O: timer. */
import type { WaitClock } from "../clock.ts";
import { Crowded, type HttpRequest } from "../http/message.ts";
import type { ScriptQueue, ScriptTurn } from "./script_queue.ts";

/** Waits for `scriptMs` at most, and no longer than the client. Throws as `ScriptQueue.begin`, and HttpError 503 when it is too late. */
export async function takePlace(
  queue: ScriptQueue,
  turn: ScriptTurn,
  { request, clock, scriptMs }: {
    readonly request: Pick<HttpRequest, "signal" | "notes">;
    readonly clock: WaitClock;
    readonly scriptMs: number;
  },
): Promise<void> {
  const waiting = queue.begin(turn);
  if (waiting === null) return request.notes?.mark("queue");
  const endMs = clock.nowMs + scriptMs;
  const giveUp = (error: unknown) => queue.cancel(turn, error);
  const onAbort = () => giveUp(new Deno.errors.Interrupted("The client has gone"));
  const look = () => {
    clock.update();
    if (clock.nowMs < endMs) timer = setTimeout(look, endMs - clock.nowMs);
    else giveUp(new Crowded(`No script ended within ${scriptMs} ms to make room`));
  };
  let timer = setTimeout(look, scriptMs);
  const { signal } = request;
  signal.addEventListener("abort", onAbort);
  try {
    if (signal.aborted) onAbort();
    await waiting;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    request.notes?.mark("queue");
  }
}
