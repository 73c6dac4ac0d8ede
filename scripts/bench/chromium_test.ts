import { assertEquals, assertRejects } from "@std/assert";
import { Chromium } from "./chromium.ts";

const PAGE = '<!doctype html><title>Here</title><link rel="icon" href="data:,"><img src="a.svg">';
const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>';

Deno.test("Chromium loads a page anew each time, waits for its load event, and leaves neither process nor file", async () => {
  const asked: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    const [text, type] = pathname === "/" ? [PAGE, "text/html"] : [IMAGE, "image/svg+xml"];
    return new Response(text, { headers: { "Content-Type": type, "Cache-Control": "max-age=1000" } });
  });
  const folder = await Deno.makeTempDir();
  try {
    {
      await using chromium = await Chromium.launch({ folder, keyHash: "" });
      const url = `http://127.0.0.1:${server.addr.port}/`;
      const script = "[document.title, document.images[0].naturalWidth]";
      for (let count = 0; count < 2; count += 1) assertEquals(await chromium.loadPage(url, script), ["Here", 10]);
      assertEquals(asked, ["/", "/a.svg", "/", "/a.svg"]);
      await assertRejects(() => chromium.loadPage("http://127.0.0.1:1/", script), Error, "Chromium cannot load");
      assertEquals([...Deno.readDirSync(folder)].length, 1);
    }
    assertEquals([...Deno.readDirSync(folder)], []);
    assertEquals(listCommandLines().filter((line) => line.includes(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Of all processes that run now. */
function listCommandLines(): readonly string[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`);
    } catch (error) {
      // It has ended meanwhile.
      if (error instanceof Deno.errors.NotFound || String(error).includes("No such process")) return "";
      throw error;
    }
  });
}
