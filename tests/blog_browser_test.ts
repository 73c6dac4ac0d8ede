/**
 * The blog as its owner and a reader use it: through the compiled binary, CGI and headless Chromium, on a phone and on a
 * desktop, light and dark, over HTTP and HTTPS. Each page is checked by axe-core, and no step may leave a fault in the
 * console. Screenshots stay in artefacts/blog/.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Browser, DESKTOP, inspectPage, type Page, type PageOptions, PHONE } from "./browser.ts";
import { curl, run, startServer, type TestServer } from "./harness.ts";
import { IS_LONG } from "./long.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const WRAPPER = join(PROJECT, "cgi-bin", "wsgi_wrapper.py");
const MANAGE = join(PROJECT, "cgi-bin", "blog", "manage.py");
const ARTEFACTS = join(PROJECT, "artefacts", "blog");
const PASSWORD = "a long enough password";

interface Look extends PageOptions {
  readonly name: string;
  readonly scheme: "http" | "https";
}

const LOOKS: readonly Look[] = [
  { name: "phone-light", viewport: PHONE, colorScheme: "light", scheme: "http" },
  { name: "desktop-dark", viewport: DESKTOP, colorScheme: "dark", scheme: "https" },
  { name: "phone-dark", viewport: PHONE, colorScheme: "dark", scheme: "https" },
  { name: "desktop-light", viewport: DESKTOP, colorScheme: "light", scheme: "http" },
];

/** A running server with an empty blog; disposing both ends it and removes its data. */
interface Site extends AsyncDisposable {
  readonly server: TestServer;
  /** The variables of the blog. */
  readonly env: Readonly<Record<string, string>>;
  /** Address of the blog by scheme, without a slash at the end. */
  address(scheme: "http" | "https"): string;
}

async function startSite(env: Readonly<Record<string, string>> = {}): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-blog-" });
  const key = join(folder, "server.key");
  const certificate = join(folder, "server.crt");
  const made = await run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", key, "-out", certificate],
  ]);
  assertEquals(made.code, 0, made.stderr);
  const variables: Record<string, string> = { BLOG_DATA: join(folder, "data"), TZ: "UTC", ...env };
  const server = await startServer({
    root: join(PROJECT, "www"),
    args: [
      ...["--https", "0", "--key", key, "--certificate", certificate, "--listing", "--cgi", WRAPPER],
      ...["--cgi-handler", ".cgi=/bin/sh"],
      ...Object.entries(variables).flatMap(([name, value]) => ["--cgi-env", `${name}=${value}`]),
    ],
  });
  return {
    server,
    env: variables,
    address: (scheme) => `${scheme}://localhost:${server.port(scheme)}/cgi`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The one-time link, as the server's terminal shows it. */
async function makeSetUpLink({ env }: Site, address: string): Promise<string> {
  const { code, text, stderr } = await run("/usr/bin/python3", [MANAGE, "setup-link", address], { env: { ...env } });
  assertEquals(code, 0, stderr);
  return text.trim();
}

/** Keeps a screenshot of the page, and fails when there is anything wrong with how it looks. */
async function inspect(page: Page, name: string): Promise<void> {
  assertEquals(await inspectPage(page, `blog/${name}`), [], name);
}

async function mainText(page: Page): Promise<string> {
  return await page.textContent("main") ?? "";
}

/** The first two have each width, scheme and colour; the others are more of the same. */
const PLAYED = IS_LONG ? LOOKS : LOOKS.slice(0, 2);

for (const look of PLAYED) {
  Deno.test(`the blog works from set-up to logout when seen as ${look.name} over ${look.scheme}`, async () => {
    await using site = await startSite();
    await using browser = await Browser.launch();
    const address = site.address(look.scheme);
    const { page, faults } = await browser.openPage({ ...look, ignoreHTTPSErrors: true, javaScriptEnabled: true });
    const reader = await browser.openPage({ ...look, ignoreHTTPSErrors: true });
    const see = (name: string) => inspect(page, `${look.name}-${name}`);
    const openDesk = async (text: string) => await page.click(`nav.desk a:text-is("${text}")`);

    await page.goto(`${address}/`);
    assertStringIncludes(await mainText(page), "No entries here so far.");
    await see("empty");

    await page.goto(await makeSetUpLink(site, address));
    await see("set-up");
    await page.fill("#title", "Notes on engines");
    await page.fill("#name", "Ada");
    await page.fill("#password", PASSWORD);
    await page.fill("#repeated", PASSWORD);
    await page.click('button:text-is("Make it mine")');
    assertStringIncludes(await mainText(page), "The blog is yours.");
    assertEquals(page.url(), `${address}/`);

    await openDesk("Log out");
    await page.click('main button:text-is("Log out")');
    assertStringIncludes(await mainText(page), "You were logged out.");
    await page.click('a:text-is("Log in")');
    await see("login");
    await page.fill("#name", "Ada");
    await page.fill("#password", PASSWORD);
    await page.click('button:text-is("Log in")');
    assertStringIncludes(await mainText(page), "You were logged in.");

    await openDesk("Write");
    await page.fill("#title", "The first programme");
    await page.fill(
      "#body",
      "It *weaves* numbers.\n\n```\nfor each card: weave\n```\n\n| a | b |\n| - | -: |\n| 1 | 2 |",
    );
    await page.fill("#tags", "looms, numbers");
    await page.setInputFiles("#image", join(ARTEFACTS, `${look.name}-empty.png`));
    await page.fill("#image_description", "An empty page");
    await page.click('button:text-is("Add picture")');
    assertMatch(await page.inputValue("#body"), /!\[An empty page\]\(media\/[0-9a-f]{20}\.png\)$/);
    await page.click('button:text-is("Preview")');
    assertStringIncludes(await mainText(page), "Preview, not saved yet");
    const width = "(image) => { image.loading = 'eager'; return image.decode().then(() => image.naturalWidth); }";
    assertEquals(await page.evaluate(`(${width})(document.querySelector(".preview img"))`), look.viewport?.width);
    await see("preview");
    await page.click('button:text-is("Publish")');
    assertEquals(page.url(), `${address}/entry/the-first-programme`);
    await see("entry-of-owner");

    await reader.page.goto(`${address}/`);
    await reader.page.click('a:text-is("The first programme")');
    await reader.page.fill("#author", "Ben");
    await reader.page.fill("#body", "Does it <b>add</b>?");
    await reader.page.click('button:text-is("Send comment")');
    assertStringIncludes(await mainText(reader.page), "will be shown when the author has approved it");
    await inspect(reader.page, `${look.name}-comment-waits`);

    await page.goto(`${address}/`);
    await openDesk("Comments (1)");
    await see("moderation");
    await page.click('button:text-is("Approve")');
    assertStringIncludes(await mainText(page), "The comment is shown now.");
    await reader.page.goto(`${address}/entry/the-first-programme`);
    assertStringIncludes(await mainText(reader.page), "Does it <b>add</b>?");
    await inspect(reader.page, `${look.name}-entry`);

    await reader.page.click('nav a:text-is("Search")');
    await reader.page.fill("#q", "number");
    await reader.page.click('button:text-is("Search")');
    assertEquals(await reader.page.textContent("mark"), "numbers");
    await inspect(reader.page, `${look.name}-search`);
    await reader.page.click('nav a:text-is("Archive")');
    await inspect(reader.page, `${look.name}-archive`);
    await reader.page.click('a:text-is("looms")');
    assertStringIncludes(await mainText(reader.page), "The first programme");
    const feed = await curl("--insecure", `${address}/feed.xml`);
    assertStringIncludes(
      feed.text,
      `<link rel="alternate" type="text/html" href="${address}/entry/the-first-programme"/>`,
    );

    for (const name of ["Write", "Entries", "Pictures", "Settings"]) {
      await openDesk(name);
      await see(name.toLowerCase());
    }
    await page.goto(`${address}/delete/1`);
    await see("delete");
    await openDesk("Log out");
    await see("log-out");
    await page.click('main button:text-is("Log out")');
    assertStringIncludes(await mainText(page), "You were logged out.");
    assertEquals([...faults, ...reader.faults], []);
  });
}

Deno.test("the blog works without a script when JavaScript is off", async () => {
  await using site = await startSite({ BLOG_DEMO: "1" });
  await using browser = await Browser.launch();
  const { page, faults } = await browser.openPage({ javaScriptEnabled: false });
  const address = site.address("http");
  await page.goto(`${address}/login`);
  await page.fill("#name", "admin");
  await page.fill("#password", "default");
  await page.click('button:text-is("Log in")');
  await page.click('a:text-is("Write")');
  await page.fill("#title", "By hand");
  await page.fill("#body", "No script.");
  await page.click('button:text-is("Publish")');
  assertEquals(page.url(), `${address}/entry/by-hand`);
  assertEquals(faults, []);
});

Deno.test("the blog keeps every entry when 32 clients post at once", async () => {
  const [clients, entries] = [32, 96];
  await using site = await startSite({ BLOG_DEMO: "1" });
  const address = site.address("http");
  const cookie = await logIn(address);
  const form = await (await fetch(`${address}/write`, { headers: { cookie } })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(form)?.[1] ?? "";
  const post = async (client: number) => {
    for (let number = client; number < entries; number += clients) {
      const body = new URLSearchParams({ csrf, title: "Load", body: `Entry ${number}`, action: "publish" });
      const response = await fetch(`${address}/write`, {
        method: "POST",
        headers: { cookie },
        body,
        redirect: "manual",
      });
      await response.body?.cancel();
      assertEquals(response.status, 303);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => post(client)));
  const sitemap = await (await fetch(`${address}/sitemap.xml`)).text();
  const found = new Set(sitemap.match(/entry\/load[^<]*/g));
  assertEquals(found.size, entries);
});

/** Logs in as the owner of the demonstration; returns the cookie. */
async function logIn(address: string): Promise<string> {
  const page = await fetch(`${address}/login`);
  const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? "";
  const response = await fetch(`${address}/login`, {
    method: "POST",
    headers: { cookie: cookieOf(page) },
    body: new URLSearchParams({ csrf, name: "admin", password: "default" }),
    redirect: "manual",
  });
  await response.body?.cancel();
  assertEquals(response.status, 303);
  return cookieOf(response);
}

function cookieOf(response: Response): string {
  const [cookie] = response.headers.getSetCookie();
  assert(cookie !== undefined, "no cookie was set");
  return cookie.split(";")[0];
}

Deno.test("the blog's redirects keep scheme, host and port when they go through the server", async () => {
  await using site = await startSite();
  for (const scheme of ["http", "https"] as const) {
    const address = site.address(scheme);
    const { text } = await curl("--insecure", "--head", `${address}/write`);
    // Over HTTPS curl speaks HTTP/2, whose names are in lower case.
    assertMatch(text, scheme === "http" ? /^HTTP\/1\.1 303 / : /^HTTP\/2 303 /);
    assertStringIncludes(text.toLowerCase(), `location: ${address}/login?next=%2Fwrite\r\n`.toLowerCase());
  }
});

Deno.test("the front page leads to what is there when the server is started as scripts/start does", async () => {
  await using site = await startSite();
  await using browser = await Browser.launch();
  for (const look of LOOKS.filter(({ scheme }) => scheme === "http")) {
    const { page, faults } = await browser.openPage(look);
    for (const path of ["/", "/try.html"]) {
      await page.goto(site.server.url + path);
      await inspect(page, `${look.name}-www${path.replace(/\W/g, "-")}`);
      const links = await page.evaluate("[...document.links].map(({ href }) => href)");
      assert(Array.isArray(links) && links.length > 4);
      for (const link of links) {
        const response = await fetch(link);
        await response.body?.cancel();
        assertEquals(response.status, 200, link);
      }
    }
    assertEquals(faults, []);
  }
});
