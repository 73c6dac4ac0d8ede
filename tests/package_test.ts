/**
 * scripts/package with a small program in the place of the binary, so that it takes no time: what is in the packages, that they are
 * the same each time, what lintian, apparmor_parser, systemd and the shells say. The whole packages are installed, upgraded and purged
 * by `deno task roots`.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { OPTIONS } from "../lib/config/options.ts";
import { VERSION } from "../lib/version.ts";
import { run, runLisod } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const SERVER = `lisod_${VERSION}-1_amd64.deb`;
const BLOG = `lisod-blog_${VERSION}-1_all.deb`;
const TARBALL = `lisod-${VERSION}-linux-x86_64.tar.xz`;
const MADE = [SERVER, TARBALL, BLOG, `lisod-${VERSION}.cdx.json`];

/** Runs a program that must end well, and returns what it printed. */
async function must(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, text, stderr } = await run(program, args, { cwd: PROJECT, env });
  assertEquals(code, 0, `${program} ${args.join(" ")}: ${stderr}${text}`);
  return text;
}

/** Packages, unpacked too. Disposing removes them. */
class Packages implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(env: Readonly<Record<string, string>> = {}): Promise<Packages> {
    const packages = new Packages(await Deno.makeTempDir({ prefix: "lisod-packages-" }));
    const options = ["--target", "x86_64", "--binary", "/bin/true", "--level", "0", "--output", packages.folder];
    await must("scripts/package", options, env);
    return packages;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A new folder with what is in it. */
  async unpack(name: string): Promise<string> {
    const folder = await Deno.makeTempDir({ dir: this.folder, prefix: "unpacked-" });
    await must("dpkg-deb", ["--raw-extract", this.path(name), folder]);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("scripts/package makes the same bytes wherever, whenever and by whatever environment it is run", async () => {
  await using here = await Packages.make({ TZ: "UTC" });
  await using there = await Packages.make({ TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8", TMPDIR: "/var/tmp" });
  const sums = Deno.readTextFileSync(here.path("SHA256SUMS"));
  assertEquals(Deno.readTextFileSync(there.path("SHA256SUMS")), sums);
  assertEquals(sums.trimEnd().split("\n").map((line) => line.split("  ")[1]), MADE);
  await must("sh", ["-c", `cd ${here.folder} && sha256sum --check --quiet SHA256SUMS`]);
});

/** What is true of the packages. */
const CASES: { readonly name: string; readonly judge: (packages: Packages) => Promise<void> }[] = [];

function addCase(name: string, judge: (packages: Packages) => Promise<void>): void {
  CASES.push({ name, judge });
}

/** A file of the package: its mode, and who owns it. */
const EXPECTED: readonly (readonly [mode: string, path: string])[] = [
  ["-rwxr-xr-x", "/usr/sbin/lisod"],
  ["-rwxr-xr-x", "/usr/sbin/lisodctl"],
  ["-rw-r--r--", "/usr/lib/systemd/system/lisod.service"],
  ["-rw-r--r--", "/usr/lib/systemd/system/lisod.socket"],
  ["-rw-r--r--", "/usr/lib/sysusers.d/lisod.conf"],
  ["-rw-r--r--", "/usr/lib/tmpfiles.d/lisod.conf"],
  ["-rw-r--r--", "/etc/lisod/lisod.conf"],
  ["-rw-r--r--", "/etc/logrotate.d/lisod"],
  ["-rw-r--r--", "/etc/apparmor.d/usr.sbin.lisod"],
  ["-rw-r--r--", "/usr/share/man/man8/lisod.8.gz"],
  ["-rw-r--r--", "/usr/share/man/man8/lisodctl.8.gz"],
  ["-rw-r--r--", "/usr/share/man/man5/lisod.conf.5.gz"],
  ["-rw-r--r--", "/usr/share/bash-completion/completions/lisod"],
  ["-rw-r--r--", "/usr/share/zsh/vendor-completions/_lisod"],
  ["-rw-r--r--", "/usr/share/fish/vendor_completions.d/lisod.fish"],
  ["-rw-r--r--", "/usr/share/lisod/www/index.html"],
  ["-rw-r--r--", "/usr/share/doc/lisod/changelog.Debian.gz"],
  ["-rw-r--r--", "/usr/share/doc/lisod/changelog.gz"],
  ["-rw-r--r--", "/usr/share/doc/lisod/copyright"],
  ["-rw-r--r--", "/usr/share/doc/lisod/sbom.cdx.json"],
  ["-rw-r--r--", "/usr/share/doc/lisod/examples/git.conf"],
];

addCase(
  "the packages hold what they should, for root and with the places and the user of a package",
  async (packages) => {
    const lines = (await must("dpkg-deb", ["--contents", packages.path(SERVER)])).trimEnd().split("\n");
    const files = new Map(lines.map((line) => {
      const [mode, owner, , , , name] = line.split(/\s+/);
      return [name.slice(1), `${mode} ${owner}`] as const;
    }));
    for (const [mode, path] of EXPECTED) assertEquals(files.get(path), `${mode} root/root`, path);
    const folder = await packages.unpack(SERVER);
    const read = (path: string) => Deno.readTextFileSync(join(folder, path));
    assertEquals(
      read("DEBIAN/conffiles").trimEnd().split("\n"),
      [...files.keys()].filter((path) => /^\/etc\/.*[^/]$/.test(path)),
    );
    assertMatch(
      read("usr/lib/systemd/system/lisod.service"),
      /^ExecStart=\/usr\/sbin\/lisod --config \/etc\/lisod\/lisod\.conf /m,
    );
    assertMatch(read("usr/lib/systemd/system/lisod.service"), /^User=lisod$/m);
    const texts = ["lib/systemd/system/lisod.service", "lib/systemd/system/lisod.socket", "sbin/lisodctl"].map((name) =>
      `usr/${name}`
    );
    for (const path of [...texts, "etc/lisod/lisod.conf", "etc/logrotate.d/lisod", "usr/share/lisod/www/index.html"]) {
      assertEquals(read(path).match(/usr\/local|www-data|\/etc\/lisod\.conf/g), null, path);
    }
    const changes = await must("sh", [
      "-c",
      `zcat ${folder}/usr/share/doc/lisod/changelog.Debian.gz | dpkg-parsechangelog --file - --show-field Version`,
    ]);
    assertEquals(changes, `${VERSION}-1\n`);
    const packed = (await must("tar", ["--list", "--file", packages.path(TARBALL)])).split("\n");
    const inTarball = packed.map((path) => path.replace(/^[^/]+\/files(?:\/usr\/local)?/, ""));
    for (
      const path of [
        "/install",
        "/sbin/lisod",
        "/etc/lisod/lisod.conf",
        "/share/zsh/site-functions/_lisod",
        "/lib/sysusers.d/lisod.conf",
      ]
    ) {
      assertEquals(inTarball.some((each) => each.endsWith(path)), true, path);
    }
  },
);

addCase("lintian has no error and no warning", async (packages) => {
  const args = ["--allow-root", "--fail-on", "error,warning", packages.path(SERVER), packages.path(BLOG)];
  // What it says of the stand-in is nothing to it.
  assertEquals(await must("lintian", ["--suppress-tags", "unused-override", ...args]), "");
});

addCase("the configuration, the unit and the AppArmor profile of the package are right", async (packages) => {
  const [server, blog] = [await packages.unpack(SERVER), await packages.unpack(BLOG)];
  await Deno.copyFile(join(blog, "etc/lisod/conf.d/blog.conf"), join(server, "etc/lisod/conf.d/blog.conf"));
  for (const name of ["lisod.conf", "conf.d/blog.conf"]) {
    const path = join(server, "etc/lisod", name);
    const text = Deno.readTextFileSync(path).replaceAll("/usr/share/lisod-blog", `${blog}/usr/share/lisod-blog`)
      .replaceAll("/usr/share/lisod/", `${server}/usr/share/lisod/`).replace(/^(?:log|lock) = .*/gm, "");
    Deno.writeTextFileSync(path, text);
  }
  const checked = await runLisod("--config", join(server, "etc/lisod/lisod.conf"), "--check");
  assertEquals([checked.code, checked.stderr], [0, ""]);
  const unit = join(server, "usr/lib/systemd/system/lisod.service");
  Deno.writeTextFileSync(
    unit,
    Deno.readTextFileSync(unit).replace("ExecStart=/usr/sbin", `ExecStart=${server}/usr/sbin`),
  );
  const verified = await run("systemd-analyze", ["verify", "--man=no", unit]);
  assertEquals([verified.code, verified.stderr], [0, ""]);
  const profile = join(server, "etc/apparmor.d/usr.sbin.lisod");
  await must("apparmor_parser", ["--skip-kernel-load", "--skip-cache", "--skip-read-cache", profile]);
});

/** What completes `line` in a shell, sorted. */
const SHELLS: readonly {
  readonly name: string;
  readonly complete: (script: string, line: string) => Promise<string>;
}[] = [
  {
    name: "bash",
    complete: (script, line) => {
      const [before, word] = line.split(" ").slice(-2);
      // compopt wants to be called by the shell's own completion.
      const code = `compopt() { :; }; . "$1"; _lisod lisod "$2" "$3"; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return must("bash", ["-c", code, "bash", script, word, before]);
    },
  },
  {
    name: "fish",
    complete: (script, line) => must("fish", ["--no-config", "-c", `source ${script}; complete -C '${line}'`]),
  },
];

addCase(
  "the completions are what bash, zsh and fish understand, and know every option and the words of values",
  async (packages) => {
    const share = join(await packages.unpack(SERVER), "usr/share");
    const scripts = new Map([
      ["bash", join(share, "bash-completion/completions/lisod")],
      ["zsh", join(share, "zsh/vendor-completions/_lisod")],
      ["fish", join(share, "fish/vendor_completions.d/lisod.fish")],
    ]);
    const options = OPTIONS.filter(({ scope }) => scope !== "file").map(({ name }) => `--${name}`).sort();
    for (const { name, complete } of SHELLS) {
      const script = scripts.get(name) ?? "";
      const wordsOf = async (line: string) =>
        (await complete(script, line)).trimEnd().split("\n").map((each) => each.split("\t")[0]).sort();
      assertEquals(await wordsOf("lisod --"), options, name);
      assertEquals(await wordsOf("lisod --log-level "), ["debug", "error", "info", "warn"], name);
      assertEquals((await wordsOf("lisod --root /us")).map((each) => each.replace(/\/$/, "")), ["/usr"], name);
    }
    const zsh = scripts.get("zsh") ?? "";
    await must("zsh", ["--no-rcs", "-n", zsh]);
    const text = Deno.readTextFileSync(zsh);
    for (const name of options) assertStringIncludes(text, `${name}[`);
    // Each word is a specification of _arguments: a name, a text in brackets, perhaps a value.
    const parse = `_arguments() { print -rl -- "$@"; }; . ${zsh}`;
    const words = (await must("zsh", ["--no-rcs", "-c", parse])).trimEnd().split("\n");
    const specification =
      /^\*?--[a-z0-9-]+\[(?:[^\\[\]:]|\\.)+\](?::(?:[^\\[\]:]|\\.)+:(?:\([a-z ]+\)|_files(?: -\/)?| ))?$/;
    assertEquals(words.filter((word) => !specification.test(word)), ["*:folder:_files -/"]);
  },
);

Deno.test("packages", async (context) => {
  await using packages = await Packages.make();
  for (const { name, judge } of CASES) await context.step(name, () => judge(packages));
});

Deno.test("scripts/package refuses what it does not understand, and makes nothing", async () => {
  for (
    const args of [["--target", "mips"], ["--level", "10"], ["--binary", "/bin/true"], ["--target"], ["--what"], [
      "--target",
      "x86_64",
      "--binary",
      "/none",
    ]]
  ) {
    const { code, text, stderr } = await run(join(PROJECT, "scripts/package"), [...args, "--output", "/proc/nothing"]);
    assertEquals([code, text], [1, ""], args.join(" "));
    assertMatch(stderr, /^package: [^\n]+\n$/);
  }
});
