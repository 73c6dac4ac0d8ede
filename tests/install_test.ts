/** scripts/install into a folder of its own, judged by those who use what it puts there: man, systemd, logrotate, lisod. */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parseConfigFile } from "../lib/config/config_file.ts";
import { RUNTIME_ENVIRONMENT } from "../lib/process/daemon.ts";
import { freeLowPort, IS_ROOT, isRunning, kill, procField, waitForEnd, waitUntil } from "./daemon.ts";
import { type Ended, run, startServer } from "./harness.ts";
import { followLinks } from "./links.ts";
import { NO_FILES } from "./config_texts.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** What systemd-analyze may make of the unit at most, in tenths; it was 17 with systemd 252. */
const MAX_EXPOSURE = 20;

/** An installation. Disposing ends its server and removes it. */
class Installation implements AsyncDisposable {
  readonly prefix: string;

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  static async make(): Promise<Installation> {
    const installation = new Installation(await Deno.makeTempDir({ prefix: "lisod-install-" }));
    await Deno.chmod(installation.prefix, 0o755);
    const { code, stderr } = await installation.script("install");
    assertEquals(code, 0, stderr);
    return installation;
  }

  script(name: "install" | "uninstall"): Promise<Ended> {
    return run(join(PROJECT, "scripts", name), ["--prefix", this.prefix]);
  }

  path(name: string): string {
    return join(this.prefix, name);
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** Changes the configuration. */
  configure(pattern: string | RegExp, text: string): void {
    const before = this.read("etc/lisod.conf");
    const after = before.replace(pattern, text);
    assert(after !== before, `${pattern}`);
    Deno.writeTextFileSync(this.path("etc/lisod.conf"), after);
  }

  /** The value of a line of the unit. */
  unit(name: string): string {
    return new RegExp(`^${name}=(.*)$`, "m").exec(this.read("lib/systemd/system/lisod.service"))?.[1] ?? "";
  }

  /** Files below the prefix, with their modes. */
  files(folder = this.prefix): readonly string[] {
    return [...Deno.readDirSync(folder)].flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory) return this.files(path);
      const mode = ((Deno.statSync(path).mode ?? 0) & 0o7777).toString(8);
      return [`${mode} ${path.slice(this.prefix.length + 1)}`];
    }).sort();
  }

  get port(): number {
    return Number(/listening on http:\S+:(\d+)/.exec(this.read("var/log/lisod/lisod.log"))?.[1]);
  }

  async ask(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/`);
    await response.bytes();
    return response.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [pid] = this.#readPids();
    if (pid !== undefined && isRunning(pid)) {
      kill(pid, "SIGKILL");
      await waitForEnd(pid);
    }
    await Deno.remove(this.prefix, { recursive: true });
  }

  #readPids(): readonly number[] {
    try {
      return this.read("run/lisod/lisod.pid").split("\n").map(Number).filter((pid) => pid > 1);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}

Deno.test("scripts/install puts everything in place, and again, and keeps a configuration", async () => {
  await using installation = await Installation.make();
  assertEquals(installation.files(), [
    "640 var/log/lisod/lisod.log",
    "644 etc/lisod.conf",
    "644 etc/logrotate.d/lisod",
    "644 lib/systemd/system/lisod.service",
    "644 lib/systemd/system/lisod.socket",
    "644 share/lisod/www/index.html",
    "644 share/lisod/www/lisod.svg",
    "644 share/lisod/www/style.css",
    "644 share/man/man5/lisod.conf.5",
    "644 share/man/man8/lisod.8",
    "755 sbin/lisod",
  ]);
  assertMatch((await run(installation.path("sbin/lisod"), ["--version"])).text, /^lisod \d/);

  installation.configure("http = 80", "http = 8081");
  const { code, stderr } = await installation.script("install");
  assertEquals(code, 0);
  assertStringIncludes(stderr, `Kept the configuration "${installation.path("etc/lisod.conf")}"`);
  assertStringIncludes(installation.read("etc/lisod.conf"), "\nhttp = 8081\n");
});

Deno.test("scripts/install puts no text in place that names other places than those of the installation", async () => {
  await using installation = await Installation.make();
  const env = { LC_ALL: "C.UTF-8", MANWIDTH: "200" };
  const manual = await run("man", ["--local-file", installation.path("share/man/man8/lisod.8")], { env });
  assertStringIncludes(manual.text, "LISOD(8)");
  // A plain one is a hyphen, which no terminal takes for a minus.
  assertEquals(installation.read("share/man/man8/lisod.8").match(/(?<!\\)-/g), null);
  const names = installation.files().filter((file) => file.startsWith("644")).map((file) => file.split(" ")[1]);
  const texts = names.map((name) => [name, name.endsWith("lisod.8") ? manual.text : installation.read(name)]);
  for (const [name, text] of texts) {
    assertNotMatch(text, /(?<![\w/])\/(?:etc\/lisod|var\/log|run\/lisod\/|usr\/local)/, name);
  }
  const files = manual.text.slice(manual.text.indexOf("FILES"), manual.text.indexOf("EXAMPLES"));
  for (const name of ["etc/lisod.conf", "run/lisod/lisod.pid", "var/log/lisod/lisod.log"]) {
    assertMatch(files, new RegExp(`^ +${installation.path(name)}$`, "m"));
  }
});

Deno.test("the texts of the project name the places that scripts/install fills", async () => {
  // The operator's own.
  const folders = ["/etc/lisod/", "/usr/local/lib/lisod/", "/var/lib/lisod/", "/run/lisod/http.sock/"];
  const names = ["program", "share", "site", "config", "logs", "log", "run", "lock"].map((name) => `"$${name}"`).join(
    " ",
  );
  const script = `. scripts/setup.sh; . scripts/places.sh; read_places; printf '%s\\n' ${names}`;
  const { code, text, stderr } = await run("bash", ["-c", script], { cwd: PROJECT });
  assertEquals(code, 0, stderr);
  const places = text.trimEnd().split("\n");
  const scripts = [
    "installed.html",
    "lisod",
    "lisod.conf",
    "lisod.logrotate",
    "lisod.service",
    "lisod.socket",
    "ddns",
    "lisod-ddns.service",
  ];
  const files = ["readme.txt", "certs/README.txt", "scripts/make_man.ts", ...scripts.map((name) => `scripts/${name}`)];
  for (const file of files) {
    const found = Deno.readTextFileSync(join(PROJECT, file)).matchAll(
      /(?<![\w.\/-])\/(?:etc\/lisod|(?:run|var\/log)\/\S*lisod|usr\/local\/(?:sbin|share|lib)\/lisod|var\/lib\/lisod)[\w.\/-]*/g,
    );
    const named = Array.from(found, ([path]) => path.replace(/[./]+$/, ""));
    const strange = named.filter((path) =>
      !places.includes(path) && !folders.some((folder) => `${path}/`.startsWith(folder))
    );
    assertEquals(strange, [], file);
  }
});

Deno.test("scripts/install serves a first page without a dead link, which leads to no example", async () => {
  await using installation = await Installation.make();
  const config = ["--config", installation.path("etc/lisod.conf"), "--http", "0", "--listen", "127.0.0.1"];
  await using server = await startServer({ commandLine: ({ log }) => [...config, "--log", log, "--foreground"] });
  const { paths, broken } = await followLinks(server.url);
  assertEquals([paths, broken], [["/", "/lisod.svg", "/style.css"], []]);
});

Deno.test("scripts/install puts a configuration in place that is right, also where it is commented out", async () => {
  await using installation = await Installation.make();
  const checked = await run(installation.path("sbin/lisod"), [
    "--config",
    installation.path("etc/lisod.conf"),
    "--check",
  ]);
  assertEquals([checked.code, checked.stderr], [0, ""]);
  const all = installation.read("etc/lisod.conf").replaceAll(/^#(?=\S)/gm, "");
  const [{ settings }] = parseConfigFile({ path: "/etc/lisod.conf", text: all }, NO_FILES);
  const names = [...settings.keys()];
  for (const name of ["root", "http", "https", "key", "certificate", "cgi", "log", "lock", "user"]) {
    assert(names.includes(name), name);
  }
});

Deno.test("scripts/uninstall leaves nothing but what the operator has changed", async () => {
  await using untouched = await Installation.make();
  const removed = await untouched.script("uninstall");
  assertEquals([removed.code, removed.stderr, untouched.files()], [0, "", []]);

  await using changed = await Installation.make();
  changed.configure("http = 80", "http = 81");
  await Deno.writeTextFile(changed.path("var/log/lisod/lisod.log"), "a line\n");
  await Deno.writeTextFile(changed.path("share/lisod/own.txt"), "not ours\n");
  const { code, stderr } = await changed.script("uninstall");
  assertEquals(code, 0);
  assertEquals(changed.files().map((file) => file.split(" ")[1]), [
    "var/log/lisod/lisod.log",
    "etc/lisod.conf",
    "share/lisod/own.txt",
  ]);
  assertStringIncludes(stderr, `Left the configuration "${changed.path("etc/lisod.conf")}"`);
  assertStringIncludes(stderr, `Left the log in "${changed.path("var/log/lisod")}"`);
});

Deno.test("scripts/install and scripts/uninstall refuse what they do not understand", async () => {
  for (const name of ["install", "uninstall"]) {
    for (const args of [["--prefix"], ["--prefix", "here"], ["--prefix=/a b"], ["--destdir=/x"], ["now"]]) {
      const { code, text, stderr } = await run(join(PROJECT, "scripts", name), args);
      assertEquals([code, text], [1, ""], args.join(" "));
      assertMatch(stderr, new RegExp(`^${name}: [^\n]+\n$`));
    }
  }
});

Deno.test("lisod.service gives the runtime the environment that a daemon has", async () => {
  await using installation = await Installation.make();
  const variables = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  assertEquals(installation.unit("Environment"), variables.join(" "));
});

Deno.test("lisod.service is a unit without faults and with little exposure", async () => {
  await using installation = await Installation.make();
  const [unit, socketUnit] = ["service", "socket"].map((kind) => installation.path(`lib/systemd/system/lisod.${kind}`));
  const verified = await run("systemd-analyze", ["verify", "--man=no", unit, socketUnit]);
  assertEquals([verified.code, verified.text, verified.stderr], [0, "", ""]);
  const rated = await run("systemd-analyze", ["security", "--offline=true", `--threshold=${MAX_EXPOSURE}`, unit]);
  assertEquals(rated.code, 0, rated.text.split("\n").at(-2));
});

Deno.test({
  name: "lisod.service starts, reloads and stops the server as its user, with its rights, on a port below 1024",
  ignore: !IS_ROOT,
  fn: async () => {
    await using installation = await Installation.make();
    installation.configure("http = 80", `http = ${freeLowPort()}`);
    const [user, group, capability] = ["User", "Group", "AmbientCapabilities"].map((name) => installation.unit(name));
    const right = capability.replace("CAP_", "").toLowerCase();
    const words = [`--reuid=${user}`, `--regid=${group}`, "--clear-groups", "--no-new-privs"].concat(
      [`--inh-caps=-all,+${right}`, `--ambient-caps=-all,+${right}`, `--bounding-set=-all,+${right}`, "--"],
      installation.unit("ExecStart").split(" "),
    );
    const server = new Deno.Command("setpriv", { args: words, clearEnv: true, stderr: "piped" }).spawn();
    await waitUntil(() => installation.read("var/log/lisod/lisod.log").includes("listening on"), "it listens");
    assertEquals(await installation.ask(), 200);
    assertEquals(procField(server.pid, "NoNewPrivs"), "1");
    const reload = installation.unit("ExecReload").replace("$MAINPID", `${server.pid}`);
    assertEquals((await run("sh", ["-c", reload])).code, 0);
    await waitUntil(() => installation.read("var/log/lisod/lisod.log").includes("INFO main: reloaded"), "it reloads");
    server.kill("SIGTERM");
    const { code, stderr } = await server.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assertNotMatch(installation.read("var/log/lisod/lisod.log"), / (?:WARN|ERROR) /);
  },
});

Deno.test({
  name: "lisod.logrotate rotates the log of a server that has left root",
  ignore: !IS_ROOT,
  fn: async () => {
    await using installation = await Installation.make();
    installation.configure("http = 80", "http = 0\nlog-flush-ms = 1ms");
    installation.configure("#user = www-data", "user = www-data");
    const [rotation, log] = [installation.path("etc/logrotate.d/lisod"), installation.path("var/log/lisod/lisod.log")];
    const state = ["--state", installation.path("logrotate.state")];
    const tried = await run("logrotate", ["--debug", ...state, rotation]);
    assertEquals(tried.code, 0);
    assertNotMatch(tried.stderr, /error/i);

    const config = installation.path("etc/lisod.conf");
    const started = await run(installation.path("sbin/lisod"), ["--config", config, "--daemon"]);
    assertEquals([started.code, started.stderr], [0, ""]);
    const { port } = installation;
    const first = Deno.readTextFileSync(log);
    const rotated = await run("logrotate", ["--force", ...state, rotation]);
    assertEquals([rotated.code, rotated.stderr], [0, ""]);
    await waitUntil(() => Deno.readTextFileSync(log).includes("opened this log"), "the new log is open");
    await (await fetch(`http://127.0.0.1:${port}/`)).bytes();
    await waitUntil(() => Deno.readTextFileSync(log).includes('"GET / HTTP/1.1" 200'), "the new log has the access");
    assertEquals(Deno.readTextFileSync(`${log}.1`), first);
    assertEquals((Deno.statSync(log).mode ?? 0) & 0o7777, 0o640);
  },
});
