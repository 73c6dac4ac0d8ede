import { assert, assertEquals } from "@std/assert";
import { locate } from "../http/located.ts";
import { parseTarget } from "../http/target.ts";
import { fakeRequest } from "../../tests/cgi/fake_request.ts";
import { createRedirect, parseRedirect } from "./redirect.ts";

/** The place is /old. */
const TABLE: readonly (readonly [text: string, target: string, status: number, location: string])[] = [
  ["/new", "/old", 301, "/new"],
  ["/new", "/old/", 301, "/new/"],
  ["/new/", "/old", 301, "/new/"],
  ["/new/", "/old/a%20b/c?d=e&f", 301, "/new/a%20b/c?d=e&f"],
  ["308 /new", "//old//a//b/", 308, "/new/a/b/"],
  ["302 https://example.org", "/old/a?", 302, "https://example.org/a"],
  ["307\thttps://example.org:8443/x/?y=1#z", "/old/a?b", 307, "https://example.org:8443/x/a?y=1&b#z"],
  ["303 /new?y", "/old", 303, "/new?y"],
  // Nowhere but to this site, whatever the client writes.
  ["/", "/old//evil.example/x", 301, "/evil.example/x"],
  ["/", "/old/%0d%0aX:%20y/%25/%3f%23", 301, "/%0D%0AX:%20y/%25/%3F%23"],
  ["/", "/old/a%2fb", 301, "/a%2Fb"],
  ["/", "/old/%ff%fc", 301, "/%FF%FC"],
];

for (const [text, target, status, location] of TABLE) {
  Deno.test(`createRedirect() of "${text}" sends ${target} to ${location}`, async () => {
    const redirect = parseRedirect(text);
    assert(redirect !== null);
    const { path, query } = parseTarget("GET", target, "keep");
    const answer = await createRedirect(redirect)({ ...fakeRequest(), query }, locate(path, undefined, 1));
    assert("status" in answer);
    assertEquals([answer.status, [...answer.fields]], [status, [["Location", location]]]);
  });
}

for (
  const text of [
    ...[
      "",
      "new",
      "300 /new",
      "304 /new",
      "200 /new",
      "301",
      "301 ",
      "//evil.example",
      "ftp://a/",
      "http://",
      "http:///a",
    ],
    ...["/a b", "/a\r\nX: y", "/\\evil.example", "/\u00fc", "?x", "#x", "301 301 /a"],
  ]
) {
  Deno.test(`parseRedirect() refuses ${JSON.stringify(text)}`, () => assertEquals(parseRedirect(text), null));
}
