/** Real CGI programs under ./lisod: git's, PHP's, Perl's, Python's, one in C, and the examples of cgi-bin/. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { SCRIPTS } from "./cgi/running_scripts.ts";
import { curl, type Ended, run, startServer, type TestServer } from "./harness.ts";
import { HttpsServer } from "./https.ts";

const PROGRAMS = join(SCRIPTS, "programs");
const EXAMPLES = join(SCRIPTS, "..", "..", "cgi-bin");

/** Runs a program that must succeed. */
async function must(program: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ended> {
  const ended = await run(program, args, options);
  if (ended.code !== 0) throw new Error(`${program} ${args.join(" ")}: ${ended.stderr}${ended.text}`);
  return ended;
}

/** A folder of the test's own, removed with it. */
async function makeFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "lisod-programs-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Pseudo-random bytes in a file, and their SHA-256. */
async function writeBytes(path: string, length: number): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, create: true });
  const part = new Uint8Array(1 << 20);
  for (let i = 0; i < part.length; i++) part[i] = (i * 2654435761) >>> 11;
  for (let left = length; left > 0; left -= part.length) {
    part[0] = left & 255;
    const bytes = part.subarray(0, Math.min(left, part.length));
    hash.update(bytes);
    await file.write(bytes);
  }
  return hash.digest("hex");
}

const GIT = "/usr/lib/git-core/git-http-backend";
const FILE_COUNT = 2000;

/** git as one who has no configuration but this; `folder` is where it works. */
function gitIn(folder: string, env: Readonly<Record<string, string>>) {
  return (...args: readonly string[]) =>
    must("git", args, {
      cwd: folder,
      clearEnv: true,
      env: {
        PATH: "/usr/bin:/bin",
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_TERMINAL_PROMPT: "0",
        GIT_AUTHOR_NAME: "Test",
        GIT_AUTHOR_EMAIL: "test@example.org",
        GIT_COMMITTER_NAME: "Test",
        GIT_COMMITTER_EMAIL: "test@example.org",
        ...env,
      },
    });
}

/** A repository of 2,000 files in `folder`/source, and an empty one that takes pushes in `folder`/served/site.git. */
async function makeRepositories(folder: string): Promise<void> {
  const git = gitIn(folder, {});
  await git("init", "--quiet", "--bare", "served/site.git");
  await git("--git-dir", "served/site.git", "config", "http.receivepack", "true");
  await git("init", "--quiet", "--initial-branch", "main", "source");
  for (let number = 0; number < FILE_COUNT; number++) {
    const place = `${folder}/source/${number % 50}`;
    if (number < 50) await Deno.mkdir(place);
    await Deno.writeTextFile(`${place}/${number}.txt`, `File ${number}\n${"text ".repeat(number % 97)}\n`);
  }
  await git("-C", "source", "add", "--all");
  await git("-C", "source", "commit", "--quiet", "--message", "All files");
}

/** Pushes, clones, commits and fetches over `url`; the requests were chunked and gzipped on the way. */
async function exerciseGit(folder: string, url: string, env: Readonly<Record<string, string>>): Promise<void> {
  const git = gitIn(folder, { ...env, GIT_TRACE_CURL: `${folder}/trace`, GIT_TRACE_CURL_NO_DATA: "1" });
  const trace = () => Deno.readTextFile(`${folder}/trace`);
  // What does not fit into the buffer is sent without a length: in chunks, for which HTTP/2 has no field (RFC 9113 8.2.2).
  await git("-C", "source", "-c", "http.postBuffer=16384", "push", "--quiet", url, "main");
  const sent = /=> Send header: POST \S*\/git-receive-pack (HTTP\/\S+)(?:.|\n)*?=> Send header:\s*\n/.exec(
    await trace(),
  );
  const isChunked = /=> Send header: Transfer-Encoding: chunked/i.test(await trace());
  assertEquals(isChunked, sent?.[1] !== "HTTP/2", sent?.[0]);
  assertEquals(/=> Send header: content-length: (?!4\b)/i.test(sent?.[0] ?? "content-length"), false, sent?.[0]);
  await git("clone", "--quiet", "--branch", "main", url, "clone");
  const { text: files } = await git("-C", "clone", "ls-files");
  assertEquals(files.trimEnd().split("\n").length, FILE_COUNT);
  assertEquals((await git("-C", "clone", "fsck", "--no-progress")).stderr, "");
  // A fetch tells what it has; git compresses that when it is much.
  await Deno.writeTextFile(`${folder}/commits`, emptyCommits(100));
  await must("/bin/sh", ["-c", "git -C clone fast-import --quiet <commits"], { cwd: folder });
  await Deno.writeTextFile(`${folder}/source/new.txt`, "new\n");
  await git("-C", "source", "add", "--all");
  await git("-C", "source", "commit", "--quiet", "--message", "One more");
  await git("-C", "source", "push", "--quiet", url, "main");
  await git("-C", "clone", "-c", "protocol.version=0", "fetch", "--quiet", "origin");
  assertMatch(await trace(), /=> Send header: Content-Encoding: gzip/i);
  assertEquals((await git("-C", "clone", "show", "origin/main:new.txt")).text, "new\n");
}

/** Commits on top of main that change no file, as git fast-import reads them. */
function emptyCommits(count: number): string {
  // Newer than all others: those that the server knows are told last.
  const start = Math.ceil(Date.now() / 1000) + 60;
  const commits = Array.from({ length: count }, (_, number) => {
    const from = number === 0 ? "from refs/heads/main^0\n" : "";
    return `commit refs/heads/main\ncommitter Test <test@example.org> ${start + number} +0000\ndata 4\nHere\n${from}\n`;
  });
  return commits.join("");
}

function gitArguments(folder: string): readonly string[] {
  const environment = ["--cgi-env", `GIT_PROJECT_ROOT=${folder}/served`, "--cgi-env", "GIT_HTTP_EXPORT_ALL=1"];
  return ["--cgi", GIT, "--cgi-prefix", "/git/", ...environment, "--cgi-env", `HOME=${folder}`];
}

Deno.test("git-http-backend serves clone, fetch and push over HTTP", async () => {
  await using folder = await makeFolder();
  await makeRepositories(folder.path);
  await using server = await startServer({ args: gitArguments(folder.path) });
  await exerciseGit(folder.path, `${server.url}/git/site.git`, {});
});

Deno.test("git-http-backend serves clone, fetch and push over HTTPS", async () => {
  await using folder = await makeFolder();
  await makeRepositories(folder.path);
  await using https = await HttpsServer.start({ args: gitArguments(folder.path) });
  await exerciseGit(folder.path, `${https.url}/git/site.git`, { GIT_SSL_CAINFO: https.certificates.root });
});

/** A server that runs .php files of its root, with an upload limit above PHP's own and sessions in its folder. */
async function startPhpServer(folder: string): Promise<TestServer> {
  await Deno.writeTextFile(
    `${folder}/php.ini`,
    `upload_max_filesize = 60M\npost_max_size = 61M\nsession.save_path = ${folder}\nupload_tmp_dir = ${folder}\n`,
  );
  return await startServer({
    files: { "app/upload.php": await Deno.readFile(join(PROGRAMS, "upload.php")) },
    args: ["--cgi-handler", ".php=/usr/bin/php-cgi", "--cgi-env", `PHPRC=${folder}`],
  });
}

Deno.test("php-cgi reads a form, a path, an upload of 50 MB, and keeps a session", async () => {
  await using folder = await makeFolder();
  await using server = await startPhpServer(folder.path);
  const url = `${server.url}/app/upload.php`;
  const jar = ["--cookie", `${folder.path}/jar`, "--cookie-jar", `${folder.path}/jar`];
  const first = await curl(...jar, "--data-urlencode", "name=Ada & Grace", `${url}/extra/`);
  assertEquals(first.text, "name=Ada & Grace\nvisits=1\npath=/extra/\nself=/app/upload.php\n");
  const digest = await writeBytes(`${folder.path}/large`, 50_000_000);
  const upload = ["--form", "name=large", "--form", `file=@${folder.path}/large`];
  const want = `name=large\nvisits=2\npath=\nself=/app/upload.php\nfile=50000000 ${digest}\n`;
  assertEquals((await curl(...jar, ...upload, url)).text, want);
  const chunked = ["--header", "Transfer-Encoding: chunked", "--header", "Expect:"];
  assertEquals((await curl(...jar, ...upload, ...chunked, url)).text, want.replace("visits=2", "visits=3"));
  const { text } = await curl("--include", `${url}?status=418&name=x`);
  assertMatch(text, /^HTTP\/1\.1 418 /);
  assertStringIncludes(text, "name=x\n");
});

Deno.test("php-cgi takes no options from a query", async () => {
  await using folder = await makeFolder();
  await using server = await startPhpServer(folder.path);
  // CVE-2012-1823: the words of an indexed query became options: -s shows the source.
  for (const query of ["-s", "-d+allow_url_include%3d1", "%2ds"]) {
    const { text } = await curl(`${server.url}/app/upload.php?${query}`);
    assertMatch(text, /^name=\nvisits=1\n/);
  }
});

Deno.test("Perl's CGI.pm reads forms and files and writes cookies and redirects", async () => {
  await using folder = await makeFolder();
  await using server = await startServer({ args: ["--cgi", PROGRAMS] });
  const url = `${server.url}/cgi/form.pl`;
  const { text } = await curl("--include", "--data-urlencode", "name=Ångström", "--cookie", "seen=before", `${url}/a`);
  assertMatch(text, /^Set-Cookie: seen=yes; path=/m);
  assertMatch(text, /^Content-Type: text\/plain; charset=utf-8\r$/mi);
  assertStringIncludes(text, `name=Ångström\ncookie=before\nself=${url}/a\n`);
  const digest = await writeBytes(`${folder.path}/file`, 3_000_000);
  const uploaded = await curl("--form", `file=@${folder.path}/file`, url);
  assertStringIncludes(uploaded.text, `file=${digest}\n`);
  const redirect = await curl("--include", `${url}?redirect=http://example.org/`);
  assertMatch(redirect.text, /^HTTP\/1\.1 303 /);
  assertMatch(redirect.text, /^Location: http:\/\/example\.org\/\r$/m);
});

Deno.test("a program in C gets its words, its path, its query and its content", async () => {
  await using folder = await makeFolder();
  await must("gcc", ["-O2", "-Wall", "-Werror", "-o", `${folder.path}/hello`, join(PROGRAMS, "hello.c")]);
  await using server = await startServer({ args: ["--cgi", folder.path] });
  assertEquals((await curl(`${server.url}/cgi/hello/a%20b?one+two`)).text, "/a b|one+two|0|2|one|two\n");
  assertEquals((await curl("--data", "12345", `${server.url}/cgi/hello?a=b`)).text, "|a=b|5|0\n");
});

Deno.test("Python's CGIHandler runs a WSGI application over HTTP and HTTPS", async () => {
  await using https = await HttpsServer.start({ args: ["--cgi", PROGRAMS] });
  const { server: { url: plain }, url, certificates: { root } } = https;
  const target = "/cgi/application.py/a%20b?c=d";
  for (const base of plain.startsWith("http:") ? [plain, url] : [url]) {
    const { text } = await curl("--include", "--cacert", root, "--data", "content", base + target);
    assertMatch(text, /^HTTP\/(?:1\.1 202 Accepted|2 202 )\r\n/);
    const scheme = base.split(":")[0];
    assertStringIncludes(text, `${base}${target}|/a b|content|${scheme}\n`);
  }
});

Deno.test("the shell example shows the environment as a page in which nothing is left of a client's markup", async () => {
  await using server = await startServer({ args: ["--cgi", EXAMPLES] });
  const { text } = await curl("--header", 'X-Evil: <script>&"x"', `${server.url}/cgi/environment/a/b?q=<b>`);
  assertStringIncludes(text, "<div><dt>HTTP_X_EVIL<dd>&lt;script&gt;&amp;&quot;x&quot;</div>\n");
  assertStringIncludes(text, "<div><dt>PATH_INFO<dd>/a/b</div>\n");
  assert(!text.includes("<script>") && !text.includes("<b>"));
});

Deno.test("the Python example shows a form, what was sent with it, and refuses what it cannot read", async () => {
  await using server = await startServer({ args: ["--cgi", EXAMPLES] });
  const url = `${server.url}/cgi/form.py`;
  assertStringIncludes((await curl(url)).text, '<form method="post" action="/cgi/form.py">');
  const { text } = await curl("--data-urlencode", "name=<Ada> & Co", "--data", "colour=", url);
  assertStringIncludes(text, "<dt>name<dd>&lt;Ada&gt; &amp; Co<dt>colour<dd></dl>");
  const refusals: (readonly [args: readonly string[], status: number])[] = [
    [["--request", "DELETE"], 405],
    [["--form", "name=x"], 415],
    [["--data", `name=${"x".repeat(70_000)}`], 413],
    [["--data", "a&".repeat(200)], 400],
  ];
  for (const [args, status] of refusals) {
    const answer = await curl("--output", "/dev/null", "--write-out", "%{http_code}", ...args, url);
    assertEquals([args[0], Number(answer.text)], [args[0], status]);
  }
});
