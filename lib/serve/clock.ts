/** The time that all connections of a thread go by. Separate, for tests put one that stands still in its place. */

/** The time of the present turn of the event loop: asked for often, so it is read once after each read of a socket. */
export class Clock {
  /** Unix time in milliseconds. */
  nowMs = Date.now();

  update(): void {
    this.nowMs = Date.now();
  }
}
