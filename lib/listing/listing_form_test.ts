import { assertEquals } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { type Column, COLUMNS, formName, listingForm, orderQuery } from "./listing_form.ts";

const QUERIES: readonly (readonly [query: string, column: Column, isDescending: boolean])[] = [
  ["", "name", false],
  ["sort=name", "name", false],
  ["sort=size", "size", false],
  ["sort=time&order=asc", "time", false],
  ["order=desc", "name", true],
  ["order=desc&sort=size", "size", true],
  ["a=1&sort=size&b=2&order=desc", "size", true],
  ["sort=time&sort=size", "time", false],
  ["sort=owner&order=up", "name", false],
  ["sort=SIZE&order=DESC", "name", false],
  ["sort=constructor&order=__proto__", "name", false],
  ["C=S;O=D", "name", false],
  ["sort=%ff&order=%", "name", false],
  ["sort", "name", false],
];

for (const [query, column, isDescending] of QUERIES) {
  Deno.test(`listingForm() is by ${column}${isDescending ? ", descending," : ""} when the query is "${query}"`, () => {
    const form = listingForm({ query, fields: HeaderFields.EMPTY });
    assertEquals(form, { column, isDescending, type: "text/html" });
    assertEquals(listingForm({ query: orderQuery(form).slice(1), fields: HeaderFields.EMPTY }), form);
  });
}

Deno.test("listingForm() is JSON when Accept prefers it", () => {
  const fields = HeaderFields.of(["Accept", "application/json"]);
  assertEquals(listingForm({ query: "", fields }).type, "application/json");
});

Deno.test("formName() tells twelve forms apart, whatever is asked for", () => {
  const queries = ["", "?", "x=1", ...QUERIES.map(([query]) => query)];
  for (const sort of [...COLUMNS, "x"]) {
    for (const order of ["asc", "desc", "x"]) {
      queries.push(`sort=${sort}&order=${order}`, `order=${order}&sort=${sort}&n`);
    }
  }
  const accepts = ["application/json", "text/html", "application/json;q=0.5", "text/plain"];
  const names = queries.flatMap((query) =>
    accepts.map((accept) => formName(listingForm({ query, fields: HeaderFields.of(["Accept", accept]) })))
  );
  assertEquals(new Set(names).size, 12);
});
