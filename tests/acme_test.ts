/**
 * certs/README.txt 3: certbot and dehydrated, as Debian packages them, get certificates for two sites in webroot mode, from an
 * authority of our own, and the hook of that text has lisod take them. End to end.
 */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { playAtOnce } from "./at_once.ts";
import { curl, type Ended, run, startServer, type TestServer, writeFiles } from "./harness.ts";
import { type Certificates, makeCertificates } from "./https.ts";

const HERE = import.meta.dirname ?? ".";
const AUTHORITY = join(HERE, "acme_authority.py");
const README = join(HERE, "..", "certs", "README.txt");
const IS_ROOT = Deno.uid() === 0;

/** The script of the text, with its folders in that of the test. */
async function writeHook(folder: string): Promise<string> {
  const text = await Deno.readTextFile(README);
  const lines = /^ {2}#!\/bin\/sh -e\n(?: {2}.*\n)+/m.exec(text)?.[0] ?? "";
  assertMatch(
    lines,
    / -o www-data [^]* "\/etc\/lisod\/\$name\.key"[^]* kill -HUP "\$\(cat \/run\/lisod\/lisod\.pid\)"\n$/,
  );
  const owner = IS_ROOT ? "www-data" : `${Deno.uid()}`;
  const script = lines.replace(/^ {2}/gm, "").replace("-o www-data", `-o ${owner}`)
    .replaceAll(/\/(?:etc|run)\/lisod\//g, `${folder}/`);
  const path = join(folder, "new-certificate");
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  return path;
}

/** A folder with two sites, an authority, and a ./lisod that may be started again with another configuration. */
class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly hook: string;
  /** Of the authority. */
  readonly directory: string;
  readonly #authority: Deno.ChildProcess;
  readonly #roots: Certificates;
  #server: TestServer | null = null;

  private constructor(
    { folder, hook, authority, directory, roots }: {
      readonly folder: string;
      readonly hook: string;
      readonly authority: Deno.ChildProcess;
      readonly directory: string;
      readonly roots: Certificates;
    },
  ) {
    this.folder = folder;
    this.hook = hook;
    this.#authority = authority;
    this.directory = directory;
    this.#roots = roots;
  }

  static async open(): Promise<Scene> {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-acme-" }));
    await Deno.chmod(folder, 0o755);
    await writeFiles(folder, { "www/one/index.html": "one", "www/two/index.html": "two", "challenges/.keep": "" });
    const roots = await makeCertificates(join(folder, "ca"));
    const authority = new Deno.Command("python3", {
      args: [AUTHORITY, join(folder, "port"), roots.root, join(folder, "ca/root.key")],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const directory = await readLine(authority.stdout);
    return new Scene({ folder, hook: await writeHook(folder), authority, directory, roots });
  }

  get server(): TestServer {
    if (this.#server === null) throw new Error("No server is running");
    return this.#server;
  }

  /** Starts ./lisod with that configuration, in place of the one before. */
  async start(config: string, ...args: readonly string[]): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = null;
    await this.writeConfig(config);
    const given = ["--config", join(this.folder, "lisod.conf"), "--foreground", "--listen", "127.0.0.1"];
    const ports = ["--http", "0", ...config.includes("certificate =") ? ["--https", "0"] : []];
    this.#server = await startServer({ commandLine: ({ log }) => [...given, ...ports, ...args, "--log", log] });
    await Deno.writeTextFile(join(this.folder, "port"), `${this.server.port()}`);
  }

  async writeConfig(config: string): Promise<void> {
    const always = "log-flush-ms = 1\nlock = lisod.pid\n";
    await Deno.writeTextFile(join(this.folder, "lisod.conf"), always + config);
  }

  /** Runs a client to its end, which has to be a good one; nothing of it goes to its folders in /etc and /var. */
  async client(program: string, ...args: readonly string[]): Promise<Ended> {
    const ended = await run(program, args, {
      env: { no_proxy: "127.0.0.1", NO_PROXY: "127.0.0.1", HOME: this.folder },
    });
    assertEquals(ended.code, 0, `${program} ${args.join(" ")}\n${ended.text}${ended.stderr}`);
    return ended;
  }

  /** Does something, and resolves when the server has taken a new certificate for each of the hosts after that. */
  async untilTaken(hosts: readonly string[], act: () => Promise<unknown> | void): Promise<void> {
    const before = this.server.logText().length;
    await act();
    await this.server.waitForLog((log) => {
      const since = log.slice(before);
      return hosts.every((host) => since.includes(`new certificate for ${host}`));
    });
  }

  /** The serial number of what a client gets that asks for that host, and trusts the authority and nobody else. */
  async servedSerial(host: string): Promise<string> {
    const { text, stderr } = await run("sh", [
      "-c",
      `openssl s_client -connect "127.0.0.1:$1" -servername "$2" -verify_hostname "$2" -verify_return_error -CAfile "$3" \\
        </dev/null | openssl x509 -noout -serial`,
      "sh",
      ...[`${this.server.port("https")}`, host, this.#roots.root],
    ]);
    assertMatch(text, /^serial=[0-9A-F]+\n$/, stderr);
    return text;
  }

  /** The serial number of what the hook has put there. */
  async installedSerial(name: string): Promise<string> {
    const { text } = await run("openssl", ["x509", "-noout", "-serial", "-in", join(this.folder, `${name}.crt`)]);
    const { mode } = await Deno.stat(join(this.folder, `${name}.key`));
    assertEquals((mode ?? 0) & 0o777, 0o600);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#authority.kill();
    await this.#authority.status;
    await this.#server?.[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.endsWith("\n")) break;
  }
  return text.trim();
}

const ONE = "[one.example www.one.example]\nroot = www/one\n";
const TWO = "[two.example]\nroot = www/two\n";
const HOSTS = ["one.example", "two.example"];
const SECURE = "https-redirect = on\n";
const LATER = "reload-folders = .\n";
const pair = (name: string) => `key = ${name}.key\ncertificate = ${name}.crt\n`;

/** Clients get what the hook has put there, and nothing was wrong with it; returns the serial number for each host. */
async function assertInstalled(scene: Scene): Promise<readonly string[]> {
  const served = await Promise.all(HOSTS.map((host) => scene.servedSerial(host)));
  assertEquals(served, await Promise.all(HOSTS.map((host) => scene.installedSerial(host))));
  assertNotEquals(served[0], served[1]);
  // The log of the tests is root's, and cannot be opened again.
  assertEquals(scene.server.logText().match(/(?:ERROR|WARN) (?!log:|main: running as root).*/g), null);
  return served;
}

/** One after the other, and both renewed after the drop. */
async function testCertbot(): Promise<void> {
  await using scene = await Scene.open();
  const { folder, hook, directory } = scene;
  const folders = ["config", "work", "logs"].flatMap((name) => [`--${name}-dir`, join(folder, "certbot", name)]);
  const certbot = (...args: readonly string[]) =>
    scene.client("certbot", ...args, ...folders, "--config", "/dev/null", "--non-interactive");
  const certonly = (root: string, ...hosts: readonly string[]) =>
    certbot(
      ...["certonly", "--webroot", "--deploy-hook", hook, "--webroot-path", join(folder, "www", root)],
      ...hosts.flatMap((host) => ["--domain", host]),
      ...["--server", directory, "--agree-tos", "--register-unsafely-without-email"],
    );
  const user = IS_ROOT ? ["--user", "www-data"] : [];
  await scene.start(ONE + TWO, ...user);
  await certonly("one", "one.example", "www.one.example");

  await scene.start(SECURE + LATER + pair("one.example") + ONE + TWO, ...user);
  assertEquals(await scene.servedSerial("www.one.example"), await scene.installedSerial("one.example"));
  const plain = await curl("-H", "Host: two.example", "-o", "/dev/null", "-w", "%{http_code}", scene.server.url);
  assertEquals(plain.text, "421");
  await certonly("two", "two.example");
  await scene.writeConfig(SECURE + LATER + pair("one.example") + ONE + TWO + pair("two.example"));
  await scene.untilTaken(["two.example"], () => Deno.kill(scene.server.pid, "SIGHUP"));
  const first = await assertInstalled(scene);

  await scene.untilTaken(HOSTS, () => certbot("renew", "--force-renewal", "--no-random-sleep-on-renew"));
  const renewed = await assertInstalled(scene);
  for (const [at, serial] of renewed.entries()) assertNotEquals(serial, first[at]);
}

/** For all sites through one folder, and renewed. */
async function testDehydrated(): Promise<void> {
  await using scene = await Scene.open();
  const { folder, hook, directory } = scene;
  const challenges = "[/.well-known/acme-challenge/]\nroot = challenges\n";
  await writeFiles(join(folder, "dehydrated"), {
    "domains.txt": "one.example\ntwo.example\n",
    "config": `CA="${directory}"\nBASEDIR="${folder}/dehydrated"\nWELLKNOWN="${folder}/challenges"\nHOOK="${hook}"\n` +
      "KEYSIZE=2048\n",
  });
  const dehydrated = (...args: readonly string[]) =>
    scene.client("dehydrated", ...args, "--config", join(folder, "dehydrated/config"));
  await scene.start(challenges + ONE + TWO);
  await dehydrated("--register", "--accept-terms");
  await dehydrated("--cron");

  // The second one where dehydrated keeps it, by links that each renewal turns: for servers that may read there.
  const kept = "dehydrated/certs/two.example";
  const keptPair = `key = ${kept}/privkey.pem\ncertificate = ${kept}/fullchain.pem\n`;
  await scene.start(SECURE + pair("one.example") + challenges + ONE + TWO + keptPair);
  const first = await assertInstalled(scene);

  await scene.untilTaken(HOSTS, () => dehydrated("--cron", "--force"));
  const renewed = await assertInstalled(scene);
  for (const [at, serial] of renewed.entries()) assertNotEquals(serial, first[at]);
}

Deno.test("certbot and dehydrated get certificates for sites of lisod, and renew them", (context) =>
  playAtOnce(context, [
    { name: "certbot, for one site after the other", fn: testCertbot },
    { name: "dehydrated, for all sites through one folder", fn: testDehydrated },
  ]));
