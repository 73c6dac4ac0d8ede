import { assertEquals } from "@std/assert";
import { Utf8Checker } from "./utf8_checker.ts";

/** As the runtime decides it. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("Utf8Checker takes what the runtime takes, for all lead bytes and the edges of what follows", () => {
  const edges = [
    0x00,
    0x41,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
  ];
  const leads = [0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
  const sequences = [
    ...Array.from({ length: 256 }, (_, lead) => edges.map((second) => [lead, second])).flat(),
    ...leads.flatMap((lead) => edges.flatMap((second) => edges.map((third) => [lead, second, third]))),
    ...leads.flatMap((lead) =>
      edges.flatMap((second) =>
        edges.flatMap((third) => [0x7f, 0x80, 0xbf, 0xc0].map((fourth) => [lead, second, third, fourth]))
      )
    ),
  ];
  for (const sequence of sequences) {
    const bytes = Uint8Array.from(sequence);
    const [whole, parts] = [new Utf8Checker(), new Utf8Checker()];
    const isWhole = whole.accepts(bytes) && whole.isWhole;
    const inParts = sequence.every((_, at) => parts.accepts(bytes, at, at + 1)) && parts.isWhole;
    // Compared by hand, for that is done 20,000 times.
    const want = isUtf8(bytes);
    if (isWhole !== want || inParts !== want) assertEquals([isWhole, inParts], [want, want], bytes.toHex());
  }
});
