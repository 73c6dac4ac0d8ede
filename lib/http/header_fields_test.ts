import { assert, assertEquals, assertThrows } from "@std/assert";
import { fill, textOf } from "../../tests/feed.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { HeadReader } from "./head_reader.ts";
import { hashName, HeaderFields } from "./header_fields.ts";
import { KnownSections } from "./known_sections.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";

const COOKIES = HeaderFields.of(["Set-Cookie", "a=1"], ["X-One", "1"], ["set-cookie", "b=2"]);

/** The same fields as a request brings them. */
function received(fields: HeaderFields): HeaderFields {
  const buffer = new ReceiveBuffer();
  fill(buffer, `GET / HTTP/1.1\r\n${textOf(fields.toBytes())}\r\n`);
  const head = new HeadReader(DEFAULT_LIMITS, new KnownSections()).read(buffer);
  assert(head !== null);
  return head.fields;
}

for (const [name, fields] of [["made", COOKIES], ["received", received(COOKIES)]] as const) {
  Deno.test(`HeaderFields finds fields in any case and keeps their order, ${name}`, () => {
    assertEquals(fields.size, 3);
    assertEquals([...fields], [["Set-Cookie", "a=1"], ["X-One", "1"], ["set-cookie", "b=2"]]);
    for (const key of ["Set-Cookie", "set-cookie", "SET-COOKIE"]) {
      assert(fields.has(key));
      assertEquals(fields.get(key), "a=1, b=2");
      assertEquals(fields.getAll(key), ["a=1", "b=2"]);
    }
    assertEquals(fields.get("x-one"), "1");
    for (const key of ["", "X", "X-On", "X-One2", "Cookie"]) {
      assert(!fields.has(key));
      assertEquals(fields.get(key), null);
      assertEquals(fields.getAll(key), []);
    }
    assertEquals(textOf(fields.toBytes()), "Set-Cookie: a=1\r\nX-One: 1\r\nset-cookie: b=2\r\n");
  });

  Deno.test(`with(), and() and without() leave the fields as they were, ${name}`, () => {
    assertEquals([...fields.with("SET-COOKIE", "c=3")], [["X-One", "1"], ["SET-COOKIE", "c=3"]]);
    assertEquals([...fields.with("New", "")], [...fields, ["New", ""]]);
    assertEquals([...fields.and(["X-One", "2"])], [...fields, ["X-One", "2"]]);
    assertEquals([...fields.without("set-cookie")], [["X-One", "1"]]);
    assertEquals([...fields.without("x-one", "Set-Cookie")], []);
    assertEquals(fields.without("Other"), fields);
    assertEquals(fields.size, 3);
  });
}

Deno.test("HeaderFields tells names of the same hash apart", () => {
  assertEquals(hashName("a~"), hashName("b_"));
  const fields = HeaderFields.of(["a~", "1"], ["b_", "2"]);
  assertEquals(["a~", "b_", "B_", "a_"].map((name) => fields.get(name)), ["1", "2", "2", null]);
  assertEquals(HeaderFields.of(["a~", "1"]).get("b_"), null);
});

Deno.test("of() refuses what would break a head", () => {
  for (const name of ["", "A B", "A:", "A\r\n", "\xe4"]) {
    assertThrows(() => HeaderFields.of([name, "b"]), Error, "Invalid field");
  }
  for (const value of ["a\r\nB: c", "a\n", "\r", "\0", "\x7f", "\u0100"]) {
    assertThrows(() => HeaderFields.of(["A", value]), Error, "Invalid field");
  }
});

Deno.test("EMPTY has no fields", () => {
  assertEquals(HeaderFields.of(), HeaderFields.EMPTY);
  assertEquals([...HeaderFields.EMPTY], []);
  assertEquals(HeaderFields.EMPTY.get("A"), null);
  assertEquals(HeaderFields.EMPTY.toBytes().length, 0);
});

Deno.test("HeaderFields.meets() and withoutNamesOf() compare names and nothing else", () => {
  const table: readonly (readonly [other: HeaderFields, meets: boolean, left: readonly string[]])[] = [
    [HeaderFields.EMPTY, false, ["Set-Cookie", "X-One", "set-cookie"]],
    [HeaderFields.of(["X-On", "1"], ["X-One2", "1"]), false, ["Set-Cookie", "X-One", "set-cookie"]],
    [HeaderFields.of(["X-Two", "1"], ["x-ONE", "other"]), true, ["Set-Cookie", "set-cookie"]],
    [HeaderFields.of(["SET-COOKIE", ""]), true, ["X-One"]],
  ];
  for (const fields of [COOKIES, received(COOKIES)]) {
    for (const [other, meets, left] of table) {
      assertEquals([fields.meets(other), other.meets(fields)], [meets, meets]);
      assertEquals([...fields.withoutNamesOf(other)].map(([name]) => name), left);
    }
    assertEquals(fields.withoutNamesOf(HeaderFields.EMPTY), fields);
  }
});
