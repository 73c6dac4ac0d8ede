/**
 * The files of examples/ that are no package's: each is right, and does what its first line says. Those of packages are in
 * packages_test.ts.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, type Ended, run, runLisod, writeFiles } from "./harness.ts";
import { type Certificates, httpsArguments, HttpsServer } from "./https.ts";

const EXAMPLES = join(import.meta.dirname ?? ".", "..", "examples");

interface Example {
  readonly name: string;
  /** Below the folder that stands for the root of the machine: content by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly prepare?: (folder: string) => Promise<void>;
  /** Beside the example; it may name a root. */
  readonly args?: (folder: string) => readonly string[];
}

/** Serves the example with /srv and /etc/lisod in the folder. */
async function withExample(
  { name, files, prepare, args = () => [] }: Example,
  test: (https: HttpsServer, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-example-" }));
  try {
    await writeFiles(folder, files);
    await prepare?.(folder);
    const text = await Deno.readTextFile(join(EXAMPLES, `${name}.conf`));
    const config = join(folder, "lisod.conf");
    await Deno.writeTextFile(config, text.replace(/\/(?=srv\/|etc\/lisod\/)/g, `${folder}/`));
    const given = ["--config", config, ...args(folder)];
    const checked = await runLisod(...given, "--http", "0", "--check");
    assertEquals([checked.code, checked.stderr.split("\n").filter((line) => !line.includes(" note: "))], [0, [""]]);
    let pair: Certificates | null = null;
    const https = await HttpsServer.start({
      makePair: (certificates) => Promise.resolve(pair = certificates),
      commandLine: ({ log }) => {
        const own = pair === null ? [] : httpsArguments(pair);
        return ["--http", "0", "--log", log, "--foreground", ...own, ...given];
      },
    });
    try {
      await test(https, folder);
    } finally {
      await https[Symbol.asyncDispose]();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The status, then the content, of an answer over HTTPS. */
async function ask({ url, certificates }: HttpsServer, path: string, ...args: readonly string[]): Promise<string> {
  const told = ["--path-as-is", "--cacert", certificates.root, "--write-out", "\n%{http_code}"];
  const { text } = await curl(...told, ...args, url + path);
  const [, content = "", status = ""] = /^(.*)\n(\d+)$/s.exec(text) ?? [];
  return `${status} ${content}`;
}

Deno.test("examples/php-application.conf gives addresses to index.php, and runs nothing that was uploaded", () =>
  withExample({
    name: "php-application",
    files: {
      "srv/www/app/public/index.php": '<?php echo "index of ", $_SERVER["REQUEST_URI"];',
      "srv/www/app/public/style.css": "style",
      "srv/www/app/public/uploads/evil.php": "<?php echo 6 * 7;",
    },
  }, async (https) => {
    assertEquals(await ask(https, "/"), "200 index of /");
    assertEquals(await ask(https, "/articles/7?page=2"), "200 index of /articles/7?page=2");
    assertEquals(await ask(https, "/articles", "--data", "x"), "200 index of /articles");
    assertEquals(await ask(https, "/style.css"), "200 style");
    assertEquals(await ask(https, "/uploads/evil.php"), "200 <?php echo 6 * 7;");
    assertStringIncludes(await ask(https, "/uploads/none"), "404 ");
  }));

Deno.test("examples/single-page.conf gives routes to its page, and what is missing of its parts to nobody", () =>
  withExample({
    name: "single-page",
    files: { "srv/www/app/index.html": "page", "srv/www/app/assets/app.js": "script" },
  }, async (https) => {
    assertEquals(await ask(https, "/users/7"), "200 page");
    assertEquals(await ask(https, "/assets/app.js"), "200 script");
    assertStringIncludes(await ask(https, "/assets/old.js"), "404 ");
  }));

Deno.test("examples/mirror.conf lists and sends, and takes nothing", () =>
  withExample({
    name: "mirror",
    files: {
      "srv/mirror/dists/Release": "release",
      "srv/mirror/pool/a.deb": "package",
      "srv/disk/b.deb": "on another disk",
    },
    prepare: (folder) => Deno.symlink(`${folder}/srv/disk`, `${folder}/srv/mirror/disk`),
  }, async (https) => {
    for (const name of ["dists/", "pool/", "disk/"]) assertStringIncludes(await ask(https, "/"), `href="${name}"`);
    assertEquals(await ask(https, "/disk/b.deb"), "200 on another disk");
    assertEquals(await ask(https, "/pool/a.deb", "--header", "Range: bytes=0-3"), "206 pack");
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      assertStringIncludes(await ask(https, "/pool/a.deb", "--request", method), "405 ");
    }
  }));

Deno.test("examples/behind-proxy.conf tells programs what the proxy says of the client", () =>
  withExample({
    name: "behind-proxy",
    files: {
      "srv/www/who.sh": 'printf "Content-Type: text/plain\\n\\n%s %s %s" "$REMOTE_ADDR" "$HTTPS" "$SERVER_PORT"\n',
    },
    args: () => ["--cgi-handler", ".sh=/bin/sh"],
  }, async ({ server }) => {
    const fields = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "Host: example.org"];
    const { text } = await curl(...fields.flatMap((field) => ["--header", field]), `${server.url}/who.sh`);
    assertEquals(text, "192.0.2.7 on 443");
  }));

Deno.test("examples/virtual-hosts.conf answers for each host with its own certificate", () =>
  withExample({
    name: "virtual-hosts",
    files: {
      "srv/www/example.org/index.html": "first",
      "srv/www/shop/index.php": '<?php echo "shop ", $_SERVER["REQUEST_URI"];',
      "srv/www/example.net/index.html": "net",
      "etc/lisod/x": "",
    },
    prepare: async (folder) => {
      const names = [["example.org", "www.example.org"], ["shop", "shop.example.org"], [
        "example.net",
        "*.example.net",
      ]];
      for (const [file, name] of names) {
        const path = `${folder}/etc/lisod/${file}`;
        const subject = ["-subj", `/CN=${file}`, "-addext", `subjectAltName=DNS:${name},DNS:${file}`];
        const key = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", `${path}.key`];
        assertEquals((await run("openssl", [...key, "-out", `${path}.crt`, ...subject])).code, 0);
      }
    },
  }, async ({ port }, folder) => {
    const table = [
      ["www.example.org", "example.org", "/", "first"],
      ["example.org", "example.org", "/", "first"],
      ["shop.example.org", "shop", "/cart/7", "shop /cart/7"],
      ["a.example.net", "example.net", "/", "net"],
    ];
    for (const [host, file, path, want] of table) {
      const to = ["--resolve", `${host}:${port}:127.0.0.1`, "--cacert", `${folder}/etc/lisod/${file}.crt`];
      const { text, stderr } = await curl(...to, `https://${host}:${port}${path}`);
      assertEquals(text, want, `${host} ${stderr}`);
    }
  }));

async function git(https: HttpsServer, folder: string, ...args: readonly string[]): Promise<Ended> {
  const settings = ["user.name=Eva", "user.email=eva@example.org"];
  return await run("git", ["-C", folder, ...settings.flatMap((setting) => ["-c", setting]), ...args], {
    env: { GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_NOSYSTEM: "1", GIT_SSL_CAINFO: https.certificates.root },
  });
}

Deno.test("examples/git.conf lets developers clone and push, and nobody else", () =>
  withExample({
    name: "git",
    files: { "etc/lisod/git.groups": "developers: eva\n", "srv/www/x": "", "work/a.txt": "a" },
    prepare: async (folder) => {
      for (const [name, more] of [["eva", "c"], ["tom", ""]]) {
        const args = [`-${more}bB`, `${folder}/etc/lisod/git.users`, name, `p${name}`];
        assertEquals((await run("htpasswd", args)).code, 0);
      }
      assertEquals((await run("git", ["init", "--quiet", "--bare", `${folder}/srv/git/seen.git`])).code, 0);
    },
    args: (folder) => ["--root", `${folder}/srv/www`],
  }, async (https, folder) => {
    const url = (user: string) => `https://${user}:p${user}@localhost:${https.port}/git/seen.git`;
    const work = `${folder}/work`;
    for (
      const args of [["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "first"]]
    ) {
      assertEquals((await git(https, work, ...args)).code, 0);
    }
    const refused = await git(https, work, "push", url("tom"), "main");
    assertStringIncludes(refused.stderr, "Authentication failed");
    const pushed = await git(https, work, "push", url("eva"), "main");
    assertEquals(pushed.code, 0, pushed.stderr);
    const cloned = await git(https, folder, "clone", "--quiet", "--branch", "main", url("eva"), "copy");
    assertEquals(cloned.code, 0, cloned.stderr);
    assertEquals(await Deno.readTextFile(`${folder}/copy/a.txt`), "a");
    assertEquals(
      (await git(https, folder, "clone", `https://localhost:${https.port}/git/seen.git`, "other")).code,
      128,
    );
  }));

// The folder of a dashboard: status_test.ts.
Deno.test("every file of examples/ has a test", async () => {
  const tests = await Promise.all(["examples_test.ts", "packages_test.ts"].map((name) => {
    return Deno.readTextFile(join(EXAMPLES, "..", "tests", name));
  }));
  const files = [...Deno.readDirSync(EXAMPLES)].filter(({ isFile }) => isFile);
  const names = files.map(({ name }) => name.replace(/\.conf$/, ""));
  assertEquals(names.filter((name) => !tests.some((text) => text.includes(`name: "${name}"`))), []);
});
