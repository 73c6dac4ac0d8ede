import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { Browser } from "./browser.ts";
import { startServer } from "./harness.ts";

const WWW = join(import.meta.dirname ?? ".", "..", "www");

Deno.test("lisod shows the front page of www/ without a fault when a browser opens it", async () => {
  await using server = await startServer({ root: WWW });
  await using browser = await Browser.launch();
  const { page, faults } = await browser.openPage();
  const response = await page.goto(`${server.url}/`);
  assertEquals(response?.status(), 200);
  assertNotEquals(await page.title(), "");
  assertEquals(faults, []);
});

Deno.test("Browser.openPage() lists each fault when a page is broken", async () => {
  const index = `<!doctype html><title>Broken</title><link rel="icon" href="data:,"><img src="missing.png" alt="">
    <script>console.error("spoken"); setTimeout(() => { document.title = "Thrown"; throw new Error("thrown"); });</script>
    <img src="http://127.0.0.1:1/refused.png" alt="">`;
  await using server = await startServer({ files: { "index.html": index } });
  await using browser = await Browser.launch();
  const { page, faults } = await browser.openPage();
  await page.goto(`${server.url}/`);
  const all = faults.join("\n");
  assertMatch(all, /^console error: spoken$/m);
  assertMatch(all, /^uncaught: thrown$/m);
  assertMatch(all, /^404: .*\/missing\.png$/m);
  assertMatch(all, /^failed: .*\/refused\.png /m);
});
