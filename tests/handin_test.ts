/** scripts/handin in a repository that looks like the project, where building, testing and recording are stand-ins. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Ended, run, writeFiles } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const PINNED = /DENO_VERSION=(\S+)/.exec(Deno.readTextFileSync(join(PROJECT, "scripts/setup.sh")))?.[1];
const PERSON = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@example.org", GIT_COMMITTER_NAME: "A" };

/** Plays Deno: says its version, and "records" what the file RECORD beside the repository holds. */
const DENO_STUB = `#!/bin/bash
[[ $1 == --version ]] && { echo "deno ${PINNED} (stable, release)"; exit; }
[[ "$*" == *tests/replay/exchange.ts ]] || exit 9
cp ../record replay.out; echo recorded`;

const FILES = {
  "Makefile": "lisod:\n\tcp main.ts lisod; chmod +x lisod\n",
  "scripts/build": "#!/bin/sh\n",
  "scripts/test": "#!/bin/sh\necho 'one test'; echo '3 passed, 0 failed'\n",
  "replay.out": "answers",
  ".gitignore": "/lisod\n",
  ...Object.fromEntries(
    [
      "readme.txt",
      "design.txt",
      "tests.txt",
      "vulnerabilities.txt",
      "replay.test",
      "deno.json",
      "deno.lock",
      "main.ts",
      ".ci/run",
    ]
      .concat(["lib/a.ts", "cgi-bin/blog/app.py", "certs/README.txt", "www/index.html", "tests/a_test.ts"])
      .map((name) => [name, `content of ${name}`]),
  ),
};

/** A repository with one commit. Disposing removes it. */
class Repository implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(files: Readonly<Record<string, string>> = {}): Promise<Repository> {
    const repository = new Repository(await Deno.makeTempDir({ prefix: "lisod-handin-" }));
    await writeFiles(repository.#folder, { "bin/deno": DENO_STUB, "record": "answers" });
    await writeFiles(repository.path("."), { ...FILES, ...files });
    for (const name of ["handin", "setup.sh"]) {
      await Deno.copyFile(join(PROJECT, "scripts", name), repository.path(`scripts/${name}`));
    }
    for (const name of ["../bin/deno", "scripts/build", "scripts/test"]) await Deno.chmod(repository.path(name), 0o755);
    await repository.git("init", "--quiet");
    await repository.commit();
    return repository;
  }

  path(name: string): string {
    return join(this.#folder, "repository", name);
  }

  async commit(): Promise<void> {
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--message", "all");
  }

  async git(...args: readonly string[]): Promise<string> {
    const { code, text, stderr } = await this.#run("git", args);
    assertEquals(code, 0, stderr);
    return text.trim();
  }

  handin(): Promise<Ended> {
    return this.#run(this.path("scripts/handin"), []);
  }

  tags(): Promise<string> {
    return this.git("for-each-ref", "--format=%(objecttype) %(refname:short) %(*objectname)", "refs/tags");
  }

  #run(program: string, args: readonly string[]): Promise<Ended> {
    const env = {
      ...PERSON,
      GIT_COMMITTER_EMAIL: "a@example.org",
      GIT_CONFIG_GLOBAL: "/dev/null",
      HOME: this.#folder,
      PATH: `${join(this.#folder, "bin")}:/usr/bin:/bin`,
    };
    return run(program, args, { cwd: this.path("."), clearEnv: true, env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("handin makes an annotated tag when all is well, and once", async () => {
  await using repository = await Repository.make();
  const first = await repository.handin();
  assertEquals([first.code, first.text], [0, ""], first.stderr);
  assertMatch(first.stderr, /A clean clone builds, and its tests end with: 3 passed, 0 failed\n/);
  assertMatch(first.stderr, /Made the annotated tag checkpoint-3 on [0-9a-f]{12}; nothing was pushed\n$/);
  const tag = `tag checkpoint-3 ${await repository.git("rev-parse", "HEAD")}`;
  assertEquals(await repository.tags(), tag);
  const second = await repository.handin();
  assertEquals(second.code, 0);
  assertStringIncludes(second.stderr, "The tag checkpoint-3 is on this commit already");
  assertEquals(await repository.tags(), tag);
});

Deno.test("handin makes no tag when the tree is not clean", async () => {
  const changes: readonly ((repository: Repository) => Promise<void>)[] = [
    (repository) => Deno.writeTextFile(repository.path("main.ts"), "changed"),
    (repository) => Deno.writeTextFile(repository.path("new.ts"), "new"),
    // What the server answers has changed.
    (repository) => Deno.writeTextFile(repository.path("../record"), "other answers"),
  ];
  for (const change of changes) {
    await using repository = await Repository.make();
    await change(repository);
    const { code, stderr } = await repository.handin();
    assertEquals([code, await repository.tags()], [1, ""]);
    assertStringIncludes(stderr, "Made no tag, for the tree is not clean");
    assert(!stderr.includes("Testing it"), "the tests of something else were run");
  }
});

Deno.test("handin names the files that are missing, empty or not under version control", async () => {
  await using repository = await Repository.make({ "tests.txt": "" });
  await Deno.remove(repository.path("vulnerabilities.txt"));
  await Deno.remove(repository.path("certs"), { recursive: true });
  await repository.commit();
  await Deno.mkdir(repository.path("certs"));
  const { code, stderr } = await repository.handin();
  assertEquals([code, await repository.tags()], [1, ""]);
  assertEquals(stderr, "handin: Missing, empty or not under version control: tests.txt vulnerabilities.txt certs\n");
});

Deno.test("handin makes no tag when a clean clone does not build or pass its tests", async () => {
  const table: readonly { readonly files: Readonly<Record<string, string>>; readonly want: string }[] = [
    { files: { "Makefile": "lisod:\n\tfalse\n" }, want: '"make" fails in a clean clone' },
    { files: { "Makefile": "lisod:\n\ttrue\n" }, want: '"make" leaves no lisod in a clean clone' },
    // A source that is not committed is missing in the clone.
    { files: { ".gitignore": "/lisod\n/main.ts\n" }, want: "not under version control: main.ts" },
    { files: { "scripts/test": "#!/bin/sh\necho '2 passed, 1 failed'\nexit 1\n" }, want: "fail: 2 passed, 1 failed" },
    { files: { "scripts/test": "#!/bin/sh\necho '2 passed, 1 failed'\n" }, want: 'end with "2 passed, 1 failed"' },
    { files: { "scripts/test": "#!/bin/sh\necho '0 passed, 0 failed'\n" }, want: 'end with "0 passed, 0 failed"' },
  ];
  for (const { files, want } of table) {
    await using repository = await Repository.make(files);
    const { code, stderr } = await repository.handin();
    assertEquals([code, await repository.tags()], [1, ""], want);
    assertStringIncludes(stderr, want);
  }
});

Deno.test("handin leaves a tag on another commit where it is", async () => {
  await using repository = await Repository.make();
  await repository.handin();
  const before = await repository.tags();
  await Deno.writeTextFile(repository.path("main.ts"), "changed");
  await repository.commit();
  const { code, stderr } = await repository.handin();
  assertEquals([code, await repository.tags()], [1, before]);
  assertStringIncludes(stderr, "remove it by hand (git tag -d checkpoint-3)");
});
