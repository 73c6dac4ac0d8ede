import { assertEquals } from "@std/assert";
import { measureGrowth, type Sample } from "./memory.ts";

/** A sample a second. */
function samples(seconds: number, bytesAt: (seconds: number) => number): readonly Sample[] {
  return Array.from({ length: seconds + 1 }, (_, at) => ({ seconds: at, bytes: bytesAt(at) }));
}

Deno.test("measureGrowth() compares the end with the first minute, and a short soak with its half", () => {
  const table: readonly { readonly name: string; readonly samples: readonly Sample[]; readonly want: number[] }[] = [
    { name: "rises before it is warm", samples: samples(900, (at) => at < 60 ? at : 100), want: [100, 100] },
    { name: "rises after it was warm", samples: samples(900, (at) => at < 880 ? 100 : 200), want: [100, 200] },
    { name: "rises and falls", samples: samples(900, (at) => at > 100 && at < 800 ? 500 : 100), want: [100, 100] },
    { name: "a peak at the end", samples: samples(900, (at) => at === 900 ? 500 : 100), want: [100, 100] },
    { name: "a short one", samples: samples(20, (at) => at < 10 ? 1 : at < 15 ? 100 : 200), want: [100, 200] },
  ];
  for (const { name, samples, want } of table) {
    const { warmBytes, endBytes, allowedBytes } = measureGrowth(samples);
    assertEquals([warmBytes, endBytes, allowedBytes], [...want, want[0] * 0.1], name);
  }
});
