import { assertEquals } from "@std/assert";
import { epollEventLayout } from "./epoll.ts";

/** As sizeof and offsetof give them in a C program for each, with glibc 2.36. */
const LAYOUTS = [
  { arch: "x86_64", dataOffset: 4, byteCount: 12 },
  { arch: "aarch64", dataOffset: 8, byteCount: 16 },
] as const;

for (const { arch, ...layout } of LAYOUTS) {
  Deno.test(`epollEventLayout() is that of C for ${arch}`, () => assertEquals(epollEventLayout(arch), layout));
}
