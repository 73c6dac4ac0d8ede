/** What a service manager is told: systemd's part is played by a program that prints each datagram of its socket. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { DaemonSite, kill, readProc, waitUntil } from "./daemon.ts";
import { PrintedText } from "./printed_text.ts";

const MANAGER = `
import socket, sys
name = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True:
    print(receiver.recv(4096).decode().replace("\\n", " "), flush=True)
`;

/** The lines that it prints, one a datagram. */
class Manager implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #printed: PrintedText;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#printed = new PrintedText(process.stdout);
  }

  static async start(name: string): Promise<Manager> {
    const command = new Deno.Command("python3", { args: ["-c", MANAGER, name], stdout: "piped" });
    const manager = new Manager(command.spawn());
    assertEquals(await manager.next(), "bound");
    return manager;
  }

  next(): Promise<string> {
    return this.#printed.line();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#printed.cancel();
    await this.#process.status;
  }
}

/** An abstract name with --native off: the runtime's sockets have files. */
const MANAGERS = [
  { kind: "a file", options: [] },
  { kind: "an abstract name", options: [] },
  { kind: "a file", options: ["--native", "off"] },
];

for (const { kind, options } of MANAGERS) {
  Deno.test(`ServiceManager tells what the server does when NOTIFY_SOCKET is ${[kind, ...options].join(" ")}`, async () => {
    await using site = await DaemonSite.make();
    const name = kind === "a file" ? join(site.folder, "notify") : `@lisod-test-${Deno.pid}`;
    await using manager = await Manager.start(name);
    const server = new Deno.Command(site.binary, {
      args: [...site.named().slice(0, -1), ...options],
      env: { NOTIFY_SOCKET: name },
    }).spawn();
    assertEquals(await manager.next(), "READY=1");
    // Not a moment before.
    assertEquals([site.pid, await site.ask()], [server.pid, 200]);
    kill(server.pid, "SIGHUP");
    assertEquals([await manager.next(), await manager.next()], ["RELOADING=1", "READY=1"]);
    kill(server.pid, "SIGTERM");
    assertEquals(await manager.next(), "STOPPING=1");
    assertEquals((await server.status).code, 0);
    assertStringIncludes(site.logText(), "INFO main: reloaded");
  });
}

Deno.test("ServiceManager shows that it is alive twice as often as WATCHDOG_USEC says, and programs see neither", async () => {
  await using site = await DaemonSite.make();
  const name = join(site.folder, "notify");
  await using manager = await Manager.start(name);
  const script = join(site.folder, "script.sh");
  await Deno.writeTextFile(script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; env\n");
  const server = new Deno.Command(site.binary, {
    args: [...site.named().slice(0, -1), "--cgi", script],
    env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: "200000" },
  }).spawn();
  assertEquals(await manager.next(), "READY=1");
  const since = performance.now();
  assertEquals([await manager.next(), await manager.next()], ["WATCHDOG=1", "WATCHDOG=1"]);
  assertEquals(performance.now() - since < 2000, true, "the manager would have killed it");
  assertStringIncludes(readProc(server.pid, "environ"), "NOTIFY_SOCKET");
  const response = await fetch(`http://127.0.0.1:${site.port()}/cgi/`);
  assertEquals((await response.text()).match(/^(?:NOTIFY_SOCKET|WATCHDOG_USEC)=.*$/gm), null);
  kill(server.pid, "SIGTERM");
  assertEquals((await server.status).code, 0);
});

/** Stops one thread of a process, and lets it go on when its input ends. ptrace(2): PTRACE_ATTACH 16, PTRACE_DETACH 17. */
const STOP_THREAD = `
import ctypes, sys
ptrace = ctypes.CDLL(None).ptrace
thread = int(sys.argv[1])
assert ptrace(16, thread, None, None) == 0
ctypes.CDLL(None).waitpid(thread, None, 0x40000000)
print("stopped", flush=True)
sys.stdin.read()
assert ptrace(17, thread, None, None) == 0
`;

Deno.test({
  name: "ServiceManager says nothing while one of two workers hangs, and goes on when that one does",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using site = await DaemonSite.make();
    const name = join(site.folder, "notify");
    await using manager = await Manager.start(name);
    const server = new Deno.Command(site.binary, {
      args: [...site.named().slice(0, -1), "--workers", "2"],
      env: { NOTIFY_SOCKET: name, WATCHDOG_USEC: "200000" },
    }).spawn();
    assertEquals([await manager.next(), await manager.next()], ["READY=1", "WATCHDOG=1"]);
    const thread = [...Deno.readDirSync(`/proc/${server.pid}/task`)].map((entry) => entry.name).find((id) =>
      readProc(server.pid, `task/${id}/comm`) === "worker-2\n"
    );
    const stopping = new Deno.Command("python3", {
      args: ["-c", STOP_THREAD, `${thread}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const printed = new PrintedText(stopping.stdout);
    assertEquals(await printed.line(), "stopped");
    const next = () => manager.next();
    // What was said until then may come, a word each 100 ms that it took to stop the thread; then ten of its times pass without one.
    let word = next();
    let isSilent = false;
    for (let count = 0; !isSilent && count < 100; count++) {
      const silence = Promise.withResolvers<true>();
      const timer = setTimeout(() => silence.resolve(true), 1000);
      isSilent = await Promise.race([word.then(() => false), silence.promise]);
      clearTimeout(timer);
      if (!isSilent) word = next();
    }
    assertEquals(isSilent, true);
    await stopping.stdin.close();
    assertEquals((await stopping.status).code, 0);
    assertEquals(await word, "WATCHDOG=1");
    await printed.cancel();
    kill(server.pid, "SIGTERM");
    assertEquals((await server.status).code, 0);
  },
});

Deno.test("ServiceManager does no harm when nobody listens at NOTIFY_SOCKET", async () => {
  await using site = await DaemonSite.make();
  for (const name of [join(site.folder, "none"), `/${"long/".repeat(40)}`, "relative", "@", ""]) {
    for (const options of [[], ["--native", "off"]]) {
      const server = new Deno.Command(site.binary, {
        args: [...site.named().slice(0, -1), "--foreground", ...options],
        env: { NOTIFY_SOCKET: name },
        stderr: "piped",
      }).spawn();
      await waitUntil(() => site.logText().includes("permissions of the runtime"), "it serves");
      const isUntold = options.length > 0 && !["", join(site.folder, "none")].includes(name);
      assertEquals(site.logText().includes("the service manager is not told"), isUntold, name);
      kill(server.pid, "SIGTERM");
      const { code, stderr } = await server.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], name);
      await Deno.remove(site.log);
    }
  }
});
