/** Who waits for descriptors, for tests; the descriptors are eventfds: readable when what was written to them is not 0. */
import { assertEquals } from "@std/assert";
import type { ReadinessCalls } from "../lib/system/epoll.ts";
import { openLibc } from "../lib/system/libc.ts";
import { Readiness } from "../lib/system/readiness.ts";
import { readinessCalls } from "./cgi/system_calls.ts";
import { countDescriptors } from "./descriptors.ts";

export interface UnderTest {
  readonly readiness: Readiness;
  /** A descriptor, closed at the end. */
  open(): number;
  makeReadable(descriptor: number): void;
}

/** Who waits where there is nothing. */
export type Waiter = "the runtime" | "another thread";

export const WAITERS: readonly Waiter[] = ["the runtime", "another thread"];

const libc = openLibc();

/** Runs `test`, with some functions in place of the real ones, and sees that no descriptor is left. */
export async function withReadiness(
  test: (under: UnderTest) => Promise<void>,
  { waiter = "the runtime", calls = {} }: { readonly waiter?: Waiter; readonly calls?: Partial<ReadinessCalls> } = {},
): Promise<void> {
  const before = countDescriptors();
  const readiness = new Readiness({ ...readinessCalls, ...calls });
  if (waiter === "the runtime") assertEquals(await readiness.waitInRuntime(libc), true);
  const opened: number[] = [];
  const open = () => {
    opened.push(readinessCalls.eventfd(0, 0));
    return opened[opened.length - 1];
  };
  const makeReadable = (descriptor: number) => {
    readinessCalls.write(descriptor, BigUint64Array.of(1n), 8n);
  };
  try {
    await test({ readiness, open, makeReadable });
  } finally {
    await readiness.close();
    for (const descriptor of opened) readinessCalls.close(descriptor);
  }
  assertEquals(countDescriptors(), before);
}
