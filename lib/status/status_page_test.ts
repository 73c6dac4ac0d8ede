import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { curve } from "./curve.ts";
import { exampleParts, exampleThread, HOSTILE } from "../../tests/example_status.ts";
import { escapeHtml } from "../html_page.ts";
import { serverStatus } from "./server_status.ts";
import { statusPage } from "./status_page.ts";

const PAGE = statusPage(serverStatus(exampleParts()));

Deno.test("statusPage() escapes what comes from outside", () => {
  assertEquals(PAGE.includes(HOSTILE), false);
  assertNotMatch(PAGE, /<b>|<i>|<script|\son\w+=/i);
  // As the name of a place, of a program that runs and of one that is not kept warm.
  assertEquals(PAGE.split(escapeHtml(HOSTILE)).length - 1, 3);
});

Deno.test("statusPage() has something of everything", () => {
  const plain = PAGE.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");
  for (
    const text of [
      "has run for 1 min 40 s , as process 42 with one thread",
      "4 requests were answered with 320 B of content, 1 under way",
      "4 open, 2 of them idle; 9 accepted so far",
      "HTTP/2 over TLS 1 0",
      "4711 2.5 s 250 ms 192.0.2.7",
      "/srv/a.py warm 12 40 7 1",
      "http://[::1]:80/ up - 1 8 2",
      "example.org, www.example.org 1970-01-11 9 days",
      "--max-rate, --max-guess-count 2 1 min 39 s ago",
      "No line of the log was lost.",
    ]
  ) assertStringIncludes(plain, text);
});

Deno.test("statusPage() says how many workers are missing, and is whole without any", () => {
  const { server, ...parts } = exampleParts([exampleThread()]);
  const page = statusPage(serverStatus({ ...parts, server: { ...server, workers: 2 } }));
  assertStringIncludes(page, "1 of 2 workers did not answer");
  const none = statusPage(serverStatus({ ...parts, threads: [], server: { ...server, workers: 2 } }));
  assert(none.endsWith("</html>\n") && !/NaN|undefined|Infinity/.test(none), none);
});

Deno.test("statusPage() says how many places are counted together", () => {
  const pageOf = (...otherPlaces: readonly number[]) =>
    statusPage(serverStatus(exampleParts(otherPlaces.map((count) => exampleThread({ otherPlaces: count })))));
  const text = (count: string) =>
    `<p>200 places have numbers of their own. Counted together as all other places: ${count}.</p>`;
  assertEquals(/Counted together/.test(pageOf(0)), false);
  assertStringIncludes(pageOf(1), text("1"));
  assertStringIncludes(pageOf(1234, 1234), text("1,234"));
});

Deno.test("curve() stays in its frame, also where all is nothing", () => {
  for (const points of [[], [0], [0, 0, 0], [1, 5, 2], [1e12, 0]]) {
    const [, line = ""] = /class="line" d="M([^"]*)"/.exec(curve(points, "x")) ?? [];
    const pairs = line.split("L").filter((pair) => pair !== "").map((pair) => pair.split(" ").map(Number));
    assertEquals(pairs.length, points.length);
    assert(pairs.every(([x, y]) => x >= 0 && x <= 240 && y >= 2 && y <= 42), line);
  }
});
