/** A pace for long work that is due at each part, and counts how often others had their turn. */
import type { WorkPace } from "../lib/listing/sort_in_parts.ts";

export class CountedPace implements WorkPace {
  pauseCount = 0;

  isDue(): boolean {
    return true;
  }

  pause(): Promise<void> {
    this.pauseCount++;
    return Promise.resolve();
  }
}
