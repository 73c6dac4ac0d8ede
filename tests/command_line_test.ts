import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join, relative } from "@std/path";
import { helpText } from "../lib/config/help.ts";
import { curl, type Ended, type Place, run, runLisod, startServer, writeFiles } from "./harness.ts";
import { exchange } from "./raw_client.ts";
import { fieldValue, toText } from "./raw_http.ts";

const LISOD = join(import.meta.dirname ?? ".", "..", "lisod");
const isRoot = Deno.uid() === 0;

/** Runs `test` in a folder that holds a site and is removed afterwards. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    await writeFiles(join(folder, "www"), { "index.html": "<!doctype html><title>Test</title>\n" });
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

/** The refusal of a start: the exit status, and lines on standard error that each name an argument; never a stack. */
function assertRefused({ code, text, stderr }: Ended, wantCode: number, ...wantLines: readonly RegExp[]): void {
  const lines = stderr.split("\n").slice(0, -1);
  assertEquals([code, text, lines.length], [wantCode, "", wantLines.length], stderr);
  wantLines.forEach((want, index) => assertMatch(lines[index], want));
  assertNotMatch(stderr, /^ +at |\.ts:\d|Uncaught|Error/m);
}

/** The eight arguments over the site of `place`, with paths relative to the folder that the tests run in. */
function eightArguments({ folder, root, log }: Place): string[] {
  const [key, certificate] = [join(folder, "test.key"), join(folder, "test.crt")];
  const subject = ["-subj", "/CN=localhost", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const made = new Deno.Command("openssl", {
    args: ["req", "-x509", "-nodes", ...subject, "-keyout", key, "-out", certificate],
    stderr: "null",
  }).outputSync();
  assert(made.success, "openssl made no certificate");
  Deno.writeTextFileSync(join(folder, "cgi.sh"), "#!/bin/sh\n", { mode: 0o755 });
  const paths = [log, join(folder, "lisod.lock"), root, join(folder, "cgi.sh"), key, certificate];
  return ["0", "0", ...paths.map((path) => relative(Deno.cwd(), path))];
}

Deno.test("lisod --help prints every option and ends with 0", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, text, stderr } = await runLisod(flag);
    assertEquals({ code, text, stderr }, { code: 0, text: helpText(), stderr: "" });
  }
});

/** What reading takes more than half a second for, also on a quick machine. */
const SITE_COUNT = 6000;

Deno.test("lisod --check says on a terminal, and nowhere else, what it does of what takes long", () =>
  withFolder(async (folder) => {
    const places = Array.from({ length: 20 }, (_, index) => `[HOST /${index}/]\nroot = www\n`).join("");
    const sites = Array.from({ length: SITE_COUNT }, (_, index) => {
      const host = `site${index}.example`;
      return `[${host}]\nroot = www\n${places.replaceAll("HOST", host)}`;
    });
    const file = join(folder, "lisod.conf");
    await Deno.writeTextFile(file, `root = www\n${sites.join("")}`);
    const { code, text } = await run("script", ["-qec", `${LISOD} --config ${file} --check`, "/dev/null"]);
    const [told, lines] = [text.split("\r\x1b[K").slice(1, -1), text.split("\r\x1b[K").at(-1)];
    assertEquals([code, lines], [0, "lisod: nothing is wrong with this configuration\r\n"], text);
    assert(told.some((line) => new RegExp(`^lisod: reading site \\d+ of ${SITE_COUNT}$`).test(line)), text);
    const unseen = await runLisod("--config", file, "--check");
    assertEquals([unseen.text, unseen.stderr], ["lisod: nothing is wrong with this configuration\n", ""]);
  }));

Deno.test("lisod --version prints the versions of lisod, its sources, Deno and V8 and ends with 0", async () => {
  const { code, text, stderr } = await runLisod("--version");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    text,
    /^lisod \d+\.\d+\.\d+ \((?:sources [0-9a-f]{12} of [\d-]{10}(?:, with changes)?|built outside of git), Deno 2\.7\.11, V8 \d+(\.\d+)+\S*\)\n$/,
  );
});

Deno.test("lisod refuses arguments that are wrong in themselves with one line and exit status 2", async () => {
  const cases: [readonly string[], RegExp][] = [
    [[], /^lisod: --root: no folder to serve: give --root FOLDER or all eight arguments/],
    [["--root"], /^lisod: --root: its value is missing: give --root=FOLDER$/],
    [["--root", "www", "--http", "99999"], /^lisod: --http "99999": not a port: give a number from 0 to 65535$/],
    [["--root", "www", "--no-such\n"], /^lisod: option "--no-such\\n": unknown: see lisod --help/],
    [["--root", "a", "--root", "b"], /^lisod: --root "b": already given: give it once$/],
    [
      ["8080", "8443", "a", "b", "c", "d", "e"],
      /^lisod: argument "e": 7 arguments, and no <certificate file> follows: /,
    ],
    [
      ["8080", "8443", "a", "b", "c", "d", "e", "f", "g"],
      /^lisod: argument "g": 9 arguments, not eight: give all eight/,
    ],
    [["http", "8443", "a", "b", "c", "d", "e", "f"], /^lisod: <HTTP port> "http": not a port: give a number/],
    [["--root", "www", "--max-head-bytes", "lots"], /^lisod: --max-head-bytes "lots": not a size such as /],
  ];
  for (const [args, want] of cases) assertRefused(await runLisod(...args), 2, want);
});

Deno.test("lisod refuses what the machine lacks with a line for each and exit status 1, with --check and without", () =>
  withFolder(async (folder) => {
    const root = join(folder, "www");
    const fifo = join(folder, "fifo");
    assertEquals((await run("mkfifo", [fifo])).code, 0);
    const before = namesIn(folder);
    const cases: [readonly string[], readonly RegExp[]][] = [
      [["--root", join(folder, "none")], [/^lisod: --root ".*\/none": does not exist: name a folder/]],
      [["--root", join(root, "index.html")], [/^lisod: --root ".*\/index.html": not a folder: name a folder/]],
      [["--root", root, "--log", join(folder, "none", "log")], [/^lisod: --log ".*": its folder does not exist: name/]],
      [["--root", root, "--log", fifo], [/^lisod: --log ".*\/fifo": neither a regular file nor a character device: /]],
      [["--root", root, "--error-pages", root], [/^lisod: --error-pages ".*\/www": holds no page: name a readable/]],
      [
        ["--root", join(folder, "none"), "--log", root, "--access-log", join(root, "none", "a")],
        [/^lisod: --root /, /^lisod: --log /, /^lisod: --access-log /],
      ],
    ];
    for (const [args, want] of cases) {
      assertRefused(await runLisod("--http", "0", "--foreground", ...args), 1, ...want);
      assertRefused(await runLisod("--http", "0", "--check", ...args), 1, ...want);
    }
    assertEquals(namesIn(folder), before);
  }));

Deno.test({
  name: "lisod refuses folders and files that its user may not read or write with exit status 1",
  ignore: !isRoot,
  fn: () =>
    withFolder(async (folder) => {
      // The project's folder may be closed to others.
      await Deno.copyFile(LISOD, join(folder, "lisod"));
      await Deno.chmod(folder, 0o755);
      await Deno.mkdir(join(folder, "closed"), { mode: 0o700 });
      const asNobody = (...args: readonly string[]) =>
        run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", join(folder, "lisod"), ...args]);
      const root = join(folder, "www");
      const denied = await asNobody("--root", join(folder, "closed"), "--log", join(folder, "a.log"), "--check");
      assertRefused(
        denied,
        1,
        /^lisod: --root ".*\/closed": permission denied: name a folder that the server may read$/,
        /^lisod: --log ".*\/a.log": permission denied: name a file in a folder where the server may write$/,
      );
      assertEquals((await asNobody("--root", root, "--check")).code, 0);
      await Deno.writeTextFile(join(root, "private"), "", { mode: 0o600 });
      const noted = await asNobody("--root", root, "--check");
      assertEquals(
        [
          noted.code,
          noted.stderr.startsWith(`lisod: note: --root "${join(root, "private")}": cannot be read by nobody`),
        ],
        [0, true],
        noted.stderr,
      );
      // It can be listed and not entered, so nobody can say what the names in it are: that is no link that leads nowhere.
      await Deno.mkdir(join(root, "shut"));
      await Deno.writeTextFile(join(root, "shut", "file"), "");
      await Deno.chmod(join(root, "shut"), 0o744);
      const shut = (await asNobody("--root", root, "--check")).stderr.split("\n").filter((line) =>
        line.includes("shut")
      );
      assertEquals(shut.map((line) => /": (.*?) by /.exec(line)?.[1]), ["cannot be entered"], shut.join("\n"));
    }),
});

/** What lies in a site, the note of --check about it (HERE is the folder), and what a request for it then gets. */
const NOTES:
  readonly (readonly [path: string, text: string, mode: number, note: string, target: string, status: number])[] = [
    ["www/private", "x", 0o600, "cannot be read by www-data (mode 0600)", "/private", 403],
    ["www/x.php~", "x", 0o644, "is a backup of a program: it is answered 404", "/x.php~", 404],
    [
      "www/x.php.gz",
      "x",
      0o644,
      "is a program by a name that leads to it, or compressed: it is answered 403",
      "/x.php.gz",
      403,
    ],
    ["www/back\\slash", "x", 0o644, "has a name that no request can hold: it is answered 404", "/back%5Cslash", 404],
    ["bin/plain", "#!/bin/sh\n", 0o644, "cannot be run by www-data (mode 0644)", "/cgi/plain", 403],
    ["bin/owner", "#!/bin/sh\n", 0o700, "cannot be run by www-data (mode 0700)", "/cgi/owner", 403],
    ["bin/crlf", "#!/bin/sh\r\n", 0o755, "its first line ends in CR LF and must end in LF alone", "/cgi/crlf", 500],
    [
      "bin/gone",
      "#!/opt/none/perl\n",
      0o755,
      "its first line asks for /opt/none/perl, which is not there",
      "/cgi/gone",
      500,
    ],
    [
      "bin/lost",
      "#!/usr/bin/env none-such\n",
      0o755,
      "its first line asks for none-such, which is not in the PATH",
      "/cgi/lost",
      500,
    ],
    ["bin/text", "no program\n", 0o755, "may be run, but is no program", "/cgi/text", 500],
  ];

Deno.test({
  name: "lisod --check notes what requests would meet, and they meet it",
  // Only root can become the user of --user.
  ignore: !isRoot,
  fn: () =>
    withFolder(async (folder) => {
      await Deno.chmod(folder, 0o755);
      await writeFiles(
        folder,
        { ...Object.fromEntries(NOTES.map(([path, text]) => [path, text])), "www/x.php": "x" },
      );
      for (const [path, , mode] of NOTES) await Deno.chmod(join(folder, path), mode);
      await Deno.symlink("/etc", join(folder, "www/out"));
      await Deno.symlink("none", join(folder, "bin/nowhere"));
      const args = [
        ...["--cgi", join(folder, "bin"), "--cgi-handler", ".php=/bin/sh"],
        ...["--user", "www-data"],
      ];
      const { code, stderr } = await runLisod("--check", "--http", "0", "--root", join(folder, "www"), ...args);
      assertEquals(code, 0, stderr);
      const more = [["www/out", "leads out of the folder, to /etc: it is answered 403", "/out/hostname", 403]] as const;
      const link = [["bin/nowhere", "is a link that leads nowhere", "/cgi/nowhere", 404]] as const;
      const rows = [
        ...NOTES.map(([path, , , note, target, status]) => [path, note, target, status] as const),
        ...more,
        ...link,
      ];
      const noted = stderr.trim().split("\n").filter((line) => !line.includes("has no index.html")).toSorted();
      const want = rows.map(([path, note]) => {
        const argument = path.startsWith("www") ? "--root" : "--cgi";
        return `lisod: note: ${argument} "${join(folder, path)}": ${note}`;
      }).toSorted();
      assertEquals(noted.map((line, index) => line.slice(0, want[index]?.length)), want, stderr);
      await using server = await startServer({ root: join(folder, "www"), args });
      for (const [, , target, status] of rows) {
        const { text } = await curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", server.url + target);
        assertEquals([target, text], [target, String(status)]);
      }
    }),
});

Deno.test("lisod refuses a port that is in use with one line and exit status 1", async () => {
  await using server = await startServer();
  const args = ["--http", `${server.port()}`, "--listen", "127.0.0.1", "--root", server.place.root, "--foreground"];
  const { code, stderr } = await runLisod(...args, "--log", join(server.place.folder, "second.log"));
  assertEquals(code, 1);
  assertMatch(stderr, new RegExp(`^lisod: --http "${server.port()} on 127.0.0.1": already in use: .+\n$`));
});

Deno.test("lisod --check ends with 0 and leaves nothing behind when all is well", () =>
  withFolder(async (folder) => {
    await writeFiles(join(folder, "pages"), { "404.html": "gone" });
    const before = namesIn(folder);
    const file = (name: string) => join(folder, name);
    const files = ["--log", file("a.log"), "--access-log", file("b.log"), "--lock", file("c.lock")];
    const { code, stderr } = await runLisod("--check", "--root", file("www"), "--error-pages", file("pages"), ...files);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(namesIn(folder), before);
  }));

Deno.test("lisod --check notes settings that may not be meant, and a start warns of rules that deny one half of all", () =>
  withFolder(async (folder) => {
    const [key, certificate] = [join(folder, "a.key"), join(folder, "a.crt")];
    const words = ["-subj", "/CN=a", "-addext", "subjectAltName=DNS:a", "-days", "99", "-newkey", "ec"];
    const files = ["-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key, "-out", certificate];
    assertEquals((await run("openssl", ["req", "-x509", "-nodes", ...words, ...files])).code, 0);
    await Deno.chmod(key, 0o644);
    const args = ["--key", key, "--certificate", certificate, "--deny", "0.0.0.0/0"];
    const half = '--deny "0.0.0.0/0": is all of IPv4 and nothing of IPv6, whose clients may have /: deny ::/0 too';
    const notesOf = async (...ports: readonly string[]) => {
      const { code, text, stderr } = await runLisod("--check", "--root", join(folder, "www"), ...ports, ...args);
      assertEquals([code, text], [0, "lisod: nothing is wrong with this configuration, but see the notes\n"]);
      return stderr.trimEnd().split("\n").map((line) => line.replace("lisod: note: ", ""));
    };
    assertEquals(await notesOf("--https", "0"), [
      `--certificate "${certificate}": Everybody on this machine can read the private key "${key}" (mode 0644): chmod 600 ${key}`,
      half,
    ]);
    const unused = "is not used, for nothing listens for HTTPS: give --https PORT too";
    assertEquals(await notesOf("--http", "0"), [
      `--key "${key}": ${unused}`,
      `--certificate "${certificate}": ${unused}`,
      half,
    ]);
    await using server = await startServer({ root: join(folder, "www"), args: ["--deny", "0.0.0.0/0"] });
    assertStringIncludes(server.logText(), ` WARN main: ${half}\n`);
  }));

Deno.test("lisod serves by the course's rules in the positional form, from relative paths", async () => {
  await using server = await startServer({ commandLine: (place) => ["--foreground", ...eightArguments(place)] });
  const { responses } = await exchange(
    server.port(),
    "GET / HTTP/1.1\r\n\r\n" + "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab" +
      "PUT /none HTTP/1.1\r\nConnection: close\r\n\r\n",
  );
  assertEquals(responses.map((response) => [response.status, fieldValue(response, "Content-Type")]), [
    [200, "text/html"],
    [200, null],
    [501, "text/html"],
  ]);
  assertEquals(toText(responses[0].body), "<!doctype html><title>Test</title>\n");
});

Deno.test("lisod takes options beside the eight arguments, and stays in the foreground when told by the environment", async () => {
  await using server = await startServer({
    commandLine: (place) => [...eightArguments(place), "--rules", "standard"],
    env: { LISOD_FOREGROUND: "1" },
  });
  const { responses } = await exchange(server.port(), "GET / HTTP/1.1\r\n\r\n");
  assertEquals(responses.map((response) => response.status), [400]);
});

Deno.test("lisod serves by the standard's rules in the named form unless told otherwise", async () => {
  const cases: [readonly string[], readonly unknown[]][] = [
    [[], [400, "text/html; charset=utf-8"]],
    [["--rules", "course"], [200, "text/html"]],
  ];
  for (const [args, want] of cases) {
    await using server = await startServer({ args });
    const { responses } = await exchange(server.port(), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assertEquals([responses[0].status, fieldValue(responses[0], "Content-Type")], want);
  }
});

Deno.test("lisod listens on IPv6 and IPv4 unless told otherwise", async () => {
  const hasIpv6 = Deno.networkInterfaces().some((each) => each.address === "::1");
  const addresses = hasIpv6 ? ["127.0.0.1", "[::1]"] : ["127.0.0.1"];
  await using server = await startServer({
    commandLine: ({ root, log }) => ["--http", "0", "--root", root, "--log", log],
  });
  for (const address of addresses) {
    assertEquals((await curl("--fail", "--output", "-", `http://${address}:${server.port()}/`)).code, 0, address);
  }
  await using only = await startServer({ address: "127.0.0.1" });
  assertStringIncludes(only.logText(), "listening on http://127.0.0.1:");
});

Deno.test("lisod --listing and --dot-files open what is closed by default", async () => {
  const files = { "sub/a.txt": "a", ".hidden": "h" };
  const statusOf = async (args: readonly string[], path: string) => {
    await using server = await startServer({ files, args });
    return (await curl("--output", "/dev/null", "--write-out", "%{http_code}", `${server.url}${path}`)).text;
  };
  assertEquals([await statusOf([], "/sub/"), await statusOf(["--listing"], "/sub/")], ["403", "200"]);
  assertEquals([await statusOf([], "/.hidden"), await statusOf(["--dot-files"], "/.hidden")], ["404", "200"]);
});

Deno.test("lisod takes a limit from its option", async () => {
  await using server = await startServer({ args: ["--max-line-bytes", "64", "--max-field-count=2"] });
  const ask = async (head: string) =>
    (await exchange(server.port(), `${head}\r\n\r\n`, { count: 1 })).responses.map((response) => response.status);
  assertEquals(await ask("GET / HTTP/1.1\r\nHost: a\r\nB: c"), [200]);
  assertEquals(await ask("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e"), [431]);
  assertEquals(await ask(`GET /${"a".repeat(60)} HTTP/1.1\r\nHost: a`), [414]);
});

Deno.test("lisod answers an error with a page that holds nothing of the request", async () => {
  await using server = await startServer();
  const { responses } = await exchange(
    server.port(),
    "GET /%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\r\nHost: evil.example\r\nReferer: http://evil.example/\r\n\r\n" +
      "GET /<b>evil HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    { count: 2 },
  );
  assertEquals(responses.map((response) => response.status), [404, 404]);
  for (const response of responses) {
    const page = toText(response.body);
    assertMatch(page, /^<!DOCTYPE html>[^]*<h1><strong>404<\/strong> Not Found<\/h1>/);
    assertNotMatch(page, /alert|evil|script/);
    assertEquals(fieldValue(response, "Content-Length"), `${response.body.length}`);
  }
});

Deno.test("lisod --error-pages answers with the operator's pages, the nearest first", async () => {
  await using server = await startServer({
    commandLine: ({ folder, root, log }) => {
      Deno.mkdirSync(join(folder, "pages"));
      Deno.writeTextFileSync(join(folder, "pages", "404.html"), "own 404");
      Deno.writeTextFileSync(join(folder, "pages", "4xx.html"), "own 4xx");
      return ["--http", "0", "--root", root, "--log", log, "--error-pages", join(folder, "pages")];
    },
  });
  const { responses } = await exchange(
    server.port(),
    "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" + "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n" +
      "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
  );
  assertEquals(responses.map((response) => [response.status, toText(response.body).slice(0, 7)]), [
    [404, "own 404"],
    [501, "<!DOCTY"],
    [400, "own 4xx"],
  ]);
});
