/** The manual page as man shows it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { OPTIONS } from "../lib/config/options.ts";
import { manPage } from "../scripts/make_man.ts";
import { run } from "./harness.ts";

Deno.test("man renders the page without a warning, and every option as it is typed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-man-" });
  try {
    const path = join(folder, "lisod.8");
    await Deno.writeTextFile(path, manPage());
    const env = { LC_ALL: "C.UTF-8", MANWIDTH: "80", MANROFFSEQ: "" };
    const { code, text, stderr } = await run("man", ["--warnings", "--encoding=UTF-8", "--local-file", path], { env });
    assertEquals([code, stderr], [0, ""]);
    const lines = text.split("\n").map((line) => `${line.trimStart()} `);
    for (const { name, value } of OPTIONS) {
      const tag = `--${name}${value === null ? "" : ` ${value}`} `;
      assertEquals(lines.filter((line) => line.startsWith(tag)).length, 1, tag);
    }
    assertStringIncludes(text, "       lisod - web server for files and CGI programs\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
