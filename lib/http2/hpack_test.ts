/** HPACK against the examples of RFC 7541 appendix C, and both sides of it against each other. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { textOf } from "../../tests/feed.ts";
import { latin1Bytes } from "../http/grammar.ts";
import { ConnectionError, ErrorCode } from "./error_codes.ts";
import type { FieldEntry } from "./field_entry.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import { HeaderEncoder } from "./header_encoder.ts";
import { integerEnd, readInteger, writeInteger } from "./hpack_integer.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./huffman.ts";
import { prepareField } from "./prepared_field.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

function fieldText({ bytes, nameLength }: FieldEntry): string {
  return `${textOf(bytes.subarray(0, nameLength))}: ${textOf(bytes.subarray(nameLength))}`;
}

function decode(decoder: HeaderDecoder, bytes: Uint8Array): readonly string[] {
  const fields: string[] = [];
  decoder.decode(bytes, { start: 0, end: bytes.length }, { add: (entry) => fields.push(fieldText(entry)) });
  return fields;
}

/** RFC 7541 C.3 and C.4: requests without and with Huffman, and what the table takes after each. */
const REQUESTS = [
  [
    ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"],
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
    57,
  ],
  [
    ["8286 84be 5808 6e6f 2d63 6163 6865", "8286 84be 5886 a8eb 1064 9cbf"],
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
    110,
  ],
  [
    [
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
    [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
    164,
  ],
] as const;

Deno.test("HeaderDecoder reads the requests of RFC 7541 C.3 and C.4", () => {
  for (const form of [0, 1]) {
    const decoder = new HeaderDecoder();
    for (const [blocks, fields, tableBytes] of REQUESTS) {
      assertEquals(decode(decoder, hex(blocks[form])), [...fields]);
      assertEquals(decoder.tableBytes, tableBytes);
    }
    assertEquals(decoder.tableCount, 3);
  }
});

/** RFC 7541 C.5 and C.6: answers, with a table of 256 bytes of which entries are driven out. */
const DATES = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"];
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const ANSWERS = [
  [
    [
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    ],
    [":status: 302", "cache-control: private", `date: ${DATES[0]}`, "location: https://www.example.com"],
    222,
  ],
  [
    ["4803 3330 37c1 c0bf", "4883 640e ffc1 c0bf"],
    [":status: 307", "cache-control: private", `date: ${DATES[0]}`, "location: https://www.example.com"],
    222,
  ],
  [
    [
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
    [
      ":status: 200",
      "cache-control: private",
      `date: ${DATES[1]}`,
      "location: https://www.example.com",
      "content-encoding: gzip",
      `set-cookie: ${COOKIE}`,
    ],
    215,
  ],
] as const;

Deno.test("HeaderDecoder reads the answers of RFC 7541 C.5 and C.6, whose entries leave a table of 256 bytes", () => {
  for (const form of [0, 1]) {
    const decoder = new HeaderDecoder();
    decode(decoder, hex("3f e1 01"));
    for (const [blocks, fields, tableBytes] of ANSWERS) {
      assertEquals(decode(decoder, hex(blocks[form])), [...fields]);
      assertEquals(decoder.tableBytes, tableBytes);
    }
  }
});

Deno.test("integers are those of RFC 7541 C.1, and end where they end", () => {
  const cases = [[10, 5, "0a"], [1337, 5, "1f9a0a"], [42, 8, "2a"], [31, 5, "1f00"], [
    0x7fff_ffff,
    7,
    "7f80ffffff07",
  ]] as const;
  for (const [value, prefixBits, text] of cases) {
    const into = new Uint8Array(8);
    const end = writeInteger(value, { first: 0, prefixBits }, { into, at: 0 });
    assertEquals([...into.subarray(0, end)], [...hex(text)]);
    assertEquals(readInteger(into, 0, end, prefixBits), value);
    assertEquals(integerEnd(), end);
    if (end > 1) assertEquals(readInteger(into, 0, end - 1, prefixBits), -1);
  }
  assertEquals(readInteger(hex("7f ff ff ff ff ff"), 0, 6, 7), -1);
  assertEquals(readInteger(hex("7f 81 ff ff ff 07"), 0, 6, 7), -1);
});

Deno.test("Huffman code is that of RFC 7541 C.4 and C.6, and every byte comes back", () => {
  const cases = [
    ["www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"],
    ["302", "6402"],
    [
      COOKIE,
      "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
  ];
  for (const [text, code] of cases) {
    const bytes = latin1Bytes(text);
    const into = new Uint8Array(huffmanLength(bytes));
    assertEquals(encodeHuffman(bytes, into, 0), into.length);
    assertEquals([...into], [...hex(code)]);
  }
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (
    const text of [
      all,
      all.toReversed(),
      new Uint8Array(0),
      ...Array.from(all, (byte) => Uint8Array.of(byte, byte, byte)),
    ]
  ) {
    const code = new Uint8Array(huffmanLength(text));
    encodeHuffman(text, code, 0);
    const into = new Uint8Array(text.length + 8);
    assertEquals(decodeHuffman(code, { start: 0, end: code.length }, { into, at: 0 }), text.length);
    assertEquals([...into.subarray(0, text.length)], [...text]);
  }
});

Deno.test("HeaderDecoder refuses what is no block, with COMPRESSION_ERROR", () => {
  for (const text of ["80", "be", "7f", "40", "00 05 61", "3f e2 1f", "82 20", "00 01 61 81 00", "ff ff ff ff ff ff"]) {
    const error = assertThrows(() => decode(new HeaderDecoder(), hex(text)), ConnectionError);
    assertEquals(error.code, ErrorCode.COMPRESSION_ERROR, text);
  }
});

Deno.test("HeaderEncoder and HeaderDecoder agree over many blocks, entries that leave and changes of size", () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  for (let round = 0; round < 2000; round++) {
    if (round % 100 === 50) encoder.resize([0, 200, 4096, 100_000, 64][round / 100 % 5 | 0]);
    const fields = [
      [":status", "200"],
      ["server", "Liso/1.0"],
      ["content-length", String(round)],
      ["x-name", `value ${round % 40}`],
      ["X-Other", `${"o".repeat(round % 700)}`],
      ["set-cookie", `a=${round}`],
      [`x-${round % 90}`, "\xe4\xff"],
    ];
    encoder.begin();
    for (const [name, value] of fields) encoder.append(prepareField(name, value));
    const got = decode(decoder, encoder.block.slice());
    assertEquals(got, fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`));
    assert(decoder.tableBytes <= 4096);
  }
});

Deno.test("a field that was sent before takes one byte, what is secret is never in a table", () => {
  const encoder = new HeaderEncoder();
  const lengths = [1, 2].map(() => {
    encoder.begin();
    encoder.append(prepareField("x-name", "a value"));
    return encoder.block.length;
  });
  assert(lengths[0] > 10 && lengths[1] === 1, lengths.join());
  for (let count = 0; count < 2; count++) {
    encoder.begin();
    encoder.append(prepareField("Set-Cookie", "secret=1"));
    // RFC 7541 6.2.3: 0001, and the index of the name, which is 55.
    assertEquals([...encoder.block.subarray(0, 2)], [0x1f, 55 - 15]);
  }
});
