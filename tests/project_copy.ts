/**
 * What the tests of the scripts share: a copy of the project where Deno and npm are stand-ins, so that a script is run as a
 * user runs it, and in no time.
 */
import { join } from "@std/path";
import { type Ended, run, writeFiles } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** The version of Deno that scripts/setup.sh pins. */
export const PINNED = pinnedVersion("DENO");
const ESBUILD = `.tools/esbuild-${pinnedVersion("ESBUILD")}/bin/esbuild`;

function pinnedVersion(name: string): string {
  return Deno.readTextFileSync(join(PROJECT, "scripts/setup.sh")).match(`${name}_VERSION=(\\S+)`)?.[1] ?? "";
}

/** The system's programs that the scripts use: a PATH without npm and Deno. */
const PROGRAMS = ["bash", "dirname", "mktemp", "mkdir", "mv", "rm", "tail", "tar", "sha256sum", "uname", "chmod", "cat"]
  .concat(["cp", "find", "sort", "xargs", "stat", "truncate", "touch", "sleep"])
  .concat(["openssl", "readlink", "od", "head", "grep", "tr", "sed", "date", "cut", "basename", "install"]);

/** A folder that looks like the project, with a PATH of its own. Disposing removes it. */
export class ProjectCopy implements AsyncDisposable {
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
      "lib/version.ts": 'export const SOURCES: string = "";\n',
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
 * files that it could have used, and what is said of the version; a lisod that it compiles is what the files beside its main
 * module say, and a maker says that it has compiled.
 */
export const denoStub = (version: string, size = "+0") => `
[[ $1 == --version ]] && { echo "deno ${version} (stable, release)"; exit; }
echo "$*" >>"$HOME/calls"
[[ $1 == check ]] && exit
[[ $1 == info ]] && { printf '{\\n  "denoDir": "%s/cache",\\n}\\n' "$HOME"; exit; }
[[ $1 == bundle || $1 == compile ]] || exit 9
command=$1
while [[ $1 != --output ]]; do shift; done
[[ $command == bundle ]] && { { find . "$DENO_DIR" -type f; cat lib/version.ts; echo 'new URL("./worker_thread.ts", base)'; echo 'import { a as b, c } from "node:fs";'; } >"$2"; exit; }
if [[ $2 == */maker ]]; then
  printf '%s\n' '#!/bin/bash' 'for name; do echo "code of $name" >"$name.code"; done' >"$2"; chmod +x "$2"; exit
fi
cat * >"$2"; chmod +x "$2"; truncate -s ${size} "$2"; echo compiled`;

/** Plays npm: packs package.tgz of the home folder; without one it fails. */
export const NPM_STUB = `
[[ $1 == config ]] && { echo the-registry; exit; }
[[ $1 == pack && $3 == --pack-destination ]] || exit 9
cp "$HOME/package.tgz" "$4/example.tgz" 2>/dev/null && echo example.tgz`;

/** Where deno bundle looks for it, below its cache. */
export const ESBUILD_PLACE = `/dl/esbuild-${pinnedVersion("ESBUILD")}/esbuild-linux-x64`;

/** What the runtime has in its cache of the one package of deno.lock, and the bundler. */
export const CACHED = { "cache/npm/registry/example/1.0.0/package.json": "{}", [ESBUILD]: "" };
