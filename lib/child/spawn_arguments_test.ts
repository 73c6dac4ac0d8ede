import { assertEquals, assertThrows } from "@std/assert";
import { SpawnMemory } from "./spawn_arguments.ts";

/** Where the memory lies does not matter here. */
const MEMORY = new SpawnMemory({ memcpy: () => 0n });

/** The texts that were laid, from the program on, as numbers of their bytes. */
function laidBytes(words: readonly string[], environment: Readonly<Record<string, string>>): number[][] {
  const { program } = MEMORY.lay({ words, environment, folder: "/tmp" });
  const count = words.length + Object.keys(environment).length + 1;
  const texts: number[][] = [];
  for (let start = 0; texts.length < count;) {
    const end = program.indexOf(0, start);
    texts.push([...program.subarray(start, end)]);
    start = end + 1;
  }
  return texts;
}

const encode = (text: string) => [...new TextEncoder().encode(text)];

Deno.test("SpawnMemory.lay() lays each text as UTF-8, and each byte that is none as it is", () => {
  assertEquals(laidBytes(["/bin/p", "ü", "caf\udce9"], { A: "", PATH_INFO: "/\udcff€/\udc80", B: "b" }), [
    encode("/bin/p"),
    encode("ü"),
    [...encode("caf"), 0xe9],
    encode("A="),
    [...encode("PATH_INFO=/"), 0xff, ...encode("€/"), 0x80],
    encode("B=b"),
    encode("/tmp"),
  ]);
});

Deno.test("SpawnMemory.lay() refuses a text that has a NUL in it", () => {
  assertThrows(() => MEMORY.lay({ words: ["/bin/p"], environment: { A: "b\0c" }, folder: "/" }), TypeError);
});
