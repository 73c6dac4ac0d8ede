import { assertEquals } from "@std/assert";
import { encodeByteText, textOfBytes } from "./byte_text.ts";
import { latin1Text } from "./grammar.ts";

function textOf(...bytes: readonly number[]): string {
  return textOfBytes(latin1Text(Uint8Array.from(bytes), 0, bytes.length));
}

function bytesOf(text: string): number[] {
  const bytes = new Uint8Array(3 * text.length);
  return [...bytes.subarray(0, encodeByteText(text, bytes))];
}

const ROWS: readonly (readonly [name: string, bytes: readonly number[], text: string])[] = [
  ["nothing", [], ""],
  ["ASCII", [0, 0x41, 0x7f], "\0A\x7f"],
  ["UTF-8 of each length", [0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], "ü€😀"],
  ["the mark of UTF-8", [0xef, 0xbb, 0xbf, 0x41], "\ufeffA"],
  ["Latin-1", [0x63, 0x61, 0x66, 0xe9], "caf\udce9"],
  ["Latin-1 beside UTF-8", [0xe9, 0xc3, 0xa9, 0xe9], "\udce9é\udce9"],
  ["a sequence that is cut", [0xe2, 0x82, 0x41, 0xf0, 0x9f, 0x98], "\udce2\udc82A\udcf0\udc9f\udc98"],
  ["a slash in two bytes", [0xc0, 0xaf], "\udcc0\udcaf"],
  ["a surrogate", [0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
  ["this text's own escape", [0xed, 0xb3, 0xa9], "\udced\udcb3\udca9"],
  ["what is beyond Unicode", [0xf4, 0x90, 0x80, 0x80, 0xf5], "\udcf4\udc90\udc80\udc80\udcf5"],
];

for (const [name, bytes, text] of ROWS) {
  Deno.test(`textOfBytes() and encodeByteText() agree about ${name}`, () => {
    assertEquals(textOf(...bytes), text);
    assertEquals(bytesOf(text), [...bytes]);
  });
}

Deno.test("textOfBytes() takes for UTF-8 what the runtime takes for it, and every byte comes back", () => {
  // Not one that throws, which takes many seconds for so many; none of the sequences stands for U+FFFD itself.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decoded = (bytes: readonly number[]): string | null => {
    const text = decoder.decode(Uint8Array.from(bytes));
    return text.includes("\ufffd") ? null : text;
  };
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      // All pairs, each alone and before what a longer sequence goes on with.
      for (const more of [[], [0x80], [0xbf, 0x80], [0x41]]) {
        const bytes = [first, second, ...more];
        const text = textOf(...bytes);
        const known = text.isWellFormed() ? text : null;
        // Compared here first: a quarter of a million assertions take many seconds.
        if (known !== decoded(bytes)) assertEquals(known, decoded(bytes));
        const back = bytesOf(text);
        if (back.length !== bytes.length || back.some((byte, index) => byte !== bytes[index])) {
          assertEquals(back, bytes);
        }
      }
    }
  }
});
