import { assertEquals } from "@std/assert";
import { playInLanes, type Program, runPrograms } from "./run_programs.ts";

/** Runs programs in a process of its own, and returns what it prints and what it is told of their ends. */
async function show(programs: readonly Program[], laneCount: number) {
  const script = `import { runPrograms } from ${JSON.stringify(import.meta.resolve("./run_programs.ts"))};
    console.log(JSON.stringify(await runPrograms(${JSON.stringify(programs)}, ${laneCount})));`;
  const url = `data:text/typescript,${encodeURIComponent(script)}`;
  const args = ["run", "--quiet", "--no-check", "--allow-all", url];
  const signal = AbortSignal.timeout(20_000);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, signal }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const [, shown, ends] = /^([^]*?)(\[.*\])\n$/.exec(printed) ?? [null, printed, "[]"];
  return { shown, errors, ends: JSON.parse(ends) as Awaited<ReturnType<typeof runPrograms>> };
}

function shell(name: string, words: string): Program {
  return { name, command: ["sh", "-c", words] };
}

Deno.test("playInLanes() plays all in their order, as many at once as there are lanes", async () => {
  for (const laneCount of [1, 2, 3, 9]) {
    const items = [0, 1, 2, 3, 4, 5];
    const begun: number[] = [];
    const open = new Map<number, () => void>();
    let most = 0;
    const played = playInLanes(items, {
      laneCount,
      play: async (item) => {
        begun.push(item);
        await new Promise<void>((end) => open.set(item, end));
        open.delete(item);
        return item * 10;
      },
    });
    while (open.size > 0) {
      most = Math.max(most, open.size);
      // The one that began last ends first: a lane that is held up holds up no other.
      [...open.values()].at(-1)?.();
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(begun, items);
    assertEquals(most, Math.min(laneCount, items.length));
    assertEquals(await played, items.map((item) => item * 10));
  }
});

Deno.test("runPrograms() runs programs side by side, and shows what each printed in one piece", async () => {
  const folder = await Deno.makeTempDir();
  const wait = (name: string) => `until [ -e ${folder}/${name} ]; do sleep 0.01; done`;
  // The first one ends after the others, and these do not begin to print before it has.
  const first = `echo a1; echo a2 >&2; touch ${folder}/a; ${wait("c")}; printf a3; exit 3`;
  const others = [shell("b", `${wait("a")}; echo b1; echo b2`), shell("c", `echo c1; touch ${folder}/c`)];
  const { shown, errors, ends } = await show([shell("a", first), ...others], 2);
  assertEquals(shown.replace(/\d+\.\d s$/m, "T").split(/^(?=--- .$)/m).toSorted(), [
    "--- a\na1\na3\n--- a failed with exit status 3 after T\n",
    "--- b\nb1\nb2\n",
    "--- c\nc1\n",
  ]);
  assertEquals(errors, "a2\n");
  assertEquals(ends, [
    { output: "a1\na3a2\n", success: false },
    { output: "b1\nb2\n", success: true },
    { output: "c1\n", success: true },
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("runPrograms() goes on after a program that cannot be run", async () => {
  const none = { name: "none", command: ["/no/such/program"] };
  for (const programs of [[none, shell("a", "echo a")], [none]]) {
    const { shown, ends } = await show(programs, 1);
    assertEquals(shown.split("\n").slice(0, 2).map((line) => line.slice(0, 23)), [
      "--- none",
      "--- none cannot be run:",
    ]);
    assertEquals(ends.map(({ success }) => success), programs.map((program) => program !== none));
  }
});
