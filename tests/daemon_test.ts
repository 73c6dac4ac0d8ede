/** The daemon as an operator meets it: start, what it is detached from, and the lock file. Each as root and as nobody. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { RUNTIME_ENVIRONMENT } from "../lib/process/daemon.ts";
import { DaemonSite, isRunning, kill, procField, readLink, readProc, USERS, waitForEnd } from "./daemon.ts";
import { run, startServer, takenWay } from "./harness.ts";

for (const user of USERS) {
  const test = (name: string, body: (site: DaemonSite) => Promise<void>) =>
    Deno.test(`${name}, as ${user.name}`, async () => {
      await using site = await DaemonSite.make(user);
      await body(site);
    });

  test("lisod returns 0 and is silent when its daemon listens and holds the lock", async (site) => {
    for (const [args, schemes] of [[site.positional(), ["http", "https"]], [site.named(), ["http"]]] as const) {
      const { code, text, stderr } = await site.lisod(args);
      assertEquals({ code, text, stderr }, { code: 0, text: "", stderr: "" });
      // At once: the command waited for both.
      for (const scheme of schemes) assertEquals(await site.ask(scheme), 200);
      const holder = await run("flock", ["--nonblock", site.lock, "true"]);
      assertEquals(holder.code, 1, "somebody else got the lock");
      assert(isRunning(site.pid));
      kill(site.pid, "SIGTERM");
      await waitForEnd(site.pid);
    }
  });

  test("lisod has a session of its own and no terminal when it is a daemon", async (site) => {
    const pid = await site.start();
    const [parent, group, session, terminal] = readProc(pid, "stat").split(") ")[1].split(" ").slice(1).map(Number);
    assertEquals({ group, session, terminal }, { group: pid, session: pid, terminal: 0 });
    assertNotEquals(parent, Deno.pid);
    assertEquals(readProc(pid, "comm"), "lisod\n");
    assertEquals(procField(pid, "Umask"), "0027");
    assertEquals(procField(pid, "Uid"), Array(4).fill(user.uid).join("\t"));
    assertEquals(readLink(`/proc/${pid}/cwd`), "/");
    // The runtime alone cannot make the log its standard error.
    const errors = takenWay() === "native" ? site.log : "/dev/null";
    assertEquals([0, 1, 2].map((fd) => readLink(`/proc/${pid}/fd/${fd}`)), ["/dev/null", "/dev/null", errors]);
  });

  test("lisod lets the runtime look at its sockets in each turn when it is a daemon", async (site) => {
    const variables = readProc(await site.start(), "environ").split("\0");
    for (const [name, value] of Object.entries(RUNTIME_ENVIRONMENT)) {
      assertEquals(variables.filter((variable) => variable.startsWith(name)), [`${name}=${value}`]);
    }
  });

  test("lisod keeps nothing open that the command had inherited when it is a daemon", async (site) => {
    // Descriptors 8 and 9: a pipe, and a lock that a script holds while it starts the server.
    const script = '(exec "$@") 8>&1 9>"$0"';
    const [program, ...words] = [...user.prefix, "bash", "-c", script, "script.lock", site.binary, ...site.named()];
    const { code, stderr } = await run(program, words, { cwd: site.folder });
    assertEquals([code, stderr], [0, ""]);
    const links = [...Deno.readDirSync(`/proc/${site.pid}/fd`)].map(({ name }) =>
      readLink(`/proc/${site.pid}/fd/${name}`)
    );
    assertEquals(links.filter((link) => link.includes("script.lock") || link.startsWith("pipe:")), []);
    assertEquals(links.includes(site.log), true);
  });

  test("lisod outlives its terminal when it is a daemon", async (site) => {
    const command = [site.binary, ...site.positional()].join(" ");
    const [program, ...words] = [...user.prefix, "script", "-qec", `tty && ${command}`, "/dev/null"];
    const { code, text } = await run(program, words, { cwd: site.folder });
    assertEquals(code, 0, text);
    assertMatch(text, /^\/dev\/pts\/\d+\s*$/, "there was a terminal, and nothing was written to it");
    assertEquals(await site.ask(), 200);
  });

  test("lisod returns 1 with one line and leaves nothing when its daemon cannot start", async (site) => {
    using taken = Deno.listen({ port: 0, hostname: "0.0.0.0" });
    const { port } = taken.addr as Deno.NetAddr;
    const nowhere = join(site.folder, "none", "file");
    const table: readonly { readonly args: readonly string[]; readonly want: string }[] = [
      { args: site.positional(port), want: `lisod: <HTTP port> "${port}": already in use: stop what uses it` },
      { args: site.positional().with(1, `${port}`), want: `lisod: <HTTPS port> "${port}": already in use` },
      { args: site.named(port), want: `lisod: --http "${port}": already in use` },
      { args: [...site.named(), "--listen", "192.0.2.1"], want: "not an address of this machine" },
      {
        args: [...site.positional().with(3, nowhere)],
        want: `lisod: <lock file> "${nowhere}": its folder does not exist`,
      },
      {
        args: [...site.positional().with(2, nowhere)],
        want: `lisod: <log file> "${nowhere}": its folder does not exist`,
      },
      { args: [...site.positional().with(4, nowhere)], want: `lisod: <www folder> "${nowhere}": does not exist` },
      { args: [...site.positional().with(3, "/dev/null")], want: 'lisod: <lock file> "/dev/null": not a regular file' },
      { args: [...site.positional().with(6, nowhere)], want: `lisod: <private key file> "${nowhere}": does not exist` },
      { args: [...site.named(), "--daemon-start-ms=1ms"], want: "did not serve within 1 ms and was killed" },
    ];
    for (const { args, want } of table) {
      const { code, text, stderr } = await site.lisod(args);
      assertEquals([code, text], [1, ""], want);
      assertStringIncludes(stderr, want);
      assertMatch(stderr, /^lisod: [^\n]+\n$/);
      assertEquals(site.processes(), [], want);
    }
    const temporary = await site.lisod(site.named(), { TMPDIR: nowhere });
    assertEquals(
      temporary.stderr,
      `lisod: TMPDIR "${nowhere}": does not exist: set it to a folder where this user may write\n`,
    );
  });

  test("lisod ends its daemon when it is stopped while it waits", async (site) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const { command, daemon } = await site.startHalfway();
      kill(daemon, "SIGSTOP"); // so that it cannot come to serve before the signal
      command.kill(signal);
      const { code, stderr } = await command.output();
      const want = "lisod: The command was stopped before the daemon served\n";
      assertEquals([code, new TextDecoder().decode(stderr), isRunning(daemon)], [1, want, false]);
    }
  });

  test("lisod says how its daemon ended when that was killed at its start", async (site) => {
    const { command, daemon } = await site.startHalfway();
    kill(daemon, "SIGKILL");
    const { code, stderr } = await command.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [1, "lisod: The daemon ended with SIGKILL\n"]);
  });

  test("LockFile holds the pid alone when there was other text", async (site) => {
    await Deno.writeTextFile(site.lock, "1234567890\nsecond line\n\0\0\0");
    await Deno.chown(site.lock, user.uid, user.gid);
    const pid = await site.start();
    assertEquals(await Deno.readTextFile(site.lock), `${pid}\n`);
  });

  test("LockFile is made for its owner and group when there was none", async (site) => {
    const pid = await site.start();
    const { mode, uid } = await Deno.stat(site.lock);
    assertEquals([(mode ?? 0) & 0o7777, uid], [0o640, user.uid]);
    assertEquals((await Deno.stat(site.log)).mode ?? 0, 0o100640);
    kill(pid, "SIGTERM");
    await waitForEnd(pid);
    assertEquals(await Deno.readTextFile(site.lock), "", "an instance that has ended leaves no pid");
  });

  test("lisod names the holder and changes nothing when the lock is held", async (site) => {
    const pid = await site.start();
    const look = async () => {
      const [log, lock] = [await Deno.stat(site.log), await Deno.stat(site.lock)];
      const names = Array.from(Deno.readDirSync(site.folder), ({ name }) => name).sort();
      return { names, log: [site.logText(), log.mtime, log.ino], lock: [site.pid, lock.mtime, lock.ino] };
    };
    const before = await look();
    const table = [site.positional(), site.named(), [...site.named().slice(0, -1), "--foreground"]]
      .flatMap((args) => [args, args.map((word) => word.replace("lisod.log", "other.log"))]);
    for (const args of table) {
      const { code, text, stderr } = await site.lisod(args);
      assertEquals([code, text], [1, ""]);
      assertMatch(
        stderr,
        new RegExp(`^lisod: [^\\n]*lisod\\.pid": held by process ${pid}: stop that instance [^\\n]*\\n$`),
      );
      assertEquals(await look(), before, args.join(" "));
    }
    assertEquals(site.processes(), [pid]);
    assertEquals(await site.ask(), 200);
  });

  test("lisod starts when the lock file is left from an instance that was killed", async (site) => {
    const first = await site.start();
    kill(first, "SIGKILL");
    await waitForEnd(first);
    assertEquals(site.pid, first, "nobody could clear the file");
    const second = await site.start();
    assertNotEquals(second, first);
    assertEquals(await site.ask(), 200);
  });
}

Deno.test("lisod stays in the foreground when LISOD_FOREGROUND is 1", async () => {
  await using site = await DaemonSite.make();
  await using server = await startServer({
    commandLine: (
      { root, log },
    ) => [
      "0",
      "0",
      log,
      site.lock,
      root,
      ...["script.sh", "server.key", "server.crt"].map((name) => join(site.folder, name)),
    ],
    env: { LISOD_FOREGROUND: "1" },
  });
  assertEquals(site.pid, server.pid);
});
