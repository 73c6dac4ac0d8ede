/**
 * The temporary folder that all servers serve: files of known content, a throw-away certificate, CGI programs. All of
 * it is made anew for a run of the bench and removed after it.
 */
import { IMAGE_COUNT, imageBytes, imageName, PAGE_FOLDER, pageText } from "./page.ts";
import type { ExpectedContent } from "./row.ts";
import { FILES, FOLDER_SIZES, folderOf, NUMBERED_BYTES, numberedFile, WORDS_BYTES } from "./row_parts.ts";
import type { Switch } from "./switches.ts";

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

const HELLO_PHP = '<?php header("Content-Type: text/plain"); echo "Hello from a script.\\n";\n';

/** Makes the folder with what `switches` need, and our own load where a row has it. The caller removes it. */
export async function makeSite(
  switches: ReadonlySet<Switch>,
  { isOwnLoad = false }: { readonly isOwnLoad?: boolean } = {},
): Promise<Site> {
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
    if (switches.has("gzip")) await makeWords(site);
    if (switches.has("websocket")) await runTool(["cc", "-O2", "-o", `${folder}/websocket`, `${HERE}/websocket.c`]);
    if (isOwnLoad) await runTool(["cc", "-O2", "-o", clientsProgram(folder), `${HERE}/clients.c`]);
    if (switches.has("many_files")) await makeManyFiles(site);
    if (switches.has("http2")) await makePage(`${site.root}/${PAGE_FOLDER}`);
    if (switches.has("tls")) await makeCertificate(site);
    if (switches.has("cgi")) await makePrograms(`${folder}/cgi`);
    if (switches.has("many_places")) await makePlaces(site);
    if (switches.has("php")) await Deno.writeTextFile(`${site.root}/hello.php`, HELLO_PHP);
    if (switches.has("blog")) await copyBlog(`${folder}/cgi`);
    return site;
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function makePage(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/index.html`, pageText());
  for (let number = 0; number < IMAGE_COUNT; number += 1) {
    await Deno.writeFile(`${folder}/${imageName(number)}`, imageBytes(number));
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

/** Text that compresses to about a third, as pages do: a few hundred words, the first of them the most frequent. */
function wordBytes(length: number): Uint8Array {
  let state = 1;
  // Numerical Recipes' generator: the same words each time.
  const random = () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
  const word = () => Array.from({ length: 2 + random() * 8 }, () => String.fromCharCode(97 + random() * 26)).join("");
  const words = Array.from({ length: 600 }, word);
  let text = "";
  while (text.length < length) {
    text += `${words[Math.floor(words.length * random() ** 2)]}${random() < 0.1 ? "\n" : " "}`;
  }
  return new TextEncoder().encode(text.slice(0, length));
}

/** The bytes that an answer must consist of. */
export function expectedBytes(content: Exclude<ExpectedContent, { readonly holds: string }>): Uint8Array {
  if ("text" in content) return new TextEncoder().encode(content.text);
  return "words" in content ? wordBytes(content.words) : fileBytes(content.from, content.length);
}

/** clients.c, compiled, of the site in `folder`. */
export function clientsProgram(folder: string): string {
  return `${folder}/clients`;
}

/** All files that are asked for have content; of the largest folder that is the first one, and the others are empty. */
async function makeManyFiles({ root }: Site): Promise<void> {
  const bytes = fileBytes(0, NUMBERED_BYTES);
  const most = Math.max(...FOLDER_SIZES);
  for (const size of FOLDER_SIZES) {
    const folder = `${root}/${folderOf(size)}`;
    await Deno.mkdir(folder, { recursive: true });
    for (let number = 0; number < size; number += 1) {
      const content = size < most || number === 0 ? bytes : new Uint8Array(0);
      // The bench has nothing else to do meanwhile.
      Deno.writeFileSync(`${folder}/${numberedFile(number)}`, content);
    }
  }
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

/** A text for those who compress it, and the same in a folder where it lies compressed beside it. */
async function makeWords({ folder, root }: Site): Promise<void> {
  await Deno.mkdir(`${folder}/packed`);
  for (const place of [root, `${folder}/packed`]) {
    await Deno.writeFile(`${place}/words.txt`, wordBytes(WORDS_BYTES));
  }
  await runTool(["gzip", "-9", "--keep", `${folder}/packed/words.txt`]);
}

/** Beside the one in C. */
const PROGRAMS = ["hello.sh", "hello.py", "flask_hello.py", "django_hello.py", "modules.py", "cgi_pm.pl", "words.sh"];

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
