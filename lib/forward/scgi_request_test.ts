import { assertEquals } from "@std/assert";
import { latin1Text } from "../http/grammar.ts";
import { scgiHead } from "./scgi_request.ts";

function text(variables: Readonly<Record<string, string>>): string {
  const bytes = scgiHead(variables);
  return latin1Text(bytes, 0, bytes.length);
}

Deno.test("scgiHead() is a netstring with the length of the content first", () => {
  assertEquals(text({}), "24:CONTENT_LENGTH\x000\x00SCGI\x001\x00,");
  assertEquals(
    text({ REQUEST_METHOD: "POST", CONTENT_LENGTH: "27", REQUEST_URI: "/deepthought" }),
    "70:CONTENT_LENGTH\x0027\x00SCGI\x001\x00REQUEST_METHOD\x00POST\x00REQUEST_URI\x00/deepthought\x00,",
  );
});

Deno.test("scgiHead() counts bytes, and leaves out what would read as two", () => {
  assertEquals(
    text({ A: "\udce9ü", B: "x\0C\0y", E: "" }),
    "33:CONTENT_LENGTH\x000\x00SCGI\x001\x00A\x00\xe9\xc3\xbc\x00E\x00\x00,",
  );
});
