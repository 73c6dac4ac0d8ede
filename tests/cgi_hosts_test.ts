/** The book of CGI hosts: its table, its text, and how answers are read for it. The hosts themselves are not run here. */
import { assert, assertEquals } from "@std/assert";
import { parseAnswer } from "./cgi_hosts/answer.ts";
import { MAX_LINE, renderEntry, wrap } from "./cgi_hosts/book.ts";
import type { Point } from "./cgi_hosts/point.ts";
import { POINTS } from "./cgi_hosts/points.ts";
import { fileName } from "./cgi_hosts/run_points.ts";
import { content, field, given, status, statusContentAnd, visible } from "./cgi_hosts/tell.ts";

const BOOK = await Deno.readTextFile(`${import.meta.dirname}/cgi_hosts/cgi-hosts.txt`);

Deno.test("cgi-hosts.txt has every point of the table, in its order, with what lisod does and why", () => {
  const entries = BOOK.split(/\n\n(?=(?: {0,2}\d+) )/).slice(1);
  assertEquals(entries.length, POINTS.length);
  for (const [at, point] of POINTS.entries()) {
    const lines = renderEntry(at + 1, { point, findings: new Map([["lisod", point.lisod]]) });
    const [name, why] = [lines[0], lines.slice(lines.findLastIndex((line) => line.startsWith("    why"))).join("\n")];
    assert(entries[at].startsWith(name), `${name} is not in the book: run deno task hosts`);
    assert(entries[at].trimEnd().endsWith(why), `The book has other words for ${name}: run deno task hosts`);
    const group = entries[at].split("\n").find((line) => line.startsWith("  - lisod")) ?? "";
    const told = entries[at].slice(entries[at].indexOf(group)).replaceAll(/\n +(?! *-)/g, " ");
    assert(told.includes(`: ${point.lisod}`.replaceAll(/ +/g, " ")), `The book has lisod do otherwise: ${name}`);
  }
});

Deno.test("cgi-hosts.txt is small and its lines are short", () => {
  assert(BOOK.length < 200 * 1024);
  for (const line of BOOK.split("\n")) assert(line.length <= 200, line);
});

Deno.test("each point has a name, a program file and reasons of its own", () => {
  assert(POINTS.length >= 60);
  for (const point of POINTS) assert(point.lisod !== "" && point.why !== "" && point.section !== "", point.name);
  assertEquals(new Set(POINTS.map(({ name }) => name)).size, POINTS.length);
  const files = POINTS.filter(({ program }) => program !== "probe").map(fileName);
  assertEquals(new Set(files).size, files.length);
});

Deno.test("renderEntry() puts hosts that do the same together, and lisod first", () => {
  const point: Point = {
    ...{ name: "A point", section: "6.3", program: { prints: "X: \xe9\n\n" }, lisod: "200", why: "Because." },
    ask: { method: "POST", path: "/a", fields: ["Content-Length: 70"], body: "x".repeat(70) },
    tell: status,
  };
  const findings = new Map([["lisod", "200"], ["a", "500"], ["b", "200"], ["c", "500"]]);
  assertEquals(renderEntry(7, { point, findings }), [
    "  7 A point (6.3)",
    "    program  prints X: \\xE9\\n\\n",
    "    request  POST PROGRAM/a HTTP/1.1\\nContent-Length: 70\\n\\n(70 bytes)",
    "  - lisod, b: 200",
    "  - a, c: 500",
    "    why      Because.",
  ]);
});

Deno.test("wrap() breaks between words and goes on as far in", () => {
  const word = "x".repeat(MAX_LINE / 2);
  assertEquals(wrap(`${word} ${word} a`, "  - "), [`  - ${word}`, `    ${word} a`]);
  assertEquals(wrap("x".repeat(MAX_LINE), "  "), [`  ${"x".repeat(MAX_LINE)}`]);
});

/** What came, and what is told of it. */
const ANSWERS: readonly (readonly [received: string, told: string])[] = [
  ["HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello", '200, X-A: 1, "hello"'],
  ["HTTP/1.0 404\nX-A: 1\nx-a:  2 \n\n", "404, X-A: 1 + X-A: 2, no content"],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<p>", "200, no X-A, a page"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", '200, no X-A, "hello"'],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", '200, no X-A, "hello"'],
  ["X-A: \xe9\n\nhello", 'no status line, closed, no X-A, "hello"'],
  ["", "nothing, closed, no X-A, no content"],
];

for (const [received, told] of ANSWERS) {
  Deno.test(`parseAnswer() reads ${visible(received).slice(0, 60)}`, () => {
    assertEquals(statusContentAnd("X-A")({ ...parseAnswer(received), end: "closed", tookMs: 1 }), told);
  });
}

Deno.test("given() tells what the probe was given, and the status where it did not run", () => {
  const answer = { ...parseAnswer("HTTP/1.1 200 OK\n\nA=\nB=1=2\nafter=end\n"), end: "closed", tookMs: 1 } as const;
  assertEquals([given("A")(answer), given("B", "C")(answer)], ['""', 'B "1=2", C unset']);
  assertEquals(given("A")({ ...answer, status: 404, body: "A=" }), "404");
  assertEquals([field(answer, "X"), content(answer)], ["no X", '"A=\\nB=1=2\\nafter=end\\n"']);
});
