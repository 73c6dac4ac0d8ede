/** Sections of the configuration file: sites by host and places by prefix, end to end over HTTP and HTTPS. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isProcess, until } from "./cgi/running_scripts.ts";
import { curl, runLisod, writeFiles } from "./harness.ts";
import { Http2Client } from "./http2_client.ts";
import { frame, get, T, u32 } from "./http2_frames.ts";
import { HttpsServer } from "./https.ts";

const PROBE = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "$SCRIPT_NAME|$PATH_INFO|$WHERE|$DOCUMENT_ROOT"
`;
const PHP = '<?php echo "run ", $_SERVER["SCRIPT_NAME"], " ", $_SERVER["WHERE"];';

/** Hosts with folders of their own, programs inside of them, and a folder where handlers are off. */
async function withSites(test: (folder: string, config: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-sites-" }));
  try {
    await writeFiles(folder, {
      "one/index.html": "one",
      "one/index.php": PHP,
      "one/uploads/a.php": PHP,
      "one/uploads/deep/b.php": PHP,
      "one/uploads/index.html": "uploads",
      "one/secret.php": PHP,
      "two/index.html": "two",
      "two/list/a": "a",
      "wild/index.html": "wild",
      "icons/a.png": "icon",
      "own/a.png": "own icon",
      "bin/probe": PROBE,
      "conf.d/two.conf": "[two.example]\nroot = ../two\n[two.example /list/]\nlisting\n",
      "lisod.conf": `# what holds for all
cgi-handler = .php=/usr/bin/php-cgi
cgi-env = WHERE=top
[one.example www.one.example]
root = one
cgi-env = WHERE=one
[*.wild.example]
root = wild
include = conf.d/*.conf
[/icons/]
root = icons
[/bin/]
cgi = bin
[/bin/closed/]
deny = 0.0.0.0/0
deny = ::/0
[one.example /uploads/]
cgi-handler = off
[two.example /icons/]
root = own
allow = 192.0.2.0/24
`,
    });
    await Deno.symlink("../secret.php", `${folder}/one/uploads/link.php`);
    await Deno.symlink("../secret.php", `${folder}/one/uploads/link.txt`);
    await Deno.chmod(`${folder}/bin/probe`, 0o755);
    await Deno.copyFile(`${folder}/bin/probe`, `${folder}/bin/closed`);
    await Deno.chmod(`${folder}/bin/closed`, 0o755);
    await test(folder, `${folder}/lisod.conf`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Row = readonly [host: string, path: string, status: string, content?: string | RegExp];

const ANSWERS: readonly Row[] = [
  ["one.example", "/", "200", "one"],
  ["WWW.one.example:81", "/", "200", "one"],
  ["one.example.", "/", "200", "one"],
  ["other.example", "/", "200", "one"],
  ["two.example", "/", "200", "two"],
  ["a.b.wild.example", "/", "200", "wild"],
  ["wild.example", "/", "200", "one"],
  ["one.example", "/index.php", "200", "run /index.php one"],
  ["one.example", "/uploads/", "200", "uploads"],
  // Sent as what it is, and not run.
  ["one.example", "/uploads/a.php", "200", /^<\?php/],
  ["one.example", "/uploads//deep/%62.php", "200", /^<\?php/],
  ["one.example", "/uploads/a.php/more", "404"],
  ["one.example", "/uploads/link.php", "403"],
  ["one.example", "/uploads/link.txt", "403"],
  ["one.example", "/secret.php", "200", "run /secret.php one"],
  ["one.example", "/uploads/../secret.php", "200", "run /secret.php one"],
  ["two.example", "/list/", "200", /href="a"/],
  ["one.example", "/icons/a.png", "200", "icon"],
  ["two.example", "/icons/a.png", "403"],
  ["two.example", "//icons//a.png", "403"],
  ["a.wild.example", "/icons/a.png", "200", "icon"],
  ["one.example", "/bin/probe/x", "200", "/bin/probe|/x|one|HERE/one"],
  ["two.example", "/bin/probe", "200", "/bin/probe||top|HERE/two"],
  ["two.example", "/bin/closed", "403"],
  ["one.example", "/bin//closed/x", "403"],
];

async function ask(base: string, host: string, path: string, root: string): Promise<readonly [string, string]> {
  const args = ["--path-as-is", "--cacert", root, "--write-out", "\n%{http_code}", "--header", `Host: ${host}`];
  const { text } = await curl(...args, base + path);
  const [, body = "", code = ""] = /^(.*)\n(\d+)$/s.exec(text) ?? [];
  return [code, body];
}

Deno.test("lisod serves sites by their hosts, and places by their prefixes as their sections say", () =>
  withSites(async (folder, config) => {
    await using https = await HttpsServer.start({ args: ["--config", config] });
    for (const base of [https.server.url, https.url]) {
      for (const [host, path, status, content] of ANSWERS) {
        const [code, body] = await ask(base, host, path, https.certificates.root);
        assertEquals([host, path, code], [host, path, status]);
        if (typeof content === "string") assertEquals(body, content.replace("HERE", folder), path);
        else if (content !== undefined) assertMatch(body, content, path);
      }
    }
  }));

Deno.test("lisod refuses hosts that no site names where it is told so: 404, and 421 over TLS", () =>
  withSites(async (_, config) => {
    const args = ["--config", config, "--unknown-host", "refuse"];
    await using https = await HttpsServer.start({ args });
    for (const [base, refused] of [[https.server.url, "404"], [https.url, "421"]]) {
      for (const host of ["other.example", "wild.example", "localhost"]) {
        assertEquals((await ask(base, host, "/", https.certificates.root))[0], refused, host);
      }
      assertEquals(await ask(base, "two.example", "/", https.certificates.root), ["200", "two"]);
    }
  }));

Deno.test("lisod --check looks at what is mounted in every section, and names its line", () =>
  withSites(async (folder, config) => {
    const good = await runLisod("--config", config, "--check", "--http", "0");
    const notes = [
      `:5: root "${folder}/one/uploads/link.php": ${LINKED}`,
      `:5: root "${folder}/one/uploads/link.txt": ${LINKED}`,
      `:5: root "${folder}/one/uploads/deep": has no index.html, ${UNLISTED}`,
      `:11: root "${folder}/icons": has no index.html or index.php, ${UNLISTED}`,
    ];
    assertEquals([good.code, good.stderr], [0, notes.map((note) => `lisod: note: ${config}${note}\n`).join("")]);
    await Deno.writeTextFile(config, `${await Deno.readTextFile(config)}[one.example /none/]\nroot = none\n`);
    const missing = await runLisod("--config", config, "--check", "--http", "0");
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, `${config}:23: root "${folder}/none": does not exist`);
  }));

Deno.test("lisod --check --verbose shows every place with who may have it, and --explain what answers for one URL", () =>
  withSites(async (folder, config) => {
    const table = await runLisod("--config", config, "--check", "--verbose", "--http", "0");
    assertEquals(table.code, 0);
    const rows = table.text.replaceAll(folder, "HERE").split("\n").map((line) => line.replace(/ {2,}/g, " | "));
    assertEquals(rows.slice(0, 3), [
      "HOSTS | PREFIX | ANSWERED BY | WHO MAY | FROM",
      "one.example www.one.example | / | files HERE/one | all | HERE/lisod.conf:4: [one.example www.one.example]",
      "one.example www.one.example | /bin/ | programs HERE/bin | all | HERE/lisod.conf:12: [/bin/]",
    ]);
    assert(
      rows.includes(
        "two.example | /icons/ | files HERE/own | 192.0.2.0/24 | HERE/lisod.conf:19: [two.example /icons/]",
      ),
    );
    assert(
      rows.includes(
        "*.wild.example | /bin/closed/ | programs HERE/bin | not 0.0.0.0/0, not ::/0 | HERE/lisod.conf:14: [/bin/closed/]",
      ),
    );
    for (const [url, want] of EXPLAINED) {
      const explained = await runLisod("--config", config, "--explain", url);
      assertEquals([explained.code, explained.stderr], [0, ""], url);
      assertEquals(explained.text.replaceAll(folder, "HERE").replace(/(Last-Modified|ETag): .*/g, "$1"), want, url);
    }
    const redirected = await Promise.all(
      ["http://two.example/icons/a.png", "https://two.example/icons/a.png"].map((url) =>
        runLisod(
          "--config",
          config,
          "--http",
          "80",
          "--https",
          "443",
          "--key",
          "none",
          "--certificate",
          "none",
          "--https-redirect",
          "--hsts",
          "60",
          "--explain",
          url,
        )
      ),
    );
    assertStringIncludes(redirected[1].text, "Strict-Transport-Security: max-age=60\n");
    assertEquals(
      redirected[0].text,
      `redirect  308 to HTTPS, which answers so (--https-redirect)\n${redirected[1].text}`,
    );
    const wrong = await runLisod("--config", config, "--explain", "ftp://one.example/");
    assertEquals([wrong.code, wrong.text], [2, ""]);
    assertStringIncludes(wrong.stderr, '--explain "ftp://one.example/": not a URL of http, https, ws or wss');
  }));

Deno.test({
  name: "lisod runs the programs of a place by its user, within its limits and times",
  // Only root can become somebody else.
  ignore: Deno.uid() !== 0,
  fn: () =>
    withSites(async (folder, config) => {
      await Deno.chmod(folder, 0o755);
      const script = `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' "$(id -un) $(ulimit -n)"\n`;
      await writeFiles(folder, { "who/who": script, "who/late": "#!/bin/sh\nsleep 20\n" });
      for (const name of ["who", "late"]) await Deno.chmod(`${folder}/who/${name}`, 0o755);
      const own = "cgi-user = nobody\ncgi-limit-files = 77\nscript-ms = 300ms\nscript-kill-ms = 100ms\n";
      const sections = `[/other/]\ncgi = who\n[/who/]\ncgi = who\n${own}`;
      await Deno.writeTextFile(config, `${await Deno.readTextFile(config)}${sections}`);
      await using https = await HttpsServer.start({ args: ["--config", config] });
      const { url } = https.server;
      const { root } = https.certificates;
      assertEquals(await ask(url, "one.example", "/who/who", root), ["200", "nobody 77"]);
      assertMatch((await ask(url, "one.example", "/other/who", root))[1], /^root (?!77$)/);
      assertEquals((await ask(url, "one.example", "/who/late", root))[0], "504");
    }),
});

const SAID: readonly (readonly [path: string, status: string, fields: readonly string[], page: string])[] = [
  ["/", "200", ["x-a: top"], "one"],
  ["/own/", "200", ["x-a: own", "x-b: own"], "own"],
  ["/own/none", "404", ["x-a: own"], "own page"],
  ["/own//none", "404", ["x-a: own"], "own page"],
  ["/own/deeper/none", "404", ["x-a: own", "x-c: always"], "own page"],
  ["/own/deeper/", "200", ["x-a: own", "x-b: own", "x-c: always"], "deeper"],
];

Deno.test("lisod says in a place what its section says: fields, HSTS and error pages, by each protocol", () =>
  withSites(async (folder, config) => {
    await writeFiles(folder, {
      "own/index.html": "own",
      "own/deeper/index.html": "deeper",
      "pages/404.html": "own page",
    });
    const sections = `[/own/]\nroot = own\nheader = always X-A: own\nheader = X-B: own\nhsts = 7\nerror-pages = pages
[/own/deeper/]\nheader = always X-C: always\n`;
    await Deno.writeTextFile(config, `header = always X-A: top\n${await Deno.readTextFile(config)}${sections}`);
    await using https = await HttpsServer.start({ args: ["--config", config] });
    const { root } = https.certificates;
    for (const [base, way] of [[https.server.url, "--http1.1"], [https.url, "--http1.1"], [https.url, "--http2"]]) {
      // Twice, for what was answered before is kept.
      for (const [path, status, fields, page] of [...SAID, ...SAID]) {
        const args = [way, "--cacert", root, "--path-as-is", "--include", "--header", "Host: one.example"];
        const { text } = await curl(...args, base + path);
        const [head, body] = text.split("\r\n\r\n");
        const found = head.toLowerCase().split("\r\n").filter((line) =>
          line.startsWith("x-") && !line.includes("nosniff")
        );
        const hsts = /^strict-transport-security: max-age=7$/im.test(head);
        assertEquals([path, / (\d+)/.exec(head)?.[1], found.toSorted(), body], [path, status, [...fields], page]);
        assertEquals([path, hsts], [path, base.startsWith("https:") && path !== "/"]);
      }
    }
  }));

Deno.test("lisod takes as much content as a place says, less or more than elsewhere", () =>
  withSites(async (folder, config) => {
    const sections = "[/bin/small/]\nmax-body-bytes = 10\n[/bin/large/]\nmax-body-bytes = 3M\n";
    const text = await Deno.readTextFile(config);
    await Deno.writeTextFile(config, `max-body-bytes = 1M\n${text}${sections}`);
    for (const name of ["small", "large", "other"]) {
      await Deno.writeTextFile(`${folder}/bin/${name}`, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; wc -c\n");
      await Deno.chmod(`${folder}/bin/${name}`, 0o755);
    }
    await Deno.writeFile(`${folder}/2M`, new Uint8Array(2 << 20));
    await using https = await HttpsServer.start({ args: ["--config", config] });
    const { root } = https.certificates;
    const post = async (base: string, path: string, content: string, ...args: readonly string[]) => {
      const written = ["--write-out", " %{http_code}", "--cacert", root, "--data-binary", content];
      const { text } = await curl(...written, ...args, `${base}/bin/${path}`);
      return text.trim().split(/\s+/).slice(-2).join(" ").replace(/^.*> /s, "");
    };
    const chunked = ["--header", "Transfer-Encoding: chunked"];
    for (const [base, way] of [[https.server.url, "--http1.1"], [https.url, "--http1.1"], [https.url, "--http2"]]) {
      const more = way === "--http2" ? [[way]] : [[way], [way, ...chunked]];
      for (const args of more) {
        assertEquals(await post(base, "small/x", "0123456789", ...args), "10 200");
        assertEquals((await post(base, "small/x", "0123456789a", ...args)).slice(-3), "413");
        assertEquals(await post(base, "large/x", `@${folder}/2M`, ...args), "2097152 200");
        assertEquals((await post(base, "other/x", `@${folder}/2M`, ...args)).slice(-3), "413");
      }
    }
  }));

Deno.test("lisod counts the requests of an address for each place that bounds them, and frees one of the server's bound", () =>
  withSites(async (_, config) => {
    const text = (await Deno.readTextFile(config)).replace("[/bin/]\n", "[/bin/]\nmax-rate = 0\n");
    await Deno.writeTextFile(config, `max-rate = 4\n${text}[/icons/a.png]\nmax-rate = 2\n`);
    await using https = await HttpsServer.start({ args: ["--config", config] });
    const statuses = async (path: string, count: number) => {
      const urls = Array.from({ length: count }, () => ["--output", "/dev/null", `${https.server.url}${path}`]);
      const { text } = await curl("--write-out", "%{http_code} ", ...urls.flat());
      return text.trim().split(" ");
    };
    const icons = await statuses("/icons/a.png", 10);
    assert(icons.slice(0, 2).every((status) => status === "200") && icons.includes("429"), icons.join());
    assertEquals(new Set(await statuses("/bin/probe", 10)), new Set(["200"]));
    assert((await statuses("/", 20)).includes("429"));
  }));

for (const workers of [1, 2]) {
  Deno.test(`lisod writes the access lines of a place into its own log, or none, workers: ${workers}`, () =>
    withSites(async (folder, config) => {
      const text = (await Deno.readTextFile(config))
        .replace("[/icons/]\n", "[/icons/]\naccess-log = icons.log\n").replace(
          "[/bin/]\n",
          "[/bin/]\naccess-log = off\n",
        );
      await Deno.writeTextFile(config, `log-flush-ms = 1\n${text}`);
      const args = ["--config", config, "--workers", `${workers}`];
      await using https = await HttpsServer.start({ args });
      const { root } = https.certificates;
      for (const path of ["/icons/a.png", "/icons/none", "/bin/probe", "/", "/icons/a.png"]) {
        await ask(https.server.url, "one.example", path, root);
      }
      const own = () => Deno.readTextFileSync(`${folder}/icons.log`).match(/"GET \S+/g) ?? [];
      while (own().length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      await https.server.waitForLog((log) => log.includes('"GET / HTTP'));
      assertEquals(own(), ['"GET /icons/a.png', '"GET /icons/none', '"GET /icons/a.png']);
      assertEquals(https.server.logText().match(/"GET \S+/g), ['"GET /']);
    }));
}

Deno.test("a request whose client gives up has a line with 499 in the log of its place, and none where that is off", () =>
  withSites(async (folder, config) => {
    const id = `${folder}/id`;
    await writeFiles(folder, { "bin/slow": `#!/bin/sh\necho $$ >${id}\nexec sleep 60\n`, id: "" });
    await Deno.chmod(`${folder}/bin/slow`, 0o755);
    const text = await Deno.readTextFile(config);
    for (const log of ["bin.log", "off"]) {
      await Deno.writeTextFile(
        config,
        `log-flush-ms = 1\n${text.replace("[/bin/]\n", `[/bin/]\naccess-log = ${log}\n`)}`,
      );
      await using https = await HttpsServer.start({ args: ["--config", config] });
      const caCerts = [await Deno.readTextFile(https.certificates.root)];
      using client = await Http2Client.connect({ port: https.port, caCerts });
      await client.send(get(1, "/bin/slow"));
      await until(() => Deno.readTextFileSync(id).endsWith("\n"), "the program runs");
      await client.send(frame(T.reset, 0, 1, u32(8)), get(3, "/"));
      await client.whenEnded(3);
      await https.server.waitForLog((lines) => lines.includes('"GET / HTTP/2.0" 200'));
      await until(() => !isProcess(Number(Deno.readTextFileSync(id))), "the program has ended");
      await Deno.writeTextFile(id, "");
      if (log !== "off") {
        await until(
          async () => /"GET \/bin\/slow HTTP\/2.0" 499 - /.test(await Deno.readTextFile(`${folder}/${log}`)),
          "the line",
        );
      }
      assert(!https.server.logText().includes("/bin/slow HTTP"), https.server.logText());
    }
  }));

Deno.test("lisod sends the source of what another place runs to nobody, whatever link or place leads there", () =>
  withSites(async (folder, config) => {
    await writeFiles(folder, { "site/app/a.php": PHP, "site/app/up/b.php": PHP, "site/index.html": "site" });
    await Deno.symlink("app/a.php", `${folder}/site/link.txt`);
    await Deno.symlink("app", `${folder}/site/current`);
    await Deno.writeTextFile(
      config,
      `[a]
root = site
[/app/]
cgi-handler = .php=/usr/bin/php-cgi
[/app/up/]
cgi-handler = off
[/again/]
root = site
[/shown/]
root = site/app
`,
    );
    await using https = await HttpsServer.start({ args: ["--config", config] });
    const { root } = https.certificates;
    const rows: readonly (readonly [path: string, status: string, content?: RegExp])[] = [
      ["/app/a.php", "200", /^run/],
      ["/link.txt", "403"],
      ["/current/a.php", "403"],
      ["/again/app/a.php", "403"],
      ["/again/link.txt", "403"],
      ["/app/up/b.php", "200", /^<\?php/],
      ["/again/app/up/b.php", "200", /^<\?php/],
      // Of two places of one folder each says for itself.
      ["/shown/a.php", "200", /^<\?php/],
    ];
    for (const [path, status, content = /(?:)/] of rows) {
      const [code, body] = await ask(https.server.url, "a", path, root);
      assertEquals([path, code], [path, status]);
      assertMatch(body, content, path);
    }
  }));

const EXPLAINED: readonly (readonly [url: string, want: string])[] = [
  [
    "https://two.example/icons/a.png",
    `site      two.example
place     /icons/ (HERE/lisod.conf:19: [two.example /icons/])
source    files HERE/own
who may   192.0.2.0/24 (HERE/lisod.conf:21: allow)
answered  file HERE/own/a.png
status    200 OK
fields    X-Content-Type-Options: nosniff
          Content-Type: image/png
          Last-Modified
          Accept-Ranges: bytes
          ETag
          Content-Length: 8
`,
  ],
  [
    "/index.php/x?y",
    `site      one.example www.one.example
place     / (HERE/lisod.conf:4: [one.example www.one.example])
source    files HERE/one
who may   all
answered  program HERE/one/index.php by /usr/bin/php-cgi
          SCRIPT_NAME=/index.php PATH_INFO=/x
status    that of the program
fields    X-Content-Type-Options: nosniff
          and those of the program
`,
  ],
  [
    "http://one.example/uploads/link.php",
    `site      one.example www.one.example
place     /uploads/ (HERE/lisod.conf:17: [one.example /uploads/])
source    files HERE/one
who may   all
answered  file HERE/one/uploads/link.php
status    403 Forbidden: "HERE/one/uploads/link.php" is a program by a name that leads to it, or by its content, and is sent to nobody
fields    X-Content-Type-Options: nosniff
`,
  ],
];

const LINKED = "is a program by a name that leads to it, or compressed: it is answered 403";
const UNLISTED = "and --listing is off: 403 for the folder itself";
