import { assertEquals } from "@std/assert";
import { selectType } from "./select_type.ts";

const [HTML, JSON_TYPE] = ["text/html", "application/json"];

// RFC 9110 12.5.1
const FIELDS: readonly (readonly [accept: string | null, want: string])[] = [
  [null, HTML],
  ["", HTML],
  ["*/*", HTML],
  ["application/json", JSON_TYPE],
  ["APPLICATION/JSON", JSON_TYPE],
  ["application/*", JSON_TYPE],
  ["text/html", HTML],
  ["text/*", HTML],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", HTML],
  ["text/html, application/json", HTML],
  ["application/json, text/html", HTML],
  ["application/json, text/html;q=0.9", JSON_TYPE],
  ["application/json;q=0.9, text/html", HTML],
  ["application/json;q=0.2, text/html;q=0.1", JSON_TYPE],
  // What JavaScript clients send by themselves: one is named and the other is not.
  ["application/json, text/plain, */*", JSON_TYPE],
  ["application/json, text/javascript, */*; q=0.01", JSON_TYPE],
  ["*/*, application/json", JSON_TYPE],
  ["application/json;q=0.5, */*", HTML],
  ["text/*, application/json", JSON_TYPE],
  // The most exact range says how much a type is wanted.
  ["application/json;q=0, */*", HTML],
  ["text/html;q=0, */*", JSON_TYPE],
  ["application/json;q=0", HTML],
  ["text/plain", HTML],
  ["*/*;q=0", HTML],
  ["application/json;charset=utf-8", JSON_TYPE],
  ["application/json ; charset=utf-8 ; q=0.5 , text/html ; q=0.4", JSON_TYPE],
  // Malformed elements count as absent.
  ["application/json;q=2", HTML],
  ["application/json;q=", HTML],
  ["application/json;q=0.1234, text/html;q=0.1", HTML],
  ["application/json;q=-1, */*;q=0.1", HTML],
  ["json", HTML],
  [",;, ;q=1, application/json", JSON_TYPE],
  ["application/jsonx", HTML],
];

for (const [accept, want] of FIELDS) {
  Deno.test(`selectType() prefers ${want} when Accept is ${accept === null ? "absent" : `"${accept}"`}`, () => {
    assertEquals(selectType(accept, [HTML, JSON_TYPE]), want);
  });
}
