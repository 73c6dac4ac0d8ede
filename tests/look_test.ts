/**
 * One look for all that lisod shows a person. The rules that stand in several places, because each page brings its own,
 * agree; and every page passes axe-core and fits its window in light and dark, on a phone and a desktop, with a way home.
 * Screenshots stay in artefacts/look/. The blog's own pages: blog_browser_test.ts.
 */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { PAGE_STYLE } from "../lib/html_page.ts";
import { errorPage } from "../lib/site/error_pages.ts";
import { directoryListing } from "../lib/listing/directory_listing.ts";
import { Browser, DESKTOP, inspectPage, type Page, PHONE } from "./browser.ts";
import { until } from "./cgi/running_scripts.ts";
import { startServer } from "./harness.ts";
import { IS_LONG } from "./long.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");

function read(path: string): string {
  return Deno.readTextFileSync(join(PROJECT, path));
}

/** Declarations by selector; one in a media query has that before it. How a value is spaced makes no difference. */
type Rules = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Understands what the style sheets here use: rules, and media queries around them. */
function readRules(css: string, media = ""): Rules {
  const rules = new Map<string, Map<string, string>>();
  const text = css.replaceAll(/\/\*[^]*?\*\//g, "");
  for (const [, head, body] of text.matchAll(/([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}/g)) {
    const selector = tidy(head);
    const inner = selector.startsWith("@media") ? readRules(body, `${selector} `) : null;
    const declarations = body.split(";").map((line) => /^\s*([\w-]+)\s*:([^]*)$/.exec(line)).filter((found) =>
      found !== null
    );
    for (const [name, found] of inner ?? selector.split(",").map((one) => [`${media}${one}`, null] as const)) {
      const known = rules.get(name) ?? new Map<string, string>();
      for (const [property, value] of found ?? declarations.map(([, key, text]) => [key, tidy(text)] as const)) {
        known.set(property, value);
      }
      rules.set(name, known);
    }
  }
  return rules;
}

function tidy(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll(/ ?([,:()]) ?/g, "$1").replaceAll(/(?<!\d)0\./g, ".");
}

const SITE = readRules(read("www/style.css"));
const DARK = "@media(prefers-color-scheme:dark) :root";

/** The names of what `part` says in another way than `whole` does about the selectors that both have. */
function differences(part: Rules, whole: Rules): readonly string[] {
  return [...part].flatMap(([selector, declarations]) => {
    const other = whole.get(selector);
    if (other === undefined) return [];
    const properties = new Set([...declarations.keys(), ...other.keys()]);
    return [...properties].filter((name) => declarations.get(name) !== other.get(name)).map((name) =>
      `${selector} ${name}`
    );
  });
}

Deno.test("the pages that the server makes have rules of www/style.css alone in common", () => {
  const shared = readRules(PAGE_STYLE);
  assertEquals([...shared.keys()].filter((selector) => !SITE.has(selector)), []);
  assertEquals(differences(shared, SITE), []);
  assert(shared.has(":root") && shared.has(DARK) && shared.has("body"), [...shared.keys()].join(" "));
});

Deno.test("the examples of cgi-bin begin with the rules of the server's own pages", () => {
  for (const path of ["cgi-bin/environment", "cgi-bin/form.py"]) assertStringIncludes(read(path), PAGE_STYLE, path);
});

Deno.test("the blog differs from www/style.css in what is listed here alone", () => {
  assertEquals(differences(readRules(read("cgi-bin/blog/static/blog.css")), SITE), [
    ":root --alarm",
    ":root --mark",
    `${DARK} --alarm`,
    `${DARK} --mark`,
    "body padding", // the owner's bar touches the top
    "header align-items", // the title has a line below it
    "header padding",
    "header .name margin", // a paragraph and a link, not an image and its name
    "header .name font-size",
    "header .name letter-spacing",
    "header .name display",
    "header .name gap",
    "header .name align-items",
    "header .name color",
    "header .name text-decoration",
    "pre overflow-x", // programs of readers keep their lines
    "pre white-space",
  ]);
});

Deno.test("colours stand in the palettes alone, and drawings take theirs from them", () => {
  const coloured = /#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color|color-mix|light-dark)\(/gi;
  const listing = directoryListing({ path: "/", order: { column: "name", isDescending: false }, readme: null }).begin;
  const own = [errorPage(404), listing, read("cgi-bin/environment"), read("cgi-bin/form.py")].map((page) =>
    page.replace(PAGE_STYLE, "").replaceAll(/&#\d+;/g, "")
  );
  const sheets = ["www/style.css", "cgi-bin/blog/static/blog.css"].map((path) =>
    read(path).replaceAll(/^ *--.*$/gm, "")
  );
  for (const text of [...own, ...sheets]) assertEquals(text.match(coloured), null);

  const palette = (selector: string) =>
    [...SITE.get(selector)?.values() ?? []].filter((value) => value.startsWith("#"));
  assertEquals([palette(":root").length, palette(DARK).length], [6, 6]);
  for (const path of ["www/lisod.svg", "www/path.svg", "www/path-narrow.svg", "cgi-bin/blog/static/blog.svg"]) {
    const [light, dark] = read(path).split("@media (prefers-color-scheme: dark)").map((text) =>
      text.match(coloured) ?? []
    );
    assert(light.length > 0 && dark.length === light.length, path);
    assertEquals(light.filter((colour) => !palette(":root").includes(colour)), [], path);
    assertEquals(dark.filter((colour) => !palette(DARK).includes(colour)), [], path);
  }
});

/** What makes a listing hard to show. */
const ODD_NAMES = ["a".repeat(200), "<script>alert(1)<", `it's & "that".txt`, "ümläut \u{1f600}", "a b/inside.txt"];

/** Folders with a readme of each kind. */
const READMES = {
  "text/README.txt": `What is in here\n\n- a <list>\n\t- with a tab and a word: ${"x".repeat(200)}\n`,
  "text/report-2026.pdf": "x".repeat(123_456),
  "text/older/x": "",
  "framed/readme.html":
    "<!DOCTYPE html><html lang=en><title>T</title><h1>Releases</h1><p>Take <a href=a.bin>the newest</a>.",
  "framed/a.bin": "x",
};

/** Opens a page; returns the name that its screenshot has. */
type Visit = (page: Page) => Promise<unknown>;

/** Every page of the sample site as scripts/start serves it, that of an installation, and what only other sites have. */
async function visits(
  { url, other, installed }: { readonly url: string; readonly other: string; readonly installed: string },
): Promise<Readonly<Record<string, Visit>>> {
  const open = (address: string): Visit => (page) => page.goto(address);
  const blog = await (await fetch(`${url}/cgi/`)).text();
  return {
    "front": open(`${url}/`),
    "installed": open(`${installed}/`),
    "try": open(`${url}/try.html`),
    "clock": async (page) => {
      await page.goto(`${url}/clock.html`);
      await until(async () => /^\d\d:\d\d:\d\d$/.test(await page.textContent("#time") ?? ""), "the time is there");
    },
    "chat": async (page) => {
      await page.goto(`${url}/chat.html`);
      await page.fill("#name", "Ada");
      await until(async () => await page.textContent("#state") === "Connected.", "the chat is there");
      await page.fill("#text", `<b>hello</b> ${"x".repeat(200)}`);
      await page.click("button");
      await until(
        async () => (await page.textContent("#lines") ?? "").includes("Ada: <b>hello</b>"),
        "the line is there",
      );
    },
    "folder": open(`${url}/files/`),
    "folder-of-odd-names": open(`${other}/odd/`),
    "folder-with-a-text": open(`${other}/text/?sort=size&order=desc`),
    "folder-with-a-page": open(`${other}/framed/`),
    "folder-at-the-top": open(`${other}/`),
    "not-found": open(`${url}/nothing`),
    "too-long": open(`${url}/${"x".repeat(9000)}`),
    "environment": open(`${url}/examples/environment.cgi/some/path?colour=blue&${"x".repeat(200)}`),
    "form": open(`${url}/examples/form.cgi`),
    "form-sent": async (page) => {
      await page.goto(`${url}/examples/form.cgi`);
      await page.fill("[name=name]", "Ada <b>");
      await page.fill("[name=colour]", "x".repeat(200));
      await page.click("button");
      assertStringIncludes(await page.textContent("main") ?? "", "Ada <b>");
    },
    "blog": open(`${url}/cgi/`),
    "blog-entry": open(new URL(/<h2><a href="([^"]+)"/.exec(blog)?.[1] ?? "", url).href),
    "blog-not-found": open(`${url}/cgi/nothing`),
  };
}

const VIEWS = [
  { place: "phone", viewport: PHONE, colorScheme: "light" },
  { place: "desktop", viewport: DESKTOP, colorScheme: "dark" },
  { place: "phone", viewport: PHONE, colorScheme: "dark" },
  { place: "desktop", viewport: DESKTOP, colorScheme: "light" },
] as const;

// Where things stand does not depend on colours, nor colours on where they stand: the first two have each of both.
for (const { place, viewport, colorScheme } of IS_LONG ? VIEWS : VIEWS.slice(0, 2)) {
  Deno.test(`every page is accessible, fits and leads home when seen on a ${place} in ${colorScheme}`, async () => {
    const data = await Deno.makeTempDir({ prefix: "lisod-look-" });
    try {
      const blog = ["--cgi", join(PROJECT, "cgi-bin/wsgi_wrapper.py"), "--cgi-env", `BLOG_DATA=${data}`];
      const talk = ["clock=cgi-bin/clock", "chat=cgi-bin/chat.py"].map((each) => {
        return `--websocket=/${each.replace("=", `=${PROJECT}/`)}`;
      });
      const own = ["--cgi-env", "BLOG_DEMO=1", "--cgi-env", `CHAT_FILE=${data}/chat`];
      const args = ["--listing", "--cgi-handler", ".cgi=/bin/sh", ...blog, ...talk, ...own];
      await using server = await startServer({ root: join(PROJECT, "www"), args });
      const files = Object.fromEntries(ODD_NAMES.map((name) => [`odd/${name}`, name]));
      await using other = await startServer({ files: { ...files, ...READMES }, args: ["--listing"] });
      const page = { "index.html": read("scripts/installed.html"), "style.css": read("www/style.css") };
      await using installed = await startServer({ files: { ...page, "lisod.svg": read("www/lisod.svg") } });
      await using browser = await Browser.launch();
      const sites = { url: server.url, other: other.url, installed: installed.url };
      for (const [name, visit] of Object.entries(await visits(sites))) {
        const { page, faults } = await browser.openPage({ viewport, colorScheme });
        await visit(page);
        assertEquals(await inspectPage(page, `look/${name}-${place}-${colorScheme}`), [], name);
        const home = await page.evaluate(`[...document.links].filter((link) => link.textContent === "Home")
            .map((link) => link.getAttribute("href"))`);
        assertEquals(home, ["folder-at-the-top", "installed"].includes(name) ? [] : ["/"], name);
        const expected = /^(?:404|414): |^console error: Failed to load resource: .* status of 4/;
        assertEquals(faults.filter((fault) => !/not-found|too-long/.test(name) || !expected.test(fault)), [], name);
      }
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}

Deno.test("the commands of try.html name the server that they came from, and without a script say what to put in", async () => {
  assertNotMatch(read("www/try.html") + read("www/try.js"), /\b8080\b|\b8443\b|localhost/);
  await using server = await startServer({ root: join(PROJECT, "www") });
  await using browser = await Browser.launch();
  const commandsOf = async (javaScriptEnabled: boolean) => {
    const { page, faults } = await browser.openPage({ javaScriptEnabled });
    await page.goto(`${server.url}/try.html`);
    assertEquals(faults, []);
    return (await page.textContent("main") ?? "").replaceAll(/\s+/g, " ");
  };
  const shown = await commandsOf(true);
  assertStringIncludes(shown, `curl -I ${server.url}/`);
  assertStringIncludes(shown, "curl -k -v https://127.0.0.1:PORT/");
  assertNotMatch(shown, /HOST/);
  const bare = await commandsOf(false);
  assertStringIncludes(bare, "In place of http://HOST:PORT put what the address of this page begins with.");
  assertMatch(bare, /curl -I http:\/\/HOST:PORT\//);
});
