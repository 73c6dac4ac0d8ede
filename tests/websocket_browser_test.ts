/** The clock and the chat of www/ in Chromium, over HTTP and HTTPS, and a page of another site that would like to listen. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { Browser, type Page } from "./browser.ts";
import { childrenOf } from "./cgi/server.ts";
import { until } from "./cgi/running_scripts.ts";
import { startServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");

/** Waits for text in an element of the page. */
async function untilShown(page: Page, selector: string, pattern: RegExp): Promise<string> {
  let shown = "";
  await until(async () => pattern.test(shown = await page.textContent(selector) ?? ""), `${selector} has ${pattern}`);
  return shown;
}

async function say(page: Page, words: string): Promise<void> {
  await page.fill("#text", words);
  await page.click("button");
}

Deno.test("the clock and the chat of www/ talk with Chromium, and end with their pages; another site's page hears nothing", async () => {
  const data = await Deno.makeTempDir({ prefix: "lisod-chat-" });
  {
    const programs = [`/clock=${PROJECT}/cgi-bin/clock`, `/chat=${PROJECT}/cgi-bin/chat.py`];
    const args = [...programs.map((each) => `--websocket=${each}`), `--cgi-env=CHAT_FILE=${data}/lines`];
    await using https = await HttpsServer.start({ root: join(PROJECT, "www"), args });
    const { server } = https;
    const evil = `<!doctype html><title>Evil</title><link rel="icon" href="data:,"><p id="state">asking</p><script>
      const socket = new WebSocket("ws://127.0.0.1:${server.port()}/chat");
      socket.onmessage = socket.onopen = () => document.getElementById("state").textContent = "heard";
      socket.onclose = ({ code }) => document.getElementById("state").textContent = "refused " + code;</script>`;
    await using other = await startServer({ files: { "index.html": evil } });
    await using browser = await Browser.launch();
    const open = async (url: string) => {
      const { page, faults } = await browser.openPage({ ignoreHTTPSErrors: true });
      await page.goto(url);
      return { page, faults };
    };
    const clock = await open(`${server.url}/clock.html`);
    const first = await untilShown(clock.page, "#time", /^\d\d:\d\d:\d\d$/);
    await until(async () => await clock.page.textContent("#time") !== first, "the time goes on");
    const [ada, eva] = [
      await open(`${server.url}/chat.html`),
      await open(`https://127.0.0.1:${server.port("https")}/chat.html`),
    ];
    for (const [{ page }, name] of [[ada, "Ada"], [eva, "Eva"]] as const) {
      await page.fill("#name", name);
      await untilShown(page, "#state", /^Connected\.$/);
    }
    await say(ada.page, "gr\u00fc\u00df <i>dich</i>");
    await untilShown(eva.page, "#lines", /^\d\d:\d\d Ada: gr\u00fc\u00df <i>dich<\/i>$/);
    await say(eva.page, "\u{1f600}");
    await untilShown(ada.page, "#lines", /dich<\/i>\d\d:\d\d Eva: \u{1f600}$/u);
    assertEquals([clock, ada, eva].flatMap(({ faults }) => faults), []);

    const { page: listener } = await open(`${other.url}/`);
    assertEquals(await untilShown(listener, "#state", /^(?:heard|refused)/), "refused 1006");
    await server.waitForLog((log) => /"GET \/chat HTTP\/1\.1" 403 /.test(log));
    // A page that is left takes its program with it.
    assertNotEquals(childrenOf(server.pid).length, 0);
    for (const { page } of [clock, ada, eva]) await page.goto("about:blank");
    await until(() => childrenOf(server.pid).length === 0, "no program is left");
    assertMatch(server.logText(), /"GET \/clock HTTP\/1\.1" 101 \d+ /);
    // The server that stops says so.
    const { page } = await open(`${server.url}/clock.html`);
    await untilShown(page, "#state", /^Connected\.$/);
    await server.stop();
    await untilShown(page, "#state", /^The connection has ended \(1001\)/);
  }
  await Deno.remove(data, { recursive: true });
});
