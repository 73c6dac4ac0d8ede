import { assert, assertEquals } from "@std/assert";
import { descriptorBound } from "./descriptor_bound.ts";
import { NO_LIBC, openLibc } from "./libc.ts";

const libc = openLibc();
const { symbols: { fcntl } } = Deno.dlopen("libc.so.6", {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
});
/** Linux, fcntl.h. */
const F_DUPFD = 0;

Deno.test("descriptorBound() is beyond every descriptor, also one whose number is high, and takes none", () => {
  const numbers = () => [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
  const before = numbers();
  assert(descriptorBound(libc) > Math.max(...before));
  assertEquals(numbers(), before);
  const high = fcntl(0, F_DUPFD, 3000);
  assert(high >= 3000);
  const bound = descriptorBound(libc);
  libc.close(high);
  assert(bound > high && bound < 2 * high + 64, `${bound}`);
});

Deno.test("descriptorBound() is the limit of the process where there is no /proc, within reason", () => {
  const table: readonly (readonly [limit: bigint, bound: number])[] = [[1024n, 1024], [1_048_576n, 65_536]];
  for (const [limit, bound] of table) {
    const getrlimit = (_: number, bytes: BufferSource | null) => {
      if (bytes instanceof Uint8Array) new BigUint64Array(bytes.buffer)[0] = limit;
      return 0;
    };
    assertEquals(descriptorBound({ ...libc, open: () => -1, getrlimit }), bound);
    // Some systems tell 0.
    const read = (_: number, bytes: BufferSource | null) =>
      BigInt(new TextEncoder().encodeInto("Name:\tlisod\nFDSize:\t0\n", bytes as Uint8Array).written);
    assertEquals(descriptorBound({ ...libc, read, getrlimit }), bound);
  }
});

Deno.test("descriptorBound() is 0 where the C library is not to be called", () => {
  assertEquals(descriptorBound(NO_LIBC), 0);
});
