/**
 * `deno task roots [NAME]`: makes the packages for this processor as a release has them, and installs, starts, upgrades, removes and
 * purges them in roots that mmdebstrap makes of Debian's mirror, where nothing else is; so does the tarball. NAME plays those whose
 * names have it. The last line is "N passed, N failed", the exit status 1 when one failed. Needs root, mmdebstrap and the network.
 * The autopkgtests of debian/tests are run there as they stand.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { VERSION } from "../../lib/version.ts";
import { Container } from "../container.ts";
import { waitUntil } from "../daemon.ts";
import { freePort } from "../front.ts";
import { curl, run } from "../harness.ts";
import { makeCertificates } from "../https.ts";
import { type Base, Root } from "./root.ts";
import { playUnits, WITH_SYSTEMD } from "./systemd.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..", "..");
const PACKAGES = join(PROJECT, "artefacts", "packages");
const SERVER = `lisod_${VERSION}-1_amd64.deb`;
const BLOG = `lisod-blog_${VERSION}-1_all.deb`;
const TARBALL = `lisod-${VERSION}-linux-x86_64`;
const MAKE_MS = 10 * 60_000;

const bare = (suite: string): Base => ({ suite, variant: "minbase", include: [] });
/** What the packages depend on, so that nothing but theirs comes and goes. */
const NEEDS: Base = { ...bare("bookworm"), include: ["systemd-standalone-sysusers", "systemd-standalone-tmpfiles"] };

interface Case {
  readonly name: string;
  /** It installs what scripts/package makes. */
  readonly isPackaged: boolean;
  readonly play: () => Promise<void>;
}

/** Content and status of an answer. */
async function ask(...args: readonly string[]): Promise<string> {
  const { code, text, stderr } = await curl("--output", "-", "--write-out", " %{http_code}", ...args);
  assertEquals(code, 0, stderr);
  return text;
}

/** Nothing in the root but the C library, libgcc and /proc: no shell, no /dev, no user. `links`: the package that has /lib64, where that is a link. */
async function needsNothing(suite: string, ...links: readonly string[]): Promise<void> {
  const base: Base = { suite, variant: "extract", include: ["libc6", "libgcc-s1", ...links] };
  await using root = await Root.make(base, { lisod: join(PROJECT, "lisod") });
  const folder = root.path("certs");
  const { root: authority } = await makeCertificates(folder);
  await Deno.mkdir(root.path("www"));
  root.write("www/a.txt", "a file\n");
  const [http, https] = [freePort(), freePort()];
  const secure = ["--https", `${https}`, "--key", "/certs/server.key", "--certificate", "/certs/server.crt"];
  root.start("/lisod", "--root", "/www", "--http", `${http}`, ...secure, "--log", "/log", "--foreground");
  const log = () => [...Deno.readDirSync(root.folder)].some(({ name }) => name === "log") ? root.read("log") : "";
  await waitUntil(() => (log().match(/listening on/g) ?? []).length === 2, "it listens");
  assertEquals(await ask(`http://127.0.0.1:${http}/a.txt`), "a file\n 200");
  assertEquals(await ask("--cacert", authority, `https://localhost:${https}/a.txt`), "a file\n 200");
}

/** Every file with its owner and mode, and every user and group; without what dpkg and apt keep for themselves. */
async function survey(root: Root): Promise<readonly string[]> {
  const ignored = [
    "/proc",
    "/dev",
    "/tmp",
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/cache",
    "/var/log/apt",
    "/var/log/dpkg.log",
  ];
  // Of shadow-utils and ldconfig, whatever they did.
  const alsoIgnored = [
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/.pwd.lock",
    "/etc/subuid-",
    "/etc/subgid-",
  ];
  const pruned = [...ignored, ...alsoIgnored].map((path) => `-path ${path} -prune -o`).join(" ");
  const files = await root.must(`find / ${pruned} -printf '%p %u %m\n'`);
  return [...files.split("\n"), ...root.read("etc/passwd").split("\n"), ...root.read("etc/group").split("\n")].sort();
}

/** Plays systemd to the scripts of a package: it runs, and writes down what is asked of it. */
function pretendSystemd(root: Root): void {
  Deno.mkdirSync(root.path("run/systemd/system"), { recursive: true });
  root.write("usr/local/bin/systemctl", '#!/bin/sh\necho "$*" >>/var/tmp/systemctl\n', 0o755);
}

/** What was asked of systemd since the last time, as `verb unit`. */
function askedOfSystemd(root: Root): readonly string[] {
  const asked = root.read("var/tmp/systemctl").split("\n").filter((line) => /\b(?:re)?start|\bstop/.test(line));
  root.write("var/tmp/systemctl", "");
  return asked.map((line) => line.replace(/ ?--[a-z-]+/g, "").trim());
}

/** The same package with a higher number. */
async function nextVersion(root: Root): Promise<void> {
  const unpacked = root.path("next");
  const command =
    `dpkg-deb -R ${SERVER} ${unpacked} && sed -i 's/^Version: .*/Version: ${VERSION}-2/' ${unpacked}/DEBIAN/control &&
    dpkg-deb -Zxz -z0 --root-owner-group -b ${unpacked} ${root.path("next.deb")} && rm -r ${unpacked}`;
  const { code, stderr } = await run("sh", ["-c", command], { cwd: PACKAGES });
  assertEquals(code, 0, stderr);
}

async function installAndPurge(): Promise<void> {
  await using root = await Root.make(NEEDS, { [SERVER]: join(PACKAGES, SERVER) });
  const before = await survey(root);
  await root.must(`dpkg --install /${SERVER}`);
  const [passwd] = root.read("etc/passwd").match(/^lisod:.*$/m) ?? [];
  assertMatch(passwd ?? "", /:\/var\/lib\/lisod:\/usr\/sbin\/nologin$/);
  const folders = "/var/log/lisod /var/log/lisod/lisod.log /var/lib/lisod /run/lisod /etc/lisod/lisod.conf";
  assertEquals(
    await root.must(`stat --format '%n %U:%G %a' ${folders}`),
    "/var/log/lisod root:root 755\n/var/log/lisod/lisod.log lisod:adm 640\n/var/lib/lisod lisod:lisod 750\n" +
      "/run/lisod lisod:lisod 755\n/etc/lisod/lisod.conf root:root 644\n",
  );
  await serveInstalled(root, "/etc/lisod/lisod.conf");
  await upgrade(root);
  await root.must("dpkg --remove lisod");
  assertEquals(await root.must("find /etc/lisod /usr/sbin/lisod* -type f 2>/dev/null || :"), "/etc/lisod/lisod.conf\n");
  await root.must("dpkg --purge lisod && rm -rf /run/systemd /usr/local/bin/systemctl /var/tmp/systemctl /next.deb");
  assertEquals((await survey(root)).filter((line) => !before.includes(line)), []);
}

/** By the configuration that was installed, with another port, a program and the user that root becomes. */
async function serveInstalled(root: Root, config: string): Promise<void> {
  const port = freePort();
  root.write(config, root.read(config).replace("http = 80", `http = ${port}\nuser = lisod`));
  await Deno.mkdir(root.path("usr/lib/cgi-bin"), { recursive: true });
  root.write("usr/lib/cgi-bin/who", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; id -un\n", 0o755);
  root.write("etc/lisod/conf.d/own.conf", "[/cgi-bin/]\ncgi = /usr/lib/cgi-bin\n");
  assertStringIncludes(await root.must("lisodctl start"), "lisod serves, process ");
  assertMatch(await ask(`http://127.0.0.1:${port}/`), /The server works[^]* 200$/);
  assertEquals(await ask(`http://127.0.0.1:${port}/cgi-bin/who`), "lisod\n 200");
  assertMatch(await root.must("lisodctl status"), /user lisod/);
  assertEquals(await root.must("lisodctl stop"), "lisod has stopped\n");
  // A warning would be one that everybody sees.
  assertEquals(root.read("var/log/lisod/lisod.log").match(/ (?:WARN|ERROR) .*/g), null);
  await root.must("rm -r /etc/lisod/conf.d/own.conf /usr/lib/cgi-bin");
}

/** Restarts after a check alone, and keeps what the operator has changed. */
async function upgrade(root: Root): Promise<void> {
  pretendSystemd(root);
  await nextVersion(root);
  const changed = root.read("etc/lisod/lisod.conf");
  await root.must("dpkg --install /next.deb");
  assertEquals(askedOfSystemd(root), ["restart lisod.service"]);
  assertEquals(root.read("etc/lisod/lisod.conf"), changed);
  root.write("etc/lisod/lisod.conf", `${changed}\nno-such-option = 1\n`);
  const { code, stderr } = await root.run("dpkg --install /next.deb");
  assertEquals([code, askedOfSystemd(root)], [0, []]);
  assertStringIncludes(
    stderr,
    "lisod: the new version refuses /etc/lisod/lisod.conf, see above: the running server goes on",
  );
  assertStringIncludes(stderr, "no-such-option");
  root.write("etc/lisod/lisod.conf", changed);
}

async function blog(): Promise<void> {
  const tests = { "tests": join(PROJECT, "debian/tests") };
  await using root = await Root.make(bare("bookworm"), {
    [SERVER]: join(PACKAGES, SERVER),
    [BLOG]: join(PACKAGES, BLOG),
    ...tests,
  });
  const install = "apt-get install --yes --quiet --no-install-recommends";
  await root.must(`apt-get update --quiet && ${install} /${SERVER} /${BLOG} curl openssl`);
  const port = freePort();
  for (const test of ["serve", "blog"]) {
    await root.must(`PORT=${port} AUTOPKGTEST_TMP=$(mktemp -d) /tests/${test}`);
  }
  assertEquals(await root.must("stat --format '%U %a' /var/lib/lisod/blog"), "lisod 700\n");
  const config = "etc/lisod/conf.d/blog.conf";
  root.write(config, root.read(config).replace("[/blog/]", "[/diary/]"));
  await root.must("dpkg --remove lisod-blog && lisod --config /etc/lisod/lisod.conf --check");
  await root.must(`dpkg --install /${BLOG} && lisod --config /etc/lisod/lisod.conf --check`);
  assertStringIncludes(root.read(config), "[/diary/]");
  await root.must("dpkg --purge lisod-blog lisod");
  assertEquals(
    await root.must("find / -xdev -name '*lisod*' ! -path '/proc/*' ! -path '/lisod*' ! -path '/tests*'"),
    "",
  );
}

/** In a root that knows neither the package nor systemd. */
async function tarball(suite: string): Promise<void> {
  await using root = await Root.make(bare(suite), {});
  const { code, stderr } = await run("tar", ["-xf", join(PACKAGES, `${TARBALL}.tar.xz`), "-C", root.folder]);
  assertEquals(code, 0, stderr);
  const before = await survey(root);
  assertMatch(await root.must(`/${TARBALL}/install`), /^Installed lisod .*\nStart it with: lisodctl start\n$/);
  await serveInstalled(root, "etc/lisod/lisod.conf");
  assertStringIncludes(await root.must(`/${TARBALL}/install`), "install: kept /etc/lisod/lisod.conf\n");
  assertStringIncludes(await root.must(`/${TARBALL}/install --remove`), "install: left /etc/lisod/lisod.conf\n");
  await root.must("rm -rf /etc/lisod /var/log/lisod /var/lib/lisod && userdel lisod");
  const left = (await survey(root)).filter((line) => !before.includes(line));
  // Folders that other programs may use by then.
  assertEquals(left.filter((line) => !/^\/(?:usr\/local|etc\/logrotate\.d)\S* root 755$/.test(line)), []);
}

/** The package in a root of its own, which bubblewrap makes a container of: see tests/container_test.ts. */
async function container(): Promise<void> {
  await using root = await Root.make(NEEDS, { [SERVER]: join(PACKAGES, SERVER) });
  await root.must(`dpkg --install /${SERVER}`);
  await Deno.mkdir(root.path("site/www"), { recursive: true });
  root.write("site/www/a.txt", "a file\n");
  const parts = { root: root.folder, binary: root.path("usr/sbin/lisod"), site: root.path("site") };
  await using running = await Container.start(parts);
  assertEquals(await ask(`http://127.0.0.1:${running.port}/a.txt`), "a file\n 200");
  assertEquals(await running.stop(), 0);
  assertMatch(running.stdout, /"GET \/a\.txt HTTP\/1\.1" 200 /);
}

async function units(): Promise<void> {
  await using root = await Root.make(WITH_SYSTEMD, { [SERVER]: join(PACKAGES, SERVER) });
  await root.must(`dpkg --install /${SERVER}`);
  await playUnits(root);
}

const CASES: readonly Case[] = [
  { name: "needs of bookworm", isPackaged: false, play: () => needsNothing("bookworm") },
  { name: "needs of trixie", isPackaged: false, play: () => needsNothing("trixie", "base-files") },
  { name: "package of bookworm: install, serve, upgrade, remove, purge", isPackaged: true, play: installAndPurge },
  { name: "units of bookworm, by systemd", isPackaged: true, play: units },
  { name: "blog of bookworm, autopkgtests", isPackaged: true, play: blog },
  { name: "container of bookworm", isPackaged: true, play: container },
  { name: "tarball on bookworm", isPackaged: true, play: () => tarball("bookworm") },
  { name: "tarball on trixie", isPackaged: true, play: () => tarball("trixie") },
];

async function makePackages(): Promise<void> {
  const args = ["--target", "x86_64", "--level", "1"];
  const { code, stderr } = await run("scripts/package", args, { cwd: PROJECT, timeoutMs: MAKE_MS });
  if (code !== 0) throw new Error(stderr);
}

async function main([name = ""]: readonly string[]): Promise<void> {
  const cases = CASES.filter((each) => each.name.includes(name));
  if (cases.some(({ isPackaged }) => isPackaged)) await makePackages();
  let failed = cases.length === 0 ? 1 : 0;
  for (const { name, play } of cases) {
    const started = Date.now();
    try {
      await play();
      console.log(`${name}: passed, ${Math.round((Date.now() - started) / 1000)} s`);
    } catch (error) {
      failed++;
      console.log(`${name}: FAILED, ${error instanceof Error ? error.stack : error}`);
    }
  }
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}

if (import.meta.main) await main(Deno.args);
