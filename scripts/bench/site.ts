/**
 * The temporary folder that all servers serve: files of known content, a throw-away certificate, CGI programs. All of
 * it is made anew for a run of the bench and removed after it.
 */
import type { Switch } from "./peers.ts";
import type { ExpectedContent } from "./row.ts";
import { FILES } from "./rows.ts";

export interface Site {
  /** Absolute; www/ and cgi/ stand in it. */
  readonly folder: string;
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
}

const HERE = import.meta.dirname;
/** 95 printable characters; a prime step makes neighbouring blocks differ, so a shifted answer is found. */
const PRINTABLE_FROM = 32;
const PRINTABLE_COUNT = 95;

/** Makes the folder with what `switches` need. The caller removes it. */
export async function makeSite(switches: ReadonlySet<Switch>): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-bench-" });
  // Apache leaves root for www-data, which must get through.
  await Deno.chmod(folder, 0o755);
  const site = {
    folder,
    root: `${folder}/www`,
    certificate: `${folder}/certificate.pem`,
    key: `${folder}/key.pem`,
  };
  try {
    await Deno.mkdir(site.root);
    for (const name of Object.keys(FILES)) {
      await Deno.writeFile(`${site.root}/${name}`, fileBytes(0, FILES[name]));
    }
    if (switches.has("tls")) await makeCertificate(site);
    if (switches.has("cgi")) await makePrograms(`${folder}/cgi`);
    if (switches.has("many_places")) await makePlaces(site);
    if (switches.has("blog")) await copyBlog(`${folder}/cgi`);
    return site;
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

/** Bytes `from` to `from + length` of each file of the site: they differ in length alone. */
function fileBytes(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) {
    const place = from + index;
    bytes[index] = PRINTABLE_FROM + (place * 7 + (place >> 10)) % PRINTABLE_COUNT;
  }
  return bytes;
}

/** The bytes that an answer must consist of. */
export function expectedBytes(content: Exclude<ExpectedContent, { readonly holds: string }>): Uint8Array {
  return "text" in content ? new TextEncoder().encode(content.text) : fileBytes(content.from, content.length);
}

/** A certificate of its own for localhost with an ECDSA P-256 key, valid for two days. */
async function makeCertificate({ certificate, key }: Site): Promise<void> {
  await runTool([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    // Deno refuses a certificate of an authority, which openssl makes by itself, as that of a server.
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", key, "-out", certificate],
  ]);
}

/** Beside the one in C. */
const PROGRAMS = ["hello.sh", "hello.py", "flask_hello.py", "django_hello.py", "modules.py", "cgi_pm.pl"];

async function makePrograms(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await runTool(["cc", "-O2", "-o", `${folder}/hello-c`, `${HERE}/cgi/hello.c`]);
  for (const script of [...PROGRAMS, "applications.py"]) {
    await Deno.copyFile(`${HERE}/cgi/${script}`, `${folder}/${script}`);
    await Deno.chmod(`${folder}/${script}`, 0o755);
  }
}

/** The blog beside its wrapper, where any user may read it, compiled as its README asks where scripts cannot write. */
async function copyBlog(folder: string): Promise<void> {
  await runTool(["cp", "-R", ...["wsgi_wrapper.py", "blog"].map((name) => `${HERE}/../../cgi-bin/${name}`), folder]);
  await runTool(["/usr/bin/python3", "-m", "compileall", "-q", folder]);
  await runTool(["chmod", "-R", "a+rX", folder]);
}

/** A thousand sites with ten places each; the last of all answers for the address that the load asks. */
async function makePlaces({ folder, root }: Site): Promise<void> {
  await Deno.mkdir(`${root}/p9`);
  await Deno.writeFile(`${root}/p9/1k.txt`, fileBytes(0, FILES["1k.txt"]));
  const hosts = Array.from({ length: 1000 }, (_, index) => index === 999 ? "127.0.0.1" : `host${index}.example`);
  const prefixes = Array.from({ length: 10 }, (_, index) => `/p${index}/`);
  const sections = hosts.map((host) =>
    `[${host}]\nlisting\n` + prefixes.map((prefix) => `[${host} ${prefix}]\nroot = www/p9\n`).join("")
  );
  await Deno.writeTextFile(`${folder}/places.conf`, sections.join(""));
}

/** Runs a tool to its end within 30 s; throws Error with what it said when it fails. */
async function runTool([program, ...args]: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped", signal })
    .output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
}
