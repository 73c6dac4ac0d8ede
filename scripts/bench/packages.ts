/** Finds the programs that the bench needs and installs the Debian packages of those that are missing. */

/** lighttpd's module for TLS, for ensurePrograms(). */
export const LIGHTTPD_TLS = "/usr/lib/lighttpd/mod_openssl.so";

/** The one that compresses, for ensurePrograms(). */
export const LIGHTTPD_DEFLATE = "/usr/lib/lighttpd/mod_deflate.so";

/** uWSGI's plugin for Python, for ensurePrograms(). */
export const UWSGI_PYTHON = "/usr/lib/uwsgi/plugins/python311_plugin.so";

/** PHP's processes, for ensurePrograms(). */
export const PHP_FPM = "/usr/sbin/php-fpm8.2";

/** The library of ruby that serves, for ensurePrograms(). */
export const WEBRICK = "/usr/share/rubygems-integration/all/gems/webrick-1.8.1/lib/webrick.rb";

/** The package that brings a program, where it is not called like the program. */
const PACKAGES: Readonly<Record<string, string>> = {
  apache2: "apache2-bin",
  cc: "gcc libc6-dev",
  h2load: "nghttp2-client",
  mini_httpd: "mini-httpd",
  python3: "python3-minimal",
  setpriv: "util-linux",
  taskset: "util-linux",
  twistd3: "python3-twisted",
  [LIGHTTPD_TLS]: "lighttpd-mod-openssl",
  [LIGHTTPD_DEFLATE]: "lighttpd-mod-deflate",
  [UWSGI_PYTHON]: "uwsgi-core uwsgi-plugin-python3",
  "/usr/share/perl5/CGI.pm": "libcgi-pm-perl",
  "/usr/lib/python3/dist-packages/django/__init__.py": "python3-django",
  "/usr/bin/python3.11": "python3.11",
  [PHP_FPM]: "php8.2-fpm",
  [WEBRICK]: "ruby-webrick",
  "/usr/lib/python3/dist-packages/bleach/__init__.py": "python3-bleach",
  "/usr/lib/python3/dist-packages/flask/__init__.py": "python3-flask",
  "/usr/lib/python3/dist-packages/markdown_it/__init__.py": "python3-markdown-it",
};

/** What the blog imports: files of Debian's own Python, for ensurePrograms(). */
export const PYTHON_MODULES: readonly string[] = Object.keys(PACKAGES).filter((name) =>
  /\/python3\/.*\/(?:bleach|flask|markdown_it)\//.test(name)
);

/** What the other warm programs import. */
export const WARM_MODULES: readonly string[] = [
  ...PYTHON_MODULES,
  "/usr/share/perl5/CGI.pm",
  "/usr/lib/python3/dist-packages/django/__init__.py",
];

/** Where servers stand that are not in everybody's PATH. */
const EXTRA_PATH = "/usr/sbin:/sbin";
/** Debian asks this file whether a package that it installs may start its service (invoke-rc.d(8)). */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\n# Nothing starts while packages are installed.\nexit 101\n";
const INSTALL_MS = 600_000;

/**
 * Sees that all programs can be run; a path names a file that must be there. As root it installs what is missing, without
 * starting the services that the packages bring; otherwise it throws Error with the command that does.
 */
export async function ensurePrograms(programs: readonly string[]): Promise<void> {
  Deno.env.set("PATH", `${Deno.env.get("PATH") ?? ""}:${EXTRA_PATH}`);
  const missing = await findMissing(programs);
  if (missing.length === 0) return;
  const packages = missing.flatMap((program) => (PACKAGES[program] ?? program).split(" "));
  const install = ["apt-get", "install", "--yes", "--no-install-recommends", ...packages];
  if (Deno.uid() !== 0) throw new Error(`Missing: ${missing.join(", ")}. As root run: ${install.join(" ")}`);
  await withoutServices(async () => {
    await runTool(["apt-get", "update"]);
    await runTool(install);
  });
  const still = await findMissing(programs);
  if (still.length > 0) throw new Error(`Still missing after ${install.join(" ")}: ${still.join(", ")}`);
}

/** Those of `programs` that PATH does not lead to, and the paths among them that lead nowhere. */
async function findMissing(programs: readonly string[]): Promise<readonly string[]> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const missing: string[] = [];
  for (const program of new Set(programs)) {
    const paths = program.startsWith("/") ? [program] : folders.map((folder) => `${folder}/${program}`);
    const places = await Promise.all(paths.map(isFile));
    if (!places.includes(true)) missing.push(program);
  }
  return missing;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Runs `work` while Debian is told to start no service; a policy that stands there already is left alone. */
async function withoutServices(work: () => Promise<void>): Promise<void> {
  if (await isFile(POLICY_FILE)) return await work();
  await Deno.writeTextFile(POLICY_FILE, POLICY, { mode: 0o755, createNew: true });
  try {
    await work();
  } finally {
    await Deno.remove(POLICY_FILE);
  }
}

async function runTool([program, ...args]: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const signal = AbortSignal.timeout(INSTALL_MS);
  const { success, stderr } = await new Deno.Command(program, { args, env, stdout: "null", stderr: "piped", signal })
    .output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr).trim()}`);
}
