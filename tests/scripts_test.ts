/** The scripts of the set-up, run as a user runs them, in a copy of the project where Deno and npm are stand-ins. */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, type Ended, run, TestServer, writeFiles } from "./harness.ts";
import { followLinks } from "./links.ts";
import { denoStub, NPM_STUB, PINNED, ProjectCopy } from "./project_copy.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");

Deno.test("fetch_package() unpacks a package when its hash is the pinned one alone", async () => {
  const fetch = (sha256: string) => `. scripts/setup.sh; fetch_package example 1.0.0 ${sha256} "$TOOLS/example"`;
  await using copy = await ProjectCopy.make({ npm: NPM_STUB }, { "package/file.txt": "content" });

  const failed = await copy.bash(fetch("0".repeat(64)));
  assertEquals(failed.code, 1);
  assertStringIncludes(failed.stderr, `"npm pack example@1.0.0" failed (registry: the-registry)`);

  await copy.bash("tar -cf package.tar package && mv package.tar package.tgz", { PATH: "/usr/bin:/bin" });
  await copy.bash("gzip -c package.tgz > zipped && mv zipped package.tgz", { PATH: "/usr/bin:/bin" });
  const refused = await copy.bash(fetch("0".repeat(64)));
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Refused example@1.0.0: its sha256 is not the pinned 0000");
  assertEquals(Array.from(Deno.readDirSync(join(copy.folder, ".tools"))), []);

  const sha256 = (await copy.bash("sha256sum package.tgz")).text.split(" ")[0];
  const taken = await copy.bash(fetch(sha256), { PATH: `${copy.folder}/bin:/usr/bin:/bin` });
  assertEquals(taken.code, 0, taken.stderr);
  assertEquals(await Deno.readTextFile(join(copy.folder, ".tools/example/file.txt")), "content");
});

Deno.test("find_deno() takes the Deno of PATH when it has the pinned version alone", async () => {
  const find = '. scripts/setup.sh; find_deno; echo "$DENO"';
  await using pinned = await ProjectCopy.make({ deno: denoStub(PINNED) });
  assertEquals((await pinned.bash(find)).text, `${pinned.folder}/bin/deno\n`);

  await using other = await ProjectCopy.make({ deno: denoStub(`${PINNED}1`), npm: NPM_STUB });
  const { code, stderr } = await other.bash(find);
  assertEquals(code, 1);
  assertMatch(stderr, /"npm pack @deno\/\S+@\S+" failed/);
  assertStringIncludes(stderr, `Put Deno ${PINNED} on PATH by hand; tried PATH and the npm package`);

  await using none = await ProjectCopy.make();
  assertStringIncludes((await none.bash(find)).stderr, "npm is missing (Debian: apt-get install npm)");
});

/** scripts/start in a copy of the project, with this project's binary, on free ports. */
async function startCopy(files: Record<string, string> = {}): Promise<{
  readonly copy: ProjectCopy;
  /** Runs the script, which becomes the server. */
  start(env?: Readonly<Record<string, string>>): { readonly server: TestServer; readonly output: Promise<string> };
}> {
  const copy = await ProjectCopy.make({}, files);
  for (const name of ["main.ts", "lib", "deno.json", "deno.lock", "lisod", "cgi-bin", "www"]) {
    if (Object.keys(files).some((path) => path.startsWith(`${name}/`))) continue;
    await run("rm", ["-rf", join(copy.folder, name)]);
    await run("cp", ["-r", join(PROJECT, name), copy.folder]);
  }
  await Deno.mkdir(join(copy.folder, ".tools"));
  const built = `.tools/built-${Deno.build.arch}`;
  await Deno.copyFile(join(PROJECT, built), join(copy.folder, built));
  const start = (env: Readonly<Record<string, string>> = {}) => {
    const ports = { LISOD_HTTP_PORT: "0", LISOD_HTTPS_PORT: "0" };
    const data = { BLOG_DATA: join(copy.folder, "data") };
    const process = new Deno.Command(join(copy.folder, "scripts/start"), {
      clearEnv: true,
      env: { PATH: join(copy.folder, "bin"), ...ports, ...data, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const server = new TestServer({ folder: copy.folder, root: "", log: join(copy.folder, "lisod.log") }, process);
    return { server, output: new Response(process.stdout).text() };
  };
  return { copy, start };
}

Deno.test("start makes certificates, serves www/ and the blog and tells where when the binary is up to date", async () => {
  const { copy, start } = await startCopy({ "www/index.html": "front page" });
  await using _ = copy;
  const { server, output } = start();
  await server.waitUntilListening(["http", "https"]);
  const page = await (await fetch(`http://127.0.0.1:${server.port()}/`)).text();
  const root = join(copy.folder, "certs/root.crt");
  const secure = await curl("--cacert", root, `https://localhost:${server.port("https")}/`);
  const blog = await (await fetch(`http://127.0.0.1:${server.port()}/cgi/`)).text();
  const [port, httpsPort] = [server.port(), server.port("https")];
  const { code, stderr } = await server.stop();
  assertEquals([page, secure.text, code], ["front page", "front page", 0], stderr);
  assertStringIncludes(blog, "No entries here so far.");
  assertStringIncludes(stderr, "./lisod is up to date");
  const [made, ...told] = (await output).trimEnd().split("\n").slice(1);
  assertStringIncludes(made, "certs/server.key");
  assertEquals(told.slice(0, 4), [
    `lisod serves www/ at http://localhost:${port}/`,
    `lisod serves www/ at https://localhost:${httpsPort}/ (a browser trusts it with certs/root.crt, see certs/README.txt)`,
    `The blog keeps its data in ${copy.folder}/data/blog.sqlite3 (cgi-bin/blog/README.txt: how to give it back)`,
    "The blog has no owner yet. Who opens this link first becomes it:",
  ]);
  assertMatch(told[4], new RegExp(`^http://localhost:${port}/cgi/set-up\\?token=[\\w-]{32}$`));
  assertEquals(told.slice(5), ["The log is lisod.log. Stop the server with Ctrl-C."]);
});

Deno.test("start serves a site without a dead link", async () => {
  const { copy, start } = await startCopy();
  await using _ = copy;
  const { server } = start({ BLOG_DEMO: "1" });
  await server.waitUntilListening(["http"]);
  const { paths, broken } = await followLinks(`http://127.0.0.1:${server.port()}`);
  await server.stop();
  assertEquals(broken, []);
  const some = ["/style.css", "/try.js", "/path-narrow.svg", "/files/texts/rfc.txt", "/cgi/entry/hello-from-cgi"];
  for (const path of [...some, "/examples/form.cgi"]) assert(paths.includes(path), `${path} of ${paths.join(" ")}`);
});

Deno.test("start tells no address, and why, when another program has the port", async () => {
  const { copy, start } = await startCopy();
  await using _ = copy;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { server, output } = start({ LISOD_HTTP_PORT: `${listener.addr.port}` });
  assertNotMatch(await output, /serves|opens this link|http:/);
  const { code, stderr } = await server.stop();
  assertEquals(code, 1);
  assertStringIncludes(stderr, `lisod: --http "${listener.addr.port}": already in use`);
});

Deno.test("start and clean do nothing but help when they are given what they do not know", async () => {
  await using copy = await ProjectCopy.make({}, { "lisod": "", "lisod.log": "" });
  const help = await copy.bash("./scripts/start --help");
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const name of ["LISOD_HTTP_PORT", "LISOD_HTTPS_PORT", "BLOG_DATA", "BLOG_DEMO", "FLASK_VENV"]) {
    assertMatch(help.text, new RegExp(`^${name} `, "m"));
  }
  for (const command of ["start --port", "start 8080", "start --help now", "clean -all", "clean --all now"]) {
    const { code, text, stderr } = await copy.bash(`./scripts/${command}`);
    assertEquals([code, text], [2, ""], command);
    assertMatch(stderr, /^(?:start|clean): ".*" is unknown: .*\n$/);
  }
  assertEquals((await copy.bash("echo lisod*")).text, "lisod lisod.log\n");
});

Deno.test("every script says what it takes, and does nothing else, when it is asked for help", async () => {
  await using copy = await ProjectCopy.make({}, { "lisod": "", "lisod.log": "" });
  const scripts = Array.from(Deno.readDirSync(join(PROJECT, "scripts"))).filter(({ isFile, name }) =>
    isFile && Deno.readTextFileSync(join(PROJECT, "scripts", name)).startsWith("#!")
  );
  assert(scripts.length > 10, `${scripts.length} scripts`);
  for (const command of scripts.flatMap(({ name }) => [`${name} --help`, `${name} -h`])) {
    const { code, text, stderr } = await copy.bash(`./scripts/${command}`);
    assertEquals([code, stderr], [0, ""], command);
    assertMatch(text, /^Usage: \S+.*\n\n\S/, command);
  }
  assertEquals((await copy.bash("echo lisod*")).text, "lisod lisod.log\n");
});

Deno.test("test --help names every step", async () => {
  await using copy = await ProjectCopy.make();
  const help = await copy.bash("./scripts/test --help");
  const { stderr } = await run(Deno.execPath(), ["task", "--quiet", "ok", "--needs", "no-such-step"], { cwd: PROJECT });
  const [, steps = ""] = /the steps are (.*)/.exec(stderr) ?? [];
  const [, named = ""] = /^STEP +(.*);/m.exec(help.text) ?? [];
  assertEquals(named.split(" "), steps.split(", "));
});

Deno.test("test ends with the count when the set-up fails", async () => {
  await using copy = await ProjectCopy.make();
  const { code, text } = await copy.bash("./scripts/test");
  assertEquals([code, text], [1, "0 passed, 1 failed\n"]);
});

Deno.test("test gets what the named steps need, passes the names on, and ends with the count", async () => {
  const deno = `
[[ $1 == --version ]] && { echo "deno ${PINNED} (stable, release)"; exit; }
[[ $* == *unknown* ]] && { echo "No step is called so" >&2; exit 2; }
[[ $* == *--needs* ]] && { echo "a-package another-package"; exit; }
echo "ran: $*"; echo "1 passed, 0 failed"`;
  await using copy = await ProjectCopy.make({ deno });
  const { code, text, stderr } = await copy.bash("./scripts/test lint 'lib/a b_test.ts'");
  assertEquals([code, text], [0, "ran: task --quiet ok lint lib/a b_test.ts\n1 passed, 0 failed\n"]);
  for (const name of ["a-package", "another-package"]) assertStringIncludes(stderr, `apt-get install ${name}`);
  assertNotMatch(stderr, /chromium|playwright/);
  const refused = await copy.bash("./scripts/test lint unknown");
  assertEquals([refused.code, refused.text], [2, "0 passed, 1 failed\n"]);
  assertEquals(refused.stderr, "No step is called so\n");
});

Deno.test("run_tests.ts counts tests and checks in its last line when steps and files are named", async () => {
  const test = (name: string, body: string) => `Deno.test("${name}", () => {${body}});\n`;
  await using copy = await ProjectCopy.make({}, {
    "lib/good_test.ts": test("good", "") + test("fine", ""),
    "lib/bad_test.ts": test("bad", 'throw new Error("bad");'),
    "lib/http/grammar.ts": 'import "../log/log.ts";\n',
    "tests/harness.ts": "// no test",
  });
  const texts = [
    "readme.txt",
    "design.txt",
    "tests.txt",
    "vulnerabilities.txt",
    "changelog.txt",
    "deno.json",
    "deno.lock",
  ];
  await run("cp", [...texts.map((name) => join(PROJECT, name)), copy.folder]);
  await run("cp", ["-r", join(PROJECT, "debian"), copy.folder]);
  await run("cp", ["-r", join(PROJECT, "lib/std"), join(PROJECT, "lib/version.ts"), join(copy.folder, "lib")]);
  const ok = (...steps: readonly string[]) =>
    run(Deno.execPath(), ["run", "--quiet", "--allow-all", "scripts/run_tests.ts", ...steps], { cwd: copy.folder });
  const lastLine = ({ text }: Ended) => text.trimEnd().split("\n").at(-1);

  const layers = await ok("layers");
  assertEquals([layers.code, lastLine(layers)], [1, "0 passed, 1 failed"]);
  assertStringIncludes(layers.stderr, 'lib/http/grammar.ts:1: imports "lib/log/log.ts"');
  const missing = await ok("blog", "layers");
  assertEquals([missing.code, lastLine(missing)], [1, "0 passed, 2 failed"]);
  assertStringIncludes(missing.text, "--- blog cannot be run: ");
  const pure = await ok("pure", "layers");
  assertEquals([pure.code, lastLine(pure)], [1, "2 passed, 2 failed"]);
  const failed = "--- failed\n  layers\n  pure\n    bad => ./lib/bad_test.ts:1:6\n2 passed, 2 failed\n";
  assertStringIncludes(pure.text, failed);
  const file = await ok("./lib/good.ts");
  assertEquals([file.code, lastLine(file)], [0, "2 passed, 0 failed"]);
  await writeFiles(copy.folder, { "lib/bad_test.ts": test("bad", "") });
  const passed = await ok("lint", "lib");
  assertEquals([passed.code, lastLine(passed)], [0, "4 passed, 0 failed"], passed.stderr);
  const crashed = await ok("fuzz");
  assertEquals([crashed.code, lastLine(crashed)], [1, "0 passed, 1 failed"]);
  const refused = await ok("lint", "no-such-step");
  assertEquals([refused.code, refused.text], [2, ""]);
  assertStringIncludes(refused.stderr, 'No step, test file or folder is called "no-such-step"');
});

Deno.test("clean removes what was made and keeps the tools when not told otherwise", async () => {
  const made = {
    "lisod": "",
    "lisod-aarch64": "",
    "lisod.log": "",
    ".tools/built-x86_64": "",
    ".tools/deno/deno": "",
    "artefacts/a.png": "",
  };
  await using copy = await ProjectCopy.make({}, made);
  const left = async () =>
    (await copy.bash("find . -path ./bin -prune -o -path ./.ci -prune -o -path ./scripts -prune -o -type f -print"))
      .text;
  await copy.bash("./scripts/clean");
  const sources = ["./deno.json", "./deno.lock", "./lib/a.ts", "./lib/version.ts", "./main.ts"];
  assertEquals((await left()).trim().split("\n").sort(), ["./.tools/deno/deno", ...sources]);
  await copy.bash("./scripts/clean --all");
  assertEquals((await left()).trim().split("\n").sort(), sources);
});
