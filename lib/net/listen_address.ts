/** Where to listen, and as which of several threads that listen there. Apart from those who listen: config makes it. Pure. */

export interface ListenAddress {
  /** How the operator knows the port, for messages: `--http`, `<HTTP port>`. */
  readonly argument: string;
  /** 0: the kernel chooses. */
  readonly port: number;
  /** Address or name to bind; null for every address of the machine: `::` where it has IPv6 (dual stack), else 0.0.0.0. */
  readonly hostname: string | null;
}

/** One of the threads that serve; each has listeners of its own, which share the ports. */
export interface Part {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Who serves alone. */
export const WHOLE: Part = { index: 0, count: 1 };

/** What a part is called in the log. */
export function nameOf({ index, count }: Part): string {
  return count === 1 ? "main" : `worker-${index + 1}`;
}
