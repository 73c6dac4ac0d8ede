/**
 * What places say before anything is looked up: fallbacks, redirects, rewrites; end to end over HTTP and HTTPS, beside access
 * rules and with the programs that people have for such paths.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { curl, run, runLisod, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";

/** Tells what front controllers go by. */
const FRONT = `<?php
header("Content-Type: text/plain");
foreach (["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "REDIRECT_URL", "PHP_SELF"] as $name) {
  echo $_SERVER[$name] ?? "-", "|";
}
echo file_get_contents("php://input");
`;
const PROBE = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "$SCRIPT_NAME|\${PATH_INFO-}|$QUERY_STRING|\${REMOTE_USER-}"
`;

interface Asked {
  readonly status: string;
  readonly text: string;
  readonly location: string;
}

type Ask = (target: string, ...args: readonly string[]) => Promise<Asked>;

interface Site {
  readonly files: Readonly<Record<string, string>>;
  /** By the folder of the files. */
  readonly args: (folder: string) => readonly string[];
}

/** Serves the files below "root", and runs the test by each scheme. */
async function withSite({ files, args }: Site, test: (ask: Ask) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-places-" }));
  try {
    await writeFiles(folder, { "root/index.html": "home", ...files });
    for (const name of Object.keys(files)) if (files[name] === PROBE) await Deno.chmod(`${folder}/${name}`, 0o755);
    await using https = await HttpsServer.start({ root: `${folder}/root`, args: args(folder) });
    for (const url of [https.server.url, https.url]) await test((target, ...more) => ask(https, url + target, more));
    assertEquals(https.server.logText().split("\n").filter((line) => line.includes("] ERROR ")), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function ask({ certificates }: HttpsServer, url: string, args: readonly string[]): Promise<Asked> {
  const told = "\n%{http_code} %{redirect_url}";
  const { text } = await curl("--path-as-is", "--cacert", certificates.root, "--write-out", told, ...args, url);
  const [, content, status, location] = /^(.*)\n(\d+) (.*)$/s.exec(text) ?? [];
  return { status, text: content, location: location.replace(new RegExp(`^${new URL(url).origin}`), "") };
}

const PHP = ["--cgi-handler", ".php=/usr/bin/php-cgi"];

Deno.test("lisod --fallback gives what is not there to a front controller, by any method and as it was asked for", () =>
  withSite({
    files: {
      "root/index.php": FRONT,
      "root/style.css": "style",
      "root/empty/x": "",
      "root/.hidden": "",
      "root/a.php~": "",
    },
    args: () => [...PHP, "--fallback", "/index.php", "--deny", "0.0.0.0/0:/closed"],
  }, async (ask) => {
    const front = (method: string, query: string, uri: string, url: string, content = "") =>
      `${method}|/index.php|-|${query}|${uri}|${url}|/index.php|${content}`;
    const table: readonly (readonly [want: string, target: string, ...args: string[]])[] = [
      [front("GET", "a=b", "/no%20such/page?a=b", "/no such/page"), "/no%20such/page?a=b"],
      [front("GET", "", "//no//page/", "//no//page/"), "//no//page/"],
      [front("GET", "", "/style.css/x", "/style.css/x"), "/style.css/x"],
      [front("GET", "", "/style.css/", "/style.css/"), "/style.css/"],
      [front("POST", "q", "/api?q", "/api", "x=1"), "/api?q", "--data", "x=1"],
      [front("PUT", "", "/api", "/api", "x"), "/api", "--request", "PUT", "--data", "x"],
      [front("DELETE", "", "/api", "/api"), "/api", "--request", "DELETE"],
      [front("GET", "", "/a.php~", "/a.php~"), "/a.php~"],
      [front("POST", "", "/a.php~", "/a.php~", "x"), "/a.php~", "--data", "x"],
      ["style", "/style.css"],
      ["home", "/"],
    ];
    for (const [want, target, ...args] of table) {
      const { status, text } = await ask(target, ...args);
      assertEquals([status, text], ["200", want], target);
    }
    // What is there and refused, and what must not be known of, is as without it.
    const refused = { "/closed/x": "403", "/empty/": "403", "/.hidden": "404", "/.none": "404", "/a%2fb": "404" };
    for (const [target, status] of Object.entries(refused)) assertEquals((await ask(target)).status, status, target);
    assertEquals((await ask("/style.css", "--data", "x")).status, "405");
    assertEquals((await ask("/empty")).location, "/empty/");
  }));

Deno.test("lisod --fallback gives the page of an application that has its routes in the browser, with its validators", () =>
  withSite({ files: { "root/app.js": "script" }, args: () => ["--fallback", "/index.html"] }, async (ask) => {
    assertEquals(await ask("/users/7?tab=a"), { status: "200", text: "home", location: "" });
    assertEquals((await ask("/app.js")).text, "script");
    const head = await ask("/users/7", "--head");
    const tag = /^etag: (.*)\r$/im.exec(head.text)?.[1] ?? "";
    assertMatch(head.text, /^content-type: text\/html/im);
    assertMatch(head.text, /^content-length: 4\r$/im);
    assertEquals((await ask("/users/8", "--header", `If-None-Match: ${tag}`)).status, "304");
    assertEquals((await ask("/users/8", "--header", "Range: bytes=0-1")).text, "ho");
    assertEquals((await ask("/users/8", "--data", "x")).status, "405");
  }));

Deno.test("lisod --fallback gives a program the path, and its own rules guard where it leads", () =>
  withSite({
    files: { "bin/app": PROBE },
    args: (folder) => ["--script-alias", `/bin=${folder}/bin`, "--fallback", "/bin/app/{path}?from={path}"],
  }, async (ask) => {
    assertEquals((await ask("/a%20b//c?d")).text, "/bin/app|/a b//c|from=a%20b//c&d|");
    // Programs answer for their paths themselves.
    assertEquals((await ask("/bin/none")).status, "404");
  }));

Deno.test("lisod guards what a fallback or a rewrite leads to, and what was asked for", () =>
  withSite({
    files: { "bin/app": PROBE, "root/closed/x": "closed", "root/open": "open" },
    args: (folder) => [
      ...["--script-alias", `/bin=${folder}/bin`, "--fallback", "/bin/app"],
      ...["--deny", "0.0.0.0/0:/closed", "--deny", "0.0.0.0/0:/bin", "--deny", "0.0.0.0/0:/pretty"],
      ...[
        "--rewrite",
        "/to/:name=/closed/{name}",
        "--rewrite",
        "/pretty=/open",
        "--rewrite",
        "/dots:a=/open/{a}/closed/x",
      ],
    ],
  }, async (ask) => {
    const targets = [
      "/closed/x",
      "/to/x",
      "//to//x",
      "/%74o/%78",
      "/x/../to/x",
      "/pretty",
      "/none",
      "/dots..",
      "/bin/app",
    ];
    for (const target of targets) assertEquals((await ask(target)).status, "403", target);
    assertEquals((await ask("/open")).text, "open");
  }));

Deno.test("lisod --redirect keeps the rest of the path and the query, and leads nowhere else", () =>
  withSite({
    files: { "root/old/index.html": "never" },
    args: () =>
      ["/old=/new", "/temp=302 https://example.org/x/?from=old", "/a/b=308 /"].flatMap((text) => ["--redirect", text]),
  }, async (ask) => {
    const table: readonly (readonly [target: string, status: string, location: string, ...args: string[]])[] = [
      ["/old", "301", "/new"],
      ["//old//a%20b/?c=d", "301", "/new/a%20b/?c=d"],
      ["/x/../%6fld/index.html", "301", "/new/index.html"],
      ["/temp/y?z", "302", "https://example.org/x/y?from=old&z"],
      ["/a/b//evil.example/", "308", "/evil.example/", "--data", "x"],
    ];
    for (const [target, status, location, ...args] of table) {
      const got = await ask(target, ...args);
      assertEquals([got.status, got.location, got.text], [status, location, ""], target);
    }
    for (const target of ["/olds", "/a", "/a/bc"]) assertEquals((await ask(target)).status, "404", target);
  }));

Deno.test("lisod --rewrite answers by another path, with its groups and the query", () =>
  withSite({
    files: { "root/wiki/doku.php": FRONT, "root/wiki/start": "shadowed", "root/folder/index.html": "folder" },
    args: () => [
      ...PHP,
      ...["--rewrite", "/wiki/:page=/wiki/doku.php?id={page}", "--rewrite", "/f=/folder"],
      ...["--rewrite", "/_media/*=/wiki/doku.php/{0}?media={0}", "--rewrite", "/=302 /wiki/start"],
    ],
  }, async (ask) => {
    const start = await ask("/wiki/a%26b?do=edit");
    assertEquals(
      start.text,
      "GET|/wiki/doku.php|-|id=a%26b&do=edit|/wiki/a%26b?do=edit|/wiki/a&b|/wiki/doku.php|",
    );
    assertEquals((await ask("//wiki//start")).text.split("|")[3], "id=start");
    assertEquals((await ask("/wiki/x", "--data", "a=b")).text.split("|").at(-1), "a=b");
    assertEquals((await ask("/_media/a/b.png")).text.split("|").slice(1, 4), [
      "/wiki/doku.php",
      "/a/b.png",
      "media=a/b.png",
    ]);
    for (const target of ["/?a", "//?a"]) {
      const { status, location } = await ask(target);
      assertEquals([status, location], ["302", "/wiki/start?a"]);
    }
    // The slash belongs to the path that is there.
    assertEquals((await ask("/f?a")).location, "/folder/?a");
  }));

Deno.test("lisod --encoded-slash pass tells programs of %2F, and lets it lead nowhere", () =>
  withSite({
    files: { "bin/app": PROBE, "root/a/b": "b", "root/closed/x": "closed", "secret": "secret" },
    args: (folder) => [
      ...["--script-alias", `/bin=${folder}/bin`, "--encoded-slash", "pass", "--redirect", "/old=/new"],
      ...["--deny", "0.0.0.0/0:/closed", "--rewrite", "/r/:x=/bin/app/{x}/y?x={x}"],
    ],
  }, async (ask) => {
    assertEquals((await ask("/bin/app/a%2fb%2F..%252F/c")).text, "/bin/app|/a%2Fb%2F..%2F/c||");
    assertEquals((await ask("/r/a%2Fb?q")).text, "/bin/app|/a%2Fb/y|x=a%2Fb&q|");
    assertEquals((await ask("/old/a%2Fb")).location, "/new/a%2Fb");
    for (const target of ["/a%2Fb", "/..%2fsecret", "/bin%2Fapp", "/bin/..%2fapp", "/closed%2Fx", "/%2f", "/a/b%5c"]) {
      assertEquals((await ask(target)).status, "404", target);
    }
    assertEquals((await ask("/closed/x%2f")).status, "403");
  }));

Deno.test("lisod --links lets links lead out of folders of files and of programs, or only to their owner's", () =>
  withLinks(async (folder) => {
    const paths = ["/in", "/out", "/foreign", "/way/b", "/bin/p", "/bin/q", "/bin/foreign", "/page.php"];
    const want = {
      inside: ["200", "403", "403", "403", "403", "200", "403", "403"],
      owner: ["200", "200", "403", "200", "200", "200", "403", "200"],
      all: ["200", "200", "200", "200", "200", "200", "200", "200"],
    };
    for (const rule of ["inside", "owner", "all"] as const) {
      const args = ["--links", rule, "--script-alias", `/bin=${folder}/bin`, "--listing", ...PHP];
      await using https = await HttpsServer.start({ root: `${folder}/root`, args });
      for (const url of [https.server.url, https.url]) {
        const statuses = await Promise.all(paths.map(async (path) => (await ask(https, url + path, [])).status));
        assertEquals(statuses, want[rule], rule);
      }
      const { text } = await ask(https, `${https.server.url}/`, []);
      const listed = [...text.matchAll(/href="([^"/]+)\/?"/g)].map(([, name]) => name).filter((name) =>
        paths.includes(`/${name}`) || name === "way"
      );
      assertEquals(
        listed.toSorted(),
        {
          inside: ["in"],
          owner: ["in", "out", "page.php", "way"],
          all: ["foreign", "in", "out", "page.php", "way"],
        }[rule],
      );
      if (rule !== "inside") assertEquals((await ask(https, `${https.server.url}/way/`, [])).status, "200");
      const told = {
        inside: /WARN site: "[^"]*\/out" is a link to "[^"]*", which leads out of/,
        owner: /WARN site: "[^"]*\/foreign" is a link to "[^"]*", which belongs to another user than the link: 403/,
        all: /(?:)/,
      }[rule];
      await waitFor(() => Promise.resolve(told.test(https.server.logText())));
      // The link may be turned at any time.
      await Deno.remove(`${folder}/root/out`);
      await Deno.symlink(`${folder}/root/foreign`, `${folder}/root/out`);
      const own = { inside: "403", owner: "403", all: "200" }[rule];
      await waitFor(async () => (await ask(https, `${https.server.url}/out`, [])).status === own);
      await Deno.remove(`${folder}/root/out`);
      await Deno.symlink(`${folder}/outside/a`, `${folder}/root/out`);
    }
    const check = await runLisod("--root", `${folder}/root`, "--links", "owner", "--check");
    assertStringIncludes(check.stderr, `"${folder}/root/foreign": is a link to`);
    assertEquals(check.stderr.includes("leads out"), false);
  }));

/** A file that does not belong to the owner of the links to it. */
async function withLinks(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-links-" }));
  try {
    await writeFiles(folder, {
      ...{ "root/a": "a", "bin/own": PROBE, "outside/a": "out", "outside/folder/b": "b", "outside/p": PROBE },
      ...{ "outside/page.php": FRONT, "outside/foreign": PROBE },
    });
    for (const name of ["bin/own", "outside/p", "outside/foreign"]) await Deno.chmod(`${folder}/${name}`, 0o755);
    const links = {
      ...{
        "root/in": "a",
        "root/out": "../outside/a",
        "root/way": "../outside/folder",
        "bin/q": "own",
        "bin/p": "../outside/p",
      },
      ...{ "root/page.php": "../outside/page.php" },
    };
    for (const [name, target] of Object.entries(links)) await Deno.symlink(target, `${folder}/${name}`);
    // Root can give links away; anybody else has a whole system of another owner to link to.
    const foreign = Deno.uid() === 0 ? `${folder}/outside/foreign` : "/usr/bin/env";
    for (const name of ["root/foreign", "bin/foreign"]) {
      await Deno.symlink(foreign, `${folder}/${name}`);
      if (Deno.uid() === 0) await run("chown", ["-h", "12345", `${folder}/${name}`]);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Files are known for --file-cache-ms. */
async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 5000;
  while (!await holds()) {
    if (Date.now() > endMs) throw new Error("Has not come about");
  }
}

Deno.test("lisod --methods allows these alone, also where a fallback or a rewrite leads", () =>
  withSite({
    files: { "bin/app": PROBE },
    args: (folder) => [
      ...["--script-alias", `/bin=${folder}/bin`, "--methods", "GET,PUT", "--fallback", "/bin/app"],
      ...["--rewrite", "/r=/bin/app"],
    ],
  }, async (ask) => {
    for (const target of ["/", "/bin/app", "/r", "/none"]) {
      assertEquals((await ask(target)).status, "200", target);
      const refused = await ask(target, "--data", "x", "--include");
      assertEquals(refused.status, "405", target);
      assertMatch(refused.text, /^allow: GET, HEAD, PUT\r$/im);
    }
    assertEquals((await ask("/none", "--request", "PUT", "--data", "x")).status, "200");
  }));

Deno.test("lisod answers a folder by a program that is mounted by the name of its index, and guards both", () =>
  withSite({
    files: {
      "bin/app": PROBE,
      "root/a/x": "x",
      "root/a/index.cgi": "a file that is never sent",
      "root/b/x": "",
      "root/c/x": "",
    },
    args: (folder) => [
      ...["--index", "index.html,index.cgi", "--script-alias", `/a/index.cgi=${folder}/bin/app`],
      ...["--script-alias", `/b/index.cgi=${folder}/bin/app`, "--deny", "0.0.0.0/0:/b/index.cgi"],
      ...["--redirect", "/c/index.html=302 /a/", "--listing"],
    ],
  }, async (ask) => {
    assertEquals((await ask("/a/?q")).text, "/a/index.cgi||q|");
    assertEquals((await ask("/a/index.cgi/x")).text, "/a/index.cgi|/x||");
    assertEquals((await ask("/a")).location, "/a/");
    assertEquals((await ask("/b/")).status, "403");
    assertEquals((await ask("/c/?q")).location, "/a/?q");
    assertEquals((await ask("/c/x")).status, "200");
  }));

Deno.test("lisod --check does not miss an index where a program is mounted by its name", () =>
  withLinks(async (folder) => {
    const args = [
      "--root",
      `${folder}/outside`,
      "--http",
      "0",
      "--check",
      "--script-alias",
      `/folder/index.html=${folder}/bin/own`,
    ];
    const mounted = await runLisod(...args, "--index", "index.html");
    const other = await runLisod(...args, "--index", "index.htm");
    assertEquals([mounted, other].map(({ code, stderr }) => [code, /"[^"]*": (.* no index\S*),/.exec(stderr)?.[1]]), [
      [0, "has no index.html"],
      [0, "and 1 more folder have no index.htm"],
    ]);
  }));

Deno.test("lisod refuses fallbacks, redirects and rewrites that make no sense", async () => {
  const table: readonly (readonly [option: string, text: string, told: string])[] = [
    ["--fallback", "index.php", "not a path of the site"],
    ["--redirect", "/a=/a/b", "not a prefix that is free, and where it has moved"],
    ["--redirect", "/=/b", "not a prefix that is free"],
    ["--rewrite", "/:a=/{b}", "not a pattern and a path of the site"],
    ["--methods", "get", "not methods"],
    ["--links", "outside", "unknown: give inside or owner or all"],
  ];
  for (const [option, text, told] of table) {
    const { code, stderr } = await runLisod("--root", "/tmp", option, text);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${option} "${text}": ${told}`);
  }
});
