/** Folders and programs below prefixes of their own, and what a folder is answered with, end to end over HTTP and HTTPS. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { curl, runLisod, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";

const PROBE = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "$SCRIPT_NAME|$PATH_INFO|$(basename "$SCRIPT_FILENAME")"
`;
const PHP = '<?php echo $_SERVER["SCRIPT_NAME"], "|", basename($_SERVER["SCRIPT_FILENAME"]);';

/** Folders outside of the root, with programs, pages and an application. */
async function withFolders(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-mounts-" });
  try {
    await writeFiles(folder, {
      "icons/a.png": "icon",
      "icons/sub/b.png": "deeper",
      "bin/probe": PROBE,
      "one": PROBE,
      "app/index.php": PHP,
      "app/page.php": PHP,
      "app/style.css": "style",
      "app/static/index.html": "static",
      "app/static/index.php": PHP,
    });
    for (const program of ["bin/probe", "one"]) await Deno.chmod(`${folder}/${program}`, 0o755);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function mountsOf(folder: string): readonly string[] {
  const aliases = [`/icons/=${folder}/icons`, `/app=${folder}/app`].flatMap((text) => ["--alias", text]);
  const scripts = [`/bin=${folder}/bin`, `/git=${folder}/one`].flatMap((text) => ["--script-alias", text]);
  return [...aliases, ...scripts, "--cgi-handler", ".php=/usr/bin/php-cgi", "--listing"];
}

const ANSWERS: readonly (readonly [path: string, status: string, content: string | RegExp])[] = [
  ["/", "200", "root"],
  ["/icons/a.png", "200", "icon"],
  ["//icons//sub/b.png", "200", "deeper"],
  ["/icons/%73ub/b.png", "200", "deeper"],
  ["/icons", "301", ""],
  ["/icons/", "200", /a\.png/],
  ["/icons/none", "404", /404/],
  // The path is that of the root's file before any place is looked for.
  ["/icons/../secret", "200", "secret"],
  ["/icons/..%2fsecret", "404", /404/],
  ["/iconsx", "404", /404/],
  ["/bin/probe/x/y", "200", "/bin/probe|/x/y|probe"],
  ["/bin/none", "404", /404/],
  ["/git", "200", "/git||one"],
  ["/git/repo.git/info", "200", "/git|/repo.git/info|one"],
  ["/app/", "200", "/app/index.php|index.php"],
  ["/app/page.php", "200", "/app/page.php|page.php"],
  ["/app/style.css", "200", "style"],
  ["/app/static/", "200", "static"],
];

Deno.test("lisod serves folders and programs below their prefixes, and an index by its handler", () =>
  withFolders(async (folder) => {
    await using https = await HttpsServer.start({
      args: mountsOf(folder),
      files: { "index.html": "root", "bin/probe": "hidden by the mount", "secret": "secret" },
    });
    for (const base of [https.server.url, https.url]) {
      for (const [path, status, content] of ANSWERS) {
        const args = ["--path-as-is", "--cacert", https.certificates.root, "--write-out", "\n%{http_code}"];
        const { text } = await curl(...args, base + path);
        const [, body, code] = /^(.*)\n(\d+)$/s.exec(text) ?? [];
        assertEquals(code, status, path);
        if (typeof content === "string") assertEquals(body, content, path);
        else assertMatch(body, content, path);
      }
    }
  }));

Deno.test("lisod guards what is mounted by its prefix, and by that of an index", () =>
  withFolders(async (folder) => {
    const denied = ["/icons", "/bin/probe", "/app/index.php"].flatMap((prefix) => ["--deny", `0.0.0.0/0:${prefix}`]);
    await using https = await HttpsServer.start({ args: [...mountsOf(folder), ...denied], files: { "a": "a" } });
    const paths = ["/icons/a.png", "//icons/a.png", "/%69cons/a.png", "/bin/probe", "/bin//probe/x", "/app/", "/app//"];
    for (const path of [...paths, "/app/index.php/x"]) {
      const { text } = await curl("--output", "/dev/null", "--write-out", "%{http_code}", `${https.server.url}${path}`);
      assertEquals(text, "403", path);
    }
    for (const path of ["/a", "/app/page.php", "/app/static/"]) {
      const { text } = await curl("--output", "/dev/null", "--write-out", "%{http_code}", `${https.server.url}${path}`);
      assertEquals(text, "200", path);
    }
  }));

Deno.test("lisod --check tells what is wrong with mounts, and a start refuses it", () =>
  withFolders(async (folder) => {
    const root = ["--root", `${folder}/icons`, "--http", "0"];
    const missing = await runLisod(...root, "--alias", `/x=${folder}/none`, "--check");
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, `--alias "${folder}/none": does not exist`);
    const program = await runLisod(...root, "--script-alias", `/x=${folder}/app/style.css`, "--check");
    assertEquals(program.code, 1);
    assertStringIncludes(program.stderr, `--script-alias "${folder}/app/style.css": not executable`);
    const twice = await runLisod(...root, "--alias", `/x=${folder}/app`, "--script-alias", `/x/=${folder}/one`);
    assertEquals(twice.code, 2);
    assertStringIncludes(twice.stderr, "not a prefix that is free");
    const inside = await runLisod(...root, "--script-alias", `/x=${folder}`, "--check");
    assertStringIncludes(inside.stderr, "holds the root");
    const good = await runLisod(...root, ...mountsOf(folder), "--check");
    assertEquals([good.code, good.stderr], [0, ""]);
  }));

Deno.test("lisod serves one file by a path of its own, and nothing beside or below it", () =>
  withFolders(async (folder) => {
    const files = [
      `/favicon.ico=${folder}/icons/a.png`,
      `/sub/link.png=${folder}/link.png`,
      `/run.php=${folder}/app/page.php`,
    ];
    await Deno.symlink(`${folder}/icons/sub/b.png`, `${folder}/link.png`);
    const args = [...files.flatMap((text) => ["--alias", text]), "--cgi-handler", ".php=/usr/bin/php-cgi"];
    await using https = await HttpsServer.start({ args, files: { "index.html": "root" } });
    const table = [
      ["/favicon.ico", "200", "icon"],
      ["/favicon.ico/", "404"],
      ["/favicon.ico/a.png", "404"],
      ["/favicon.icon", "404"],
      ["/sub/link.png", "200", "deeper"],
      // No name of its own has a handler, and the file has: it is never sent.
      ["/run.php", "403"],
    ];
    for (const base of [https.server.url, https.url]) {
      for (const [path, status, content] of table) {
        const told = ["--cacert", https.certificates.root, "--write-out", "\n%{http_code} %{content_type}"];
        const { text } = await curl("--path-as-is", ...told, base + path);
        const [, body, code, type] = /^(.*)\n(\d+) (.*)$/s.exec(text) ?? [];
        assertEquals(code, status, path);
        if (content !== undefined) assertEquals([body, type], [content, "image/png"]);
      }
    }
    const root = await runLisod("--root", `${folder}/icons/a.png`, "--check");
    assertStringIncludes(root.stderr, "not a folder");
    await Deno.chmod(`${folder}/icons/a.png`, 0o600);
    const good = await runLisod("--root", `${folder}/app`, "--http", "0", "--check", "--alias", files[0]);
    assertEquals(good.code, 0);
  }));
