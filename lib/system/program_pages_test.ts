import { assertEquals } from "@std/assert";
import { NO_LIBC } from "./libc.ts";
import { type PageCalls, programMappings, releaseProgramPages } from "./program_pages.ts";

/** As a program has it that was linked at its start, beside a library and memory without a file. */
const MAPS = `5585e29cd000-5585e4f80000 r--p 00000000 fe:00 2187479                    /opt/my lisod
5585e4f81000-5585e8445000 r-xp 025b3000 fe:00 2187479                    /opt/my lisod
5585e8445000-5585e862d000 r--p 05a76000 fe:00 2187479                    /opt/my lisod
5585e862d000-5585e863d000 rw-p 05c5d000 fe:00 2187479                    /opt/my lisod
5585e9000000-5585e9001000 rw-p 00000000 00:00 0                          [heap]
7f3e2a000000-7f3e2a021000 r-xp 00000000 00:00 0
7f3e2b028000-7f3e2b17d000 r-xp 00028000 fe:00 1234                       /usr/lib/x86_64-linux-gnu/libc.so.6
`;

const UNCHANGED = [
  { first: 0x5585e29cd000n, end: 0x5585e4f80000n },
  { first: 0x5585e4f81000n, end: 0x5585e8445000n },
];

Deno.test("programMappings() has code and what never could be written, of that file alone", () => {
  assertEquals(programMappings(MAPS, "/opt/my lisod"), UNCHANGED);
  assertEquals(programMappings(MAPS, "/opt/lisod"), []);
  assertEquals(programMappings("", "/opt/lisod"), []);
});

/** The system, with such a /proc/self/maps. */
function system(maps: string, advised: (readonly bigint[])[]): PageCalls {
  let rest = new TextEncoder().encode(maps);
  return {
    open: () => 7,
    read: (_descriptor, into) => {
      const count = Math.min(rest.length, 100);
      into.set(rest.subarray(0, count));
      rest = rest.slice(count);
      return BigInt(count);
    },
    close: () => 0,
    madvise: (address, byteCount, advice) => advised.push([address, byteCount, BigInt(advice)]) * 0,
  };
}

Deno.test("releaseProgramPages() gives these back, and nothing where the system does not tell", () => {
  const advised: (readonly bigint[])[] = [];
  releaseProgramPages("/opt/my lisod", system(MAPS, advised));
  assertEquals(advised, UNCHANGED.map(({ first, end }) => [first, end - first, 4n]));
  advised.length = 0;
  releaseProgramPages("/opt/my lisod", { ...system(MAPS, advised), open: NO_LIBC.open });
  assertEquals(advised, []);
});
