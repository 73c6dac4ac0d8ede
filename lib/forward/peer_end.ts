/** How a peer's use of its connection ends, as a promise for whoever asks: most ask nothing, and a promise for each would cost. Pure. */

export class PeerEnd {
  #isUsable: boolean | null = null;
  #waiting: PromiseWithResolvers<boolean> | null = null;

  /** To be called once; what comes later says nothing. */
  tell(isUsable: boolean): void {
    this.#isUsable ??= isUsable;
    this.#waiting?.resolve(this.#isUsable);
  }

  get promise(): Promise<boolean> {
    if (this.#isUsable !== null) return Promise.resolve(this.#isUsable);
    return (this.#waiting ??= Promise.withResolvers()).promise;
  }
}
