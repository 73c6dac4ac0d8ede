/**
 * Whose turn it is when several streams have something to send: the most urgent first; of those with the same urgency the
 * incremental ones share frame by frame, the others go one after the other, and both kinds take turns. RFC 9218 10.
 */
import { LEAST_URGENCY } from "./priority.ts";
import type { Stream } from "./stream.ts";

/** Streams of one urgency. */
interface Level {
  /** By their numbers. */
  readonly sequential: Stream[];
  /** The next one first. */
  readonly shared: Stream[];
  isSharedNext: boolean;
}

export class SendScheduler {
  readonly #levels: (Level | null)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#count++;
    const level = this.#levels[stream.urgency] ??= { sequential: [], shared: [], isSharedNext: false };
    if (stream.isIncremental) {
      level.shared.push(stream);
    } else {
      let at = level.sequential.length;
      while (at > 0 && level.sequential[at - 1].id > stream.id) at--;
      level.sequential.splice(at, 0, stream);
    }
  }

  remove(stream: Stream): void {
    if (!stream.isQueued) return;
    stream.isQueued = false;
    this.#count--;
    const level = this.#levels[stream.urgency];
    const list = stream.isIncremental ? level?.shared : level?.sequential;
    list?.splice(list.indexOf(stream), 1);
  }

  /** The one that may send a frame now, and stays in; null where nobody waits. */
  next(): Stream | null {
    if (this.#count === 0) return null;
    for (const level of this.#levels) {
      if (!level) continue;
      const { sequential, shared } = level;
      if (shared.length > 0 && (sequential.length === 0 || level.isSharedNext)) {
        level.isSharedNext = false;
        const [stream] = shared.splice(0, 1);
        shared.push(stream);
        return stream;
      }
      level.isSharedNext = true;
      if (sequential.length > 0) return sequential[0];
    }
    return null;
  }

  /** Whether one waits that is more urgent. */
  hasMoreUrgent({ urgency }: Stream): boolean {
    if (this.#count === 0) return false;
    for (let at = 0; at < urgency; at++) {
      const level = this.#levels[at];
      if (level && level.sequential.length + level.shared.length > 0) return true;
    }
    return false;
  }

  /** The client wants another order. */
  reprioritize(stream: Stream, { urgency, isIncremental }: Pick<Stream, "urgency" | "isIncremental">): void {
    const { isQueued } = stream;
    this.remove(stream);
    stream.urgency = Math.min(urgency, LEAST_URGENCY);
    stream.isIncremental = isIncremental;
    if (isQueued) this.add(stream);
  }
}
