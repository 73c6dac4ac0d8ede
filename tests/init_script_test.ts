/** scripts/lisod as an operator without systemd uses it: what it says, its exit status, and what runs afterwards. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { DaemonSite, IS_ROOT, isRunning, kill, NOBODY, SELF, type User, USERS, waitForEnd } from "./daemon.ts";
import { type Ended, run } from "./harness.ts";

const SCRIPT = join(import.meta.dirname ?? ".", "..", "scripts", "lisod");

/** A site with a configuration file, and the script where its user can run it. */
class Service implements AsyncDisposable {
  readonly site: DaemonSite;
  readonly config: string;
  /** How long `stop` waits. */
  stopSeconds = 10;

  private constructor(site: DaemonSite) {
    this.site = site;
    this.config = join(site.folder, "lisod.conf");
  }

  static async make(user: User): Promise<Service> {
    const service = new Service(await DaemonSite.make(user));
    await Deno.copyFile(SCRIPT, join(service.site.folder, "service"));
    await service.configure();
    return service;
  }

  /** Writes the configuration, with relative paths; `more` are further lines. */
  async configure(...more: readonly string[]): Promise<void> {
    const lines = ["# a test", "http = 0", "root = www", "log = lisod.log", " lock\t=  lisod.pid ", ...more];
    await Deno.writeTextFile(this.config, lines.join("\n") + "\n");
  }

  /** Runs the script on the configuration, the binary being the lisod of PATH. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.as(this.site.user, "--config", this.config, ...args);
  }

  as(user: User, ...args: readonly string[]): Promise<Ended> {
    const [program, ...words] = [...user.prefix, join(this.site.folder, "service"), ...args];
    const env = {
      PATH: `${join(this.site.binary, "..")}:/usr/sbin:/usr/bin:/sbin:/bin`,
      LISOD_STOP_SECONDS: `${this.stopSeconds}`,
    };
    return run(program, words, { cwd: "/", env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site[Symbol.asyncDispose]();
  }
}

function outcome({ code, text, stderr }: Ended): [number, string, string] {
  return [code, text, stderr];
}

for (const user of USERS) {
  const test = (name: string, body: (service: Service) => Promise<void>) =>
    Deno.test(`scripts/lisod ${name}, as ${user.name}`, async () => {
      await using service = await Service.make(user);
      await body(service);
    });

  test("starts, shows, reloads and stops the daemon", async (service) => {
    const { site } = service;
    assertEquals(outcome(await service.run("status")), [3, "lisod does not run\n", ""]);
    assertEquals(outcome(await service.run("stop")), [0, "lisod does not run\n", ""]);
    assertEquals(outcome(await service.run("reload")), [7, "", "lisod: lisod does not run\n"]);
    assertEquals(outcome(await service.run("try-restart")), [0, "", ""]);
    assertEquals(site.processes(), []);

    const started = await service.run("start");
    const { pid } = site;
    assertEquals(outcome(started), [0, `lisod serves, process ${pid}\n`, ""]);
    assertEquals(await site.ask(), 200);
    assertEquals(outcome(await service.run("start")), [0, `lisod runs already, process ${pid}\n`, ""]);

    const status = await service.run("status");
    assertEquals(status.code, 0, status.stderr);
    const fields = Object.fromEntries(
      status.text.split("\n").slice(1, -1).map((line) => line.trim().split(/ {2,}/)),
    );
    assertEquals(status.text.split("\n")[0], "lisod runs");
    assertMatch(fields.Process, new RegExp(`^${pid}, user `));
    assertMatch(fields["Up for"], /^[\d:-]+$/);
    assertEquals([fields.Ports, fields.Config, fields.Log], [`${site.port()}`, service.config, site.log]);

    for (const action of ["reload", "force-reload"]) {
      const { code, text } = await service.run(action);
      assertEquals([code, text], [0, `lisod reloads, process ${pid}; its log says what was wrong\n`]);
    }
    assertEquals(outcome(await service.run("stop")), [0, "lisod has stopped\n", ""]);
    // Its lock is free a moment before the system has taken it away.
    await waitForEnd(pid);
    assertStringIncludes(site.logText(), "INFO main: reloaded");
  });

  test("restarts with the configuration as it is now", async (service) => {
    const { site } = service;
    await service.run("start");
    const first = site.pid;
    await service.configure("listing = on", "https = 0", "key = server.key", "certificate = server.crt");
    for (const action of ["restart", "try-restart"]) {
      assertEquals((await service.run(action)).code, 0);
      assertNotEquals(site.pid, first);
      assertEquals([await site.ask(), await site.ask("https")], [200, 200]);
    }
    const ports = [site.port(), site.port("https")].sort((a, b) => a - b).join(" ");
    assertMatch((await service.run("status")).text, new RegExp(`^ +Ports  ${ports}$`, "m"));
    assertEquals(site.processes(), [site.pid]);
  });

  test("leaves the old daemon alone when the new configuration is wrong", async (service) => {
    const { site } = service;
    await service.run("start");
    const { pid } = site;
    const table = [
      {
        line: "htpp = 80",
        want: `lisod: ${service.config}:6 "htpp": unknown option: did you mean http? Else see lisod --help\n`,
      },
      {
        line: "error-pages = nowhere",
        want: `lisod: ${service.config}:6: error-pages "${site.folder}/nowhere": does not exist`,
      },
    ];
    for (const { line, want } of table) {
      await service.configure(line);
      for (const action of ["restart", "try-restart"]) {
        const { code, text, stderr } = await service.run(action);
        assertEquals([code, text], [6, ""]);
        assert(stderr.startsWith(want), stderr);
        assert(stderr.endsWith("lisod: The configuration is wrong, nothing was restarted\n"), stderr);
        assertEquals([site.pid, await site.ask()], [pid, 200]);
      }
    }
    await service.run("stop");
    assertEquals([(await service.run("start")).code, site.processes()], [1, []]);
    await service.configure("htpp = 80");
    assertEquals([(await service.run("start")).code, site.processes()], [6, []]);
  });

  test("tells a daemon that was killed from one that runs", async (service) => {
    const { site } = service;
    await service.run("start");
    const { pid } = site;
    kill(pid, "SIGKILL");
    await waitForEnd(pid);
    const want = `lisod was killed: the lock file "${site.lock}" is left from process ${pid}\n`;
    assertEquals(outcome(await service.run("status")), [1, want, ""]);
    // Whoever has that number now is not ours to signal.
    await Deno.writeTextFile(site.lock, "1\n");
    assertEquals((await service.run("status")).code, 1);
    assertEquals((await service.run("reload")).code, 7);
    assertEquals((await service.run("stop")).text, "lisod does not run\n");
    assertEquals((await service.run("start")).code, 0);
    assertEquals(await site.ask(), 200);
  });
}

Deno.test("scripts/lisod says what keeps it from its work", async () => {
  await using service = await Service.make(SELF);
  const { site, config } = service;
  const as = (...args: readonly string[]) => service.as(SELF, ...args);
  using taken = Deno.listen({ port: 0, hostname: "0.0.0.0" });
  const { port } = taken.addr as Deno.NetAddr;
  const table: readonly [readonly string[], number, RegExp][] = [
    [[], 2, /^Usage: lisod/],
    [["begin"], 2, /^lisod: "begin" is unknown, see lisod --help\n$/],
    [["start", "stop"], 2, /^lisod: "stop": one action at a time\n$/],
    [["status", "--config"], 2, /^lisod: --config: its value is missing: give a FILE\n$/],
    [["--config=/none", "start"], 6, /^lisod: Cannot find the configuration "\/none"\n$/],
    [["--config=/none", "status"], 4, /^lisod: Cannot find the configuration "\/none"\n$/],
    [["--config=/dev/null", "start"], 6, /^lisod: Cannot find the configuration/],
  ];
  for (const [args, code, want] of table) {
    const ended = await as(...args);
    assertEquals([ended.code, ended.text], [code, ""], args.join(" "));
    assertMatch(ended.stderr, want);
  }
  const help = await as("--help");
  assertEquals([help.code, help.text.startsWith("Usage: lisod"), help.stderr], [0, true, ""]);

  await Deno.writeTextFile(config, "root = www\n# lock = /x\n");
  assertEquals((await as("--config", config, "start")).code, 6);
  assertMatch((await as("--config", config, "start")).stderr, /no lock file is named: add a line such as lock = /);

  await service.configure();
  await Deno.writeTextFile(config, (await Deno.readTextFile(config)).replace("http = 0", `http = ${port}`));
  const { code, text, stderr } = await service.run("start");
  assertEquals([code, text, site.processes()], [1, "", []]);
  assertStringIncludes(stderr, `lisod: ${config}:2: http "${port}": already in use`);
});

Deno.test("scripts/lisod takes the binary beside its folder, else that of PATH, and says when there is none", async () => {
  await using service = await Service.make(SELF);
  const { site, config } = service;
  const start = (env: Record<string, string>) =>
    run(join(site.folder, "scripts/lisod"), ["--config", config, "start"], { env, clearEnv: true });
  await Deno.mkdir(join(site.folder, "scripts"));
  await Deno.copyFile(SCRIPT, join(site.folder, "scripts/lisod"));
  const missing = await start({ PATH: "/usr/bin:/bin" });
  assertEquals(outcome(missing), [5, "", "lisod: Cannot find the program lisod\n"]);
  await Deno.symlink(site.binary, join(site.folder, "lisod"));
  assertEquals((await start({ PATH: "/usr/bin:/bin" })).code, 0);
  assertEquals(await site.ask(), 200);
});

Deno.test("scripts/lisod shows the state in colour when it speaks to a terminal", async () => {
  await using service = await Service.make(SELF);
  const status = async (env: Record<string, string>) => {
    const command = `${join(service.site.folder, "service")} --config ${service.config} status`;
    return (await run("script", ["-qec", command, "/dev/null"], { env })).text;
  };
  // The run of all tests sets NO_COLOR.
  const inColour = { NO_COLOR: "" };
  assertStringIncludes(await status(inColour), "\x1b[1;31m●\x1b[0m lisod does not run");
  await service.run("start");
  assertStringIncludes(await status(inColour), "\x1b[1;32m●\x1b[0m lisod runs");
  assertMatch(await status({ NO_COLOR: "1" }), /^lisod runs\r\n/);
});

Deno.test("scripts/lisod says that a daemon is still at work when it does not stop in time", async () => {
  await using service = await Service.make(SELF);
  const { site } = service;
  await Deno.writeFile(join(site.root, "big"), new Uint8Array(32 << 20));
  await service.run("start");
  const { pid } = site;
  using download = await Deno.connect({ port: site.port(), hostname: "127.0.0.1" });
  await download.write(new TextEncoder().encode("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  await download.read(new Uint8Array(1));
  service.stopSeconds = 1;
  const stopped = await service.run("stop");
  const want = `lisod: Process ${pid} has not ended within 1 s; kill ${pid} ends it at once, whatever it serves\n`;
  assertEquals(outcome(stopped), [1, "", want]);
  assertEquals(isRunning(pid), true);
  kill(pid, "SIGTERM");
  await waitForEnd(pid);
});

Deno.test({
  name: "scripts/lisod says that it cannot tell when the lock file is for others to read",
  ignore: !IS_ROOT,
  fn: async () => {
    await using service = await Service.make(SELF);
    await service.run("start");
    for (const action of ["status", "start", "stop", "reload", "try-restart"]) {
      const ended = await service.as(NOBODY, "--config", service.config, action);
      assertEquals(outcome(ended), [4, "", `lisod: Cannot read the lock file "${service.site.lock}"\n`], action);
    }
    assertEquals(await service.site.ask(), 200);
  },
});
