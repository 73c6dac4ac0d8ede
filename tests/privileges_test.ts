/**
 * Whom the server runs as. Started as root with --user it must have nothing left of root, and all that it does later, the
 * log, the lock and reloading, must still work. Tests that need root are ignored for others, and reported so.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  DaemonSite,
  freeLowPort,
  IS_ROOT,
  kill,
  NOBODY,
  procField,
  SELF,
  type User,
  waitForEnd,
  waitUntil,
} from "./daemon.ts";
import { run } from "./harness.ts";
import { makeCertificates, renewPair } from "./https.ts";
import { PrintedText } from "./printed_text.ts";

const AS_NOBODY = ["--user", NOBODY.name];
/** Sets of capabilities as /proc shows them. */
const NO_CAPABILITY = "0".repeat(16);
const NET_BIND_SERVICE = "0000000000000400";
const PROMPT_LOG = ["--log-flush-ms=1ms"];
/** Containers often let everybody have every port. */
const FIRST_FREE_PORT = Number(Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
/** Not root's and not in use on any machine, as nothing is told to listen on it (RFC 863 discard). */
const LOW_PORT = 9;

function rootTest(
  name: string,
  body: (site: DaemonSite) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !IS_ROOT,
    fn: async () => {
      await using site = await DaemonSite.make();
      await body(site);
    },
  });
}

/** The message of a start that must fail. */
async function refusal(site: DaemonSite, args: readonly string[]): Promise<string> {
  const { code, text, stderr } = await site.lisod(args);
  assertEquals([code, text], [1, ""], stderr);
  return stderr;
}

/** Root of a login has groups of its own. */
const LOGIN: User = { ...SELF, prefix: ["setpriv", "--groups", "4,27", "--"] };

interface Dropped {
  readonly uid: number;
  readonly gid: number;
  /** What may be left among the permitted capabilities. */
  readonly permitted?: string;
}

function assertDropped(pid: number, { uid, gid, permitted = NO_CAPABILITY }: Dropped): void {
  const threads = Array.from(Deno.readDirSync(`/proc/${pid}/task`), ({ name }) => Number(name));
  assert(threads.length > 1);
  for (const thread of threads) {
    const field = (name: string) => procField(pid, name, thread);
    assertEquals([field("Uid"), field("Gid")], [Array(4).fill(uid).join("\t"), Array(4).fill(gid).join("\t")]);
    assertEquals(field("Groups"), "");
    for (const kind of ["CapInh", "CapEff", "CapAmb"]) assertEquals(field(kind), NO_CAPABILITY, kind);
    // A thread that was started after the drop has what the main thread keeps.
    assert([NO_CAPABILITY, permitted].includes(field("CapPrm")), field("CapPrm"));
  }
}

rootTest("dropPrivileges() leaves no thread anything of root when --user is given to a daemon", async () => {
  await using site = await DaemonSite.make(LOGIN);
  const port = freeLowPort();
  const table: readonly (Dropped & { readonly args: readonly string[] })[] = [
    { args: [...site.named(port), ...AS_NOBODY], uid: 65534, gid: 65534 },
    { args: [...site.named(port), "--user", "www-data"], uid: 33, gid: 33 },
    { args: [...site.named(port), ...AS_NOBODY, "--group", "www-data"], uid: 65534, gid: 33 },
    { args: [...site.positional(port), "--user", "www-data", "--group", "nogroup"], uid: 33, gid: 65534 },
    // HTTPS may have to listen there again, with a new certificate.
    {
      args: [...site.positional().with(1, `${port}`), ...AS_NOBODY],
      uid: 65534,
      gid: 65534,
      permitted: NET_BIND_SERVICE,
    },
  ];
  for (const { args, ...dropped } of table) {
    const pid = await site.start(args);
    assertEquals(await site.ask(), 200);
    assertDropped(pid, dropped);
    assert(!site.logText().includes("running as root"));
    kill(pid, "SIGTERM");
    await waitForEnd(pid);
    assertEquals(await Deno.readTextFile(site.lock), "", "the lock is given back after the drop");
  }
});

rootTest("dropPrivileges() leaves no thread anything of root when --user is given in the foreground", async (site) => {
  const [program, ...prefix] = LOGIN.prefix;
  const words = [site.binary, ...site.named().slice(0, -1), ...AS_NOBODY, ...PROMPT_LOG];
  const server = new Deno.Command(program, { args: [...prefix, ...words] }).spawn();
  await waitUntil(() => site.logText().includes("running as user nobody"), "it serves");
  assertDropped(server.pid, NOBODY);
  server.kill();
  assertEquals((await server.status).code, 0);
});

rootTest("dropPrivileges() keeps the server from what only root may read when --user is given", async (site) => {
  for (const [args, want] of [[[], 200], [AS_NOBODY, 403]] as const) {
    const pid = await site.start([...site.named().map((word) => word === site.root ? "/etc" : word), ...args]);
    assertEquals([await site.ask("http", "/passwd"), await site.ask("http", "/shadow")], [200, want]);
    kill(pid, "SIGTERM");
    await waitForEnd(pid);
  }
});

rootTest("lisod warns when it serves as root", async (site) => {
  for (const args of [[], ["--user", "root"]]) {
    const pid = await site.start([...site.named(), ...args]);
    assertStringIncludes(site.logText(), "WARN main: running as root: --user NAME would take away");
    kill(pid, "SIGTERM");
    await waitForEnd(pid);
    await Deno.remove(site.log);
  }
});

Deno.test("lisod does not speak of root when it is started as an ordinary user", async () => {
  await using site = await DaemonSite.make(IS_ROOT ? NOBODY : SELF);
  await site.start();
  assert(!site.logText().includes("root:"), site.logText());
  const pid = site.pid;
  kill(pid, "SIGTERM");
  await waitForEnd(pid);
  assertEquals(
    await refusal(site, [...site.named(), "--user", "root"]),
    'lisod: --user "root": not root: start as root, or without it\n',
  );
});

rootTest("findIdentity() refuses a user or group that does not exist", async (site) => {
  assertStringIncludes(await refusal(site, [...site.named(), "--user", "no-one"]), '--user "no-one": no such user');
  const args = [...site.named(), ...AS_NOBODY, "--group", "no-group"];
  assertStringIncludes(await refusal(site, args), '--group "no-group": no such group');
});

rootTest("giveFile() gives the logs to the user and leaves the lock to root", async (site) => {
  const accessLog = join(site.folder, "access.log");
  await Deno.writeTextFile(site.log, "an older line\n", { mode: 0o640 });
  await Deno.chown(site.log, 0, 4);
  await site.start([...site.named(), "--access-log", accessLog, ...AS_NOBODY]);
  const owners = [site.log, accessLog, site.lock].map((path) => {
    const { uid, gid, mode } = Deno.statSync(path);
    return [uid, gid, (mode ?? 0) & 0o7777];
  });
  assertEquals(owners, [[65534, 65534, 0o640], [65534, 65534, 0o640], [0, 0, 0o640]]);
  assertMatch(site.logText(), /^an older line\n/);
});

rootTest("giveFile() keeps the group when the file is the user's already", async (site) => {
  await Deno.writeTextFile(site.log, "", { mode: 0o640 });
  await Deno.chown(site.log, NOBODY.uid, 4);
  await site.start([...site.named(), ...AS_NOBODY]);
  assertEquals(Deno.statSync(site.log).gid, 4);
});

rootTest("giveFile() refuses a link and leaves a device alone when it is the log", async (site) => {
  const victim = join(site.folder, "victim");
  const before = Deno.statSync("/dev/null");
  await Deno.writeTextFile(victim, "root's own\n", { mode: 0o600 });
  await Deno.symlink(victim, site.log);
  const args = [...site.named(), ...AS_NOBODY];
  assertStringIncludes(await refusal(site, args), `--log "${site.log}": is a symbolic link: with --user, name a file`);
  await Deno.remove(site.log);
  await Deno.link(victim, site.log);
  assertStringIncludes(await refusal(site, args), `--log "${site.log}": has a second name (hard link)`);
  assertEquals([Deno.statSync(victim).uid, Deno.readTextFileSync(victim)], [0, "root's own\n"]);
  await site.start([...site.named().map((word) => word === site.log ? "/dev/null" : word), ...AS_NOBODY]);
  assertEquals([Deno.statSync("/dev/null").uid, Deno.statSync("/dev/null").mode], [before.uid, before.mode]);
});

rootTest("Log.reopen() works after the drop when logrotate has made the new file", async (site) => {
  const pid = await site.start([...site.named(), ...AS_NOBODY, ...PROMPT_LOG]);
  const port = site.port();
  const ask = async () => await (await fetch(`http://127.0.0.1:${port}/`)).bytes();
  const old = `${site.log}.1`;

  // The folder is root's: without a new file the server can make none, and goes on in the old one.
  await Deno.rename(site.log, old);
  kill(pid, "SIGUSR1");
  await waitUntil(
    () =>
      Deno.readTextFileSync(old).includes(
        `ERROR log: The file that is open stays: --log "${site.log}": permission denied`,
      ),
    "it said so",
  );
  await ask();
  await waitUntil(() => Deno.readTextFileSync(old).includes('"GET / HTTP/1.1" 200'), "the old log has the access");

  // What "create 640 nobody nogroup" of logrotate does.
  await Deno.writeTextFile(site.log, "", { mode: 0o640 });
  await Deno.chown(site.log, NOBODY.uid, NOBODY.gid);
  kill(pid, "SIGUSR1");
  await waitUntil(() => site.logText().includes("opened this log"), "the new log is open");
  await ask();
  await waitUntil(() => site.logText().includes('"GET / HTTP/1.1" 200'), "the new log has the access");
});

/** Certificates of a site's own, and what asks a running server for the one that it serves. */
async function makeRenewable(site: DaemonSite, port: number) {
  const folder = join(site.folder, "certs");
  const certificates = await makeCertificates(folder, "localhost", "first.example");
  const { key, certificate } = certificates;
  const renew = (name: string) => renewPair(certificates, ["localhost", name]);
  await Deno.chmod(folder, 0o755);
  const args = ["--https", `${port}`, "--key", key, "--certificate", certificate, ...AS_NOBODY, ...PROMPT_LOG];
  const served = async () => {
    const show = `openssl s_client -connect 127.0.0.1:${site.port("https")} </dev/null 2>/dev/null`;
    const { text } = await run("sh", ["-c", `${show} | openssl x509 -noout -ext subjectAltName`]);
    return /DNS:(\w+)\.example/.exec(text)?.[1];
  };
  const showToGroup = async () => {
    await Deno.chown(key, 0, NOBODY.gid);
    await Deno.chmod(key, 0o640);
  };
  return { key, args: [...site.named(), ...args], renew, served, showToGroup };
}

rootTest(
  "reloadAll() keeps the certificate and says so when the key is for root alone after the drop",
  async (site) => {
    const { key, args, renew, served } = await makeRenewable(site, 0);
    const pid = await site.start(args);
    assertStringIncludes(site.logText(), `WARN main: --key "${key}" cannot be read by nobody: SIGHUP will keep`);
    await renew("second.example");
    kill(pid, "SIGHUP");
    const refusal = `ERROR main: Not read again, this alone stays as it was: --key "${key}": permission denied`;
    await waitUntil(() => site.logText().includes(refusal), "it said so");
    assertEquals(await served(), "first");
  },
);

for (
  const { where, options } of [
    { where: "any port", options: ["--workers", "1"] },
    { where: "a port below 1024", options: ["--workers", "1"] },
    { where: "any port", options: ["--workers", "2"] },
    { where: "a port below 1024", options: ["--workers", "2"] },
    { where: "any port", options: ["--native", "off"] },
  ]
) {
  rootTest(
    `reload() takes a new certificate for ${where} after the drop when the group may read the key, ${
      options.join(" ")
    }`,
    async (site) => {
      const port = where === "any port" ? 0 : freeLowPort();
      const { args, renew, served, showToGroup } = await makeRenewable(site, port);
      await showToGroup();
      const pid = await site.start([...args, ...options]);
      assert(!site.logText().includes("SIGHUP will keep"));
      assertEquals(await served(), "first");
      for (const [index, name] of ["second", "third"].entries()) {
        await renew(`${name}.example`);
        await showToGroup();
        kill(pid, "SIGHUP");
        await waitUntil(() => site.logText().split("INFO main: reloaded").length === index + 2, "it has reloaded");
        assertEquals(await Promise.all(Array.from({ length: 8 }, served)), Array(8).fill(name));
      }
      // The right that this took is at rest again.
      const permitted = where === "any port" ? NO_CAPABILITY : NET_BIND_SERVICE;
      assertDropped(pid, { ...NOBODY, permitted });
    },
  );
}

rootTest("replace() keeps the old listener of a port below 1024 after the drop, --native off", async (site) => {
  const { args, renew, served, showToGroup } = await makeRenewable(site, freeLowPort());
  await showToGroup();
  const pid = await site.start([...args, "--native", "off"]);
  assertStringIncludes(site.logText(), "WARN https: A new certificate takes a restart: the socket stays with root\n");
  await renew("second.example");
  await showToGroup();
  kill(pid, "SIGHUP");
  const refusal =
    /ERROR main: Not read again, this alone stays as it was: --https "\d+": only root may listen there again/;
  await waitUntil(() => refusal.test(site.logText()), "it said so");
  assertEquals(await served(), "first");
  assertDropped(pid, { ...NOBODY, permitted: NO_CAPABILITY });
});

rootTest("leaveRoot() says which groups stay, and that none do when there are none, --native off", async (site) => {
  const groups = "WARN main: supplementary groups stay";
  for (
    const [prefix, want] of [[["--groups=0,4"], `${groups} (0, 4): start through`], [["--clear-groups"], null]] as const
  ) {
    const args = [...site.named().slice(0, -1), "--foreground", "--user", "nobody", "--native", "off"];
    const server = new Deno.Command("setpriv", { args: [...prefix, site.binary, ...args] }).spawn();
    await waitUntil(() => site.logText().includes("permissions of the runtime"), "it serves");
    assertEquals(site.logText().includes(want ?? groups), want !== null, site.logText());
    kill(server.pid, "SIGTERM");
    assertEquals((await server.status).code, 0);
    await Deno.remove(site.log);
  }
});

Deno.test({
  name: "listenTcp() says what a port below 1024 needs when the server is not root",
  ignore: FIRST_FREE_PORT <= LOW_PORT,
  fn: async () => {
    await using site = await DaemonSite.make(IS_ROOT ? NOBODY : SELF);
    assertEquals(
      await refusal(site, site.positional(LOW_PORT)),
      `lisod: <HTTP port> "${LOW_PORT}": permission denied: ports below 1024 need root or CAP_NET_BIND_SERVICE ` +
        "(setcap cap_net_bind_service=+ep lisod); or give another port\n",
    );
  },
});

rootTest("listenTcp() gets a port below 1024 when the server has CAP_NET_BIND_SERVICE alone", async (root) => {
  const capability = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", "--"];
  const user = { ...NOBODY, prefix: [...NOBODY.prefix.slice(0, -1), ...capability] };
  await using site = await DaemonSite.make(user);
  const script = join(site.folder, "script.sh");
  await Deno.writeTextFile(script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; grep ^Cap /proc/self/status\n");
  const pid = await site.start([...site.named(freeLowPort()), "--cgi", script]);
  assertEquals(await site.ask(), 200);
  assertEquals(procField(pid, "CapEff"), NET_BIND_SERVICE);
  const shown = await (await fetch(`http://127.0.0.1:${site.port()}/cgi/`)).text();
  assertEquals(
    shown.match(/^Cap(?!Bnd)\w+:\t.*$/gm),
    ["Inh", "Prm", "Eff", "Amb"].map((kind) => `Cap${kind}:\t${NO_CAPABILITY}`),
  );

  // As the message says it.
  const binary = join(root.folder, "lisod");
  await Deno.copyFile(site.binary, binary);
  assertEquals((await run("setcap", ["cap_net_bind_service=+ep", binary])).code, 0);
  const [program, ...words] = [...NOBODY.prefix, binary, "--http", `${freeLowPort()}`, "--root", root.root];
  const server = new Deno.Command(program, { args: words, stderr: "piped" }).spawn();
  const reader = new PrintedText(server.stderr);
  const text = await reader.until((text) => text.includes("listening on"));
  server.kill();
  await reader.cancel();
  await server.status;
  assertMatch(text, /INFO main: listening on http:/);
});
