import { assertEquals, assertStringIncludes, fail } from "@std/assert";
import { parseCommandLine } from "../config/config.ts";
import { explain } from "./explain.ts";

/** What is said of `url`, which the arguments beside it are about. */
async function explained(url: string, ...args: readonly string[]): Promise<string> {
  const surroundings = { cwd: "/", environment: {}, configFiles: { load: fail, find: fail } };
  const command = parseCommandLine([...args, "--explain", url], surroundings);
  return command.kind === "explain" ? await explain(command.url, command.config) : fail(command.kind);
}

Deno.test("explain() names the status page, its other forms, and who may see it", async () => {
  const rows: readonly (readonly [url: string, answered: string, type: string])[] = [
    [
      "/status/",
      "status page, which is also had as JSON (json) and for Prometheus (metrics)",
      "text/html; charset=utf-8",
    ],
    ["/status/json", "status page as JSON", "application/json"],
    ["/status/metrics", "status page for Prometheus", "text/plain; version=0.0.4; charset=utf-8"],
  ];
  for (const [url, answered, type] of rows) {
    const text = await explained(url, "--forward", "/=http://127.0.0.1:3000", "--status", "/status");
    const head = text.split("\n").slice(1, 7);
    assertEquals(head, [
      "place     /status/",
      "source    status of the server",
      "who may   127.0.0.0/8 (--status)",
      "          ::1 (--status)",
      `answered  ${answered}`,
      "status    200 OK",
    ]);
    assertStringIncludes(text, `          Content-Type: ${type}\n`);
    // What it will be, nobody knows before somebody asks.
    assertEquals(/Content-Length/.exec(text), null);
  }
});

Deno.test("explain() has no status page where the place has none", async () => {
  for (const [url, status] of [["/status", "301 Moved Permanently"], ["/status/x", "404 Not Found"]]) {
    const text = await explained(url, "--forward", "/=http://127.0.0.1:3000", "--status", "/status");
    assertEquals(/^answered/m.exec(text), null);
    assertStringIncludes(text, `\nstatus    ${status}`);
  }
});
