/** The scripts of the set-up, run as a user runs them, in a copy of the project where Deno and npm are stand-ins. */
import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, type Ended, run, TestServer, writeFiles } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const PINNED = pinnedVersion("DENO");
const ESBUILD = `.tools/esbuild-${pinnedVersion("ESBUILD")}/bin/esbuild`;

function pinnedVersion(name: string): string {
  return Deno.readTextFileSync(join(PROJECT, "scripts/setup.sh")).match(`${name}_VERSION=(\\S+)`)?.[1] ?? "";
}

/** The system's programs that the scripts use: a PATH without npm and Deno. */
const PROGRAMS = ["bash", "dirname", "mktemp", "mkdir", "mv", "rm", "tail", "tar", "sha256sum", "uname", "chmod", "cat"]
  .concat(["cp", "find", "sort", "xargs", "stat", "truncate", "touch", "sleep"])
  .concat(["openssl", "readlink", "grep", "tr", "sed", "date", "cut", "basename", "install"]);

/** A folder that looks like the project, with a PATH of its own. Disposing removes it. */
class ProjectCopy implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Copies the scripts and adds `files`; `stubs` are shell scripts by the name of the program that they play. */
  static async make(
    stubs: Readonly<Record<string, string>> = {},
    files: Record<string, string> = {},
  ): Promise<ProjectCopy> {
    const copy = new ProjectCopy(await Deno.makeTempDir({ prefix: "lisod-scripts-" }));
    await writeFiles(copy.folder, {
      "main.ts": "// main",
      "lib/a.ts": "// a",
      "deno.json": "{}",
      "deno.lock": '{\n  "npm": {\n    "example@1.0.0": {\n    }\n  }\n}\n',
      ...files,
    });
    await run("cp", ["-r", join(PROJECT, "scripts"), join(PROJECT, ".ci"), copy.folder]);
    await Deno.mkdir(join(copy.folder, "bin"));
    for (const name of PROGRAMS) {
      const path = (await run("sh", ["-c", `command -v ${name}`])).text.trim();
      await Deno.symlink(path, join(copy.folder, "bin", name));
    }
    for (const [name, text] of Object.entries(stubs)) {
      await Deno.writeTextFile(join(copy.folder, "bin", name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
    }
    return copy;
  }

  /** Runs a bash command in the folder, with no environment but PATH, HOME and `env`. */
  bash(command: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const own = { PATH: join(this.folder, "bin"), HOME: this.folder, ...env };
    return run("/bin/bash", ["-c", `set -euo pipefail; ${command}`], { cwd: this.folder, clearEnv: true, env: own });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/**
 * Plays Deno: says its version and where its cache is, and writes its calls down. A module that it bundles is the list of the
 * files that it could have used; a lisod that it compiles is what the modules say.
 */
const denoStub = (version: string, size = "+0") => `
[[ $1 == --version ]] && { echo "deno ${version} (stable, release)"; exit; }
echo "$*" >>"$HOME/calls"
[[ $1 == check ]] && exit
[[ $1 == info ]] && { printf '{\\n  "denoDir": "%s/cache",\\n}\\n' "$HOME"; exit; }
[[ $1 == bundle || $1 == compile ]] || exit 9
command=$1
while [[ $1 != --output ]]; do shift; done
[[ $command == bundle ]] && { find . "$DENO_DIR" -type f >"$2"; exit; }
cat ./*.ts >"$2"; chmod +x "$2"; truncate -s ${size} "$2"; echo compiled`;

/** Plays npm: packs package.tgz of the home folder; without one it fails. */
const NPM_STUB = `
[[ $1 == config ]] && { echo the-registry; exit; }
[[ $1 == pack && $3 == --pack-destination ]] || exit 9
cp "$HOME/package.tgz" "$4/example.tgz" 2>/dev/null && echo example.tgz`;

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
  await using pinned = await ProjectCopy.make({ deno: denoStub(PINNED ?? "") });
  assertEquals((await pinned.bash(find)).text, `${pinned.folder}/bin/deno\n`);

  await using other = await ProjectCopy.make({ deno: denoStub(`${PINNED}1`), npm: NPM_STUB });
  const { code, stderr } = await other.bash(find);
  assertEquals(code, 1);
  assertMatch(stderr, /"npm pack @deno\/\S+@\S+" failed/);
  assertStringIncludes(stderr, `Put Deno ${PINNED} on PATH by hand; tried PATH and the npm package`);

  await using none = await ProjectCopy.make();
  assertStringIncludes((await none.bash(find)).stderr, "npm is missing (Debian: apt-get install npm)");
});

Deno.test("find_denort() fails and says what to set when there is none", async () => {
  const find = ". scripts/setup.sh; find_deno; find_denort";
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED ?? ""), npm: NPM_STUB });
  const named = await copy.bash(find, { DENORT_BIN: "/nowhere/denort" });
  assertEquals(named.code, 1);
  assertStringIncludes(named.stderr, 'Cannot run DENORT_BIN "/nowhere/denort"');
  const fetched = await copy.bash(find);
  assertEquals(fetched.code, 1);
  assertStringIncludes(
    fetched.stderr,
    `Set DENORT_BIN to the denort of Deno ${PINNED}; tried Deno's own download and the`,
  );
});

/** Where deno bundle looks for it, below its cache. */
const ESBUILD_PLACE = `/dl/esbuild-${pinnedVersion("ESBUILD")}/esbuild-linux-x64`;

/** What the runtime has in its cache of the one package of deno.lock, and the bundler. */
const CACHED = { "cache/npm/registry/example/1.0.0/package.json": "{}", [ESBUILD]: "" };

Deno.test("find_esbuild() fails when npm does not have the pinned one", async () => {
  await using copy = await ProjectCopy.make({ npm: NPM_STUB });
  const { code, stderr } = await copy.bash(". scripts/setup.sh; find_esbuild");
  assertEquals(code, 1);
  assertMatch(stderr, /"npm pack @esbuild\/linux-x64@\S+" failed[^]*Cannot build without esbuild/);
});

Deno.test("build compiles one module for each thread, with narrow permissions, when a source has changed", async () => {
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED ?? "") }, CACHED);
  const takeCalls = async () => {
    const calls = await Deno.readTextFile(join(copy.folder, "calls"));
    await Deno.remove(join(copy.folder, "calls"));
    return calls.split("\n");
  };
  const build = async (env = {}) => (await copy.bash("./scripts/build", { DENORT_BIN: "/bin/true", ...env })).text;
  assertEquals(await build(), "compiled\n");
  const [checked, , ...made] = await takeCalls();
  assertMatch(checked, /^check --quiet main\.ts /);
  const bundled = made.splice(0, 3).map((call) => /^bundle .* (\S+)$/.exec(call)?.[1]);
  assertEquals(bundled, ["main.ts", "lib/access/password_worker.ts", "lib/worker/worker_thread.ts"]);
  const [compiled] = made;
  for (const flag of ["--no-prompt", "--no-code-cache", "--allow-net"]) assertStringIncludes(compiled, ` ${flag} `);
  assertNotMatch(compiled, / (?:-A|--allow-(?:all|ffi|sys|read|write)) /);
  const seen = await Deno.readTextFile(join(copy.folder, "lisod"));
  for (const file of ["./lib/a.ts", "/npm/registry/example/1.0.0/package.json", ESBUILD_PLACE]) {
    assertStringIncludes(seen, `${file}\n`);
  }

  assertEquals(await build(), "");
  await writeFiles(copy.folder, { "lib/a_test.ts": "// only a test" });
  assertEquals(await build(), "");
  await writeFiles(copy.folder, { "lib/b.ts": "// new" });
  assertEquals(await build({ CI: "true" }), "compiled\n");
  assertMatch((await takeCalls())[0], /^check --quiet --frozen main\.ts /);
  await Deno.remove(join(copy.folder, "lib/b.ts"));
  assertEquals(await build(), "compiled\n");
  await Deno.remove(join(copy.folder, "lisod"));
  assertEquals(await build(), "compiled\n");
});

Deno.test("build fails when the binary is larger than 110 MiB", async () => {
  for (const [size, want] of [["110M", 0], ["111M", 1]] as const) {
    await using copy = await ProjectCopy.make({ deno: denoStub(PINNED ?? "", size) }, CACHED);
    const { code, stderr } = await copy.bash("./scripts/build", { DENORT_BIN: "/bin/true" });
    assertEquals(code, want, stderr);
    assertStringIncludes(stderr, `./lisod has ${size.slice(0, -1)} MiB`);
  }
});

Deno.test("start makes certificates, serves www/ and the blog and prints their URLs when the binary is up to date", async () => {
  await using copy = await ProjectCopy.make({}, { "www/index.html": "front page" });
  for (const name of ["main.ts", "lib", "deno.json", "deno.lock", "lisod", "cgi-bin"]) {
    await run("rm", ["-rf", join(copy.folder, name)]);
    await run("cp", ["-r", join(PROJECT, name), copy.folder]);
  }
  await run("cp", ["-r", join(PROJECT, ".tools/built"), join(copy.folder, "built")]);
  await copy.bash("mkdir .tools; mv built .tools/");
  const process = new Deno.Command(join(copy.folder, "scripts/start"), {
    clearEnv: true,
    env: {
      PATH: join(copy.folder, "bin"),
      LISOD_HTTP_PORT: "0",
      LISOD_HTTPS_PORT: "0",
      BLOG_DATA: join(copy.folder, "data"),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const server = new TestServer({ folder: copy.folder, root: "", log: join(copy.folder, "lisod.log") }, process);
  await server.waitUntilListening(["http", "https"]);
  const page = await (await fetch(`http://127.0.0.1:${server.port()}/`)).text();
  const root = join(copy.folder, "certs/root.crt");
  const secure = await curl("--cacert", root, `https://localhost:${server.port("https")}/`);
  const blog = await (await fetch(`http://127.0.0.1:${server.port()}/cgi/`)).text();
  const { code, stderr } = await server.stop();
  assertEquals([page, secure.text, code], ["front page", "front page", 0], stderr);
  assertStringIncludes(blog, "No entries here so far.");
  assertStringIncludes(stderr, "./lisod is up to date");
  const text = await new Response(process.stdout).text();
  for (const url of ["http://localhost:0/\n", "https://localhost:0/ "]) {
    assertStringIncludes(text, `lisod serves www/ at ${url}`);
  }
  assertMatch(text, /^http:\/\/localhost:0\/cgi\/set-up\?token=[\w-]{32}$/m);
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
  const texts = ["readme.txt", "tests.txt", "vulnerabilities.txt", "deno.json", "deno.lock"];
  await run("cp", [...texts.map((name) => join(PROJECT, name)), copy.folder]);
  await run("cp", ["-r", join(PROJECT, "lib/std"), join(copy.folder, "lib/std")]);
  const ok = (...steps: readonly string[]) =>
    run(Deno.execPath(), ["run", "--quiet", "--allow-all", "scripts/run_tests.ts", ...steps], { cwd: copy.folder });
  const lastLine = ({ text }: Ended) => text.trimEnd().split("\n").at(-1);

  const layers = await ok("layers");
  assertEquals([layers.code, lastLine(layers)], [1, "0 passed, 1 failed"]);
  assertStringIncludes(layers.stderr, 'lib/http/grammar.ts:1: imports "lib/log/log.ts"');
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
  const made = { "lisod": "", "lisod.log": "", ".tools/built": "", ".tools/deno/deno": "", "artefacts/a.png": "" };
  await using copy = await ProjectCopy.make({}, made);
  const left = async () =>
    (await copy.bash("find . -path ./bin -prune -o -path ./.ci -prune -o -path ./scripts -prune -o -type f -print"))
      .text;
  await copy.bash("./scripts/clean");
  const sources = ["./deno.json", "./deno.lock", "./lib/a.ts", "./main.ts"];
  assertEquals((await left()).trim().split("\n").sort(), ["./.tools/deno/deno", ...sources]);
  await copy.bash("./scripts/clean --all");
  assertEquals((await left()).trim().split("\n").sort(), sources);
});
