/** SIGHUP with another configuration: all of it is taken, or nothing of it. End to end. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, startServer, type TestServer, writeFiles } from "./harness.ts";

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
  /** Writes the configuration, sends SIGHUP, and resolves when the log has one more line with that text. */
  reload(text: string, until: string): Promise<void>;
  /** Status and content of a path for a host. */
  get(host: string, path: string): Promise<string>;
}

async function start(config: string, ...args: readonly string[]): Promise<Scene> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-reload-" }));
  await writeFiles(folder, {
    "lisod.conf": config,
    "one/index.html": "one",
    "one/sub/index.html": "sub",
    "free/two/index.html": "two",
    "free/bin/probe": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"$MARK\"\n",
    "elsewhere/index.html": "elsewhere",
    "spool/.keep": "",
  });
  await Deno.chmod(join(folder, "free/bin/probe"), 0o755);
  const commandLine = ["--config", join(folder, "lisod.conf"), "--http", "0", "--listen", "127.0.0.1", "--foreground"];
  const server = await startServer({ commandLine: ({ log }) => [...commandLine, "--log", log, ...args] });
  const count = (text: string) => server.logText().split(text).length;
  return {
    server,
    folder,
    async reload(text, until) {
      await Deno.writeTextFile(join(folder, "lisod.conf"), text);
      const before = count(until);
      Deno.kill(server.pid, "SIGHUP");
      await server.waitForLog(() => count(until) > before);
    },
    async get(host, path) {
      const { text } = await curl("-H", `Host: ${host}`, "--write-out", " %{http_code}", `${server.url}${path}`);
      return text.startsWith("<!DOCTYPE") ? text.slice(-3) : text;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const FIRST =
  "root = one\ncgi-spool = spool\nlog-flush-ms = 1\ncgi = free/bin\ncgi-env = MARK=first\nreload-folders = free\n";
const RELOADED = "INFO main: reloaded";

for (const workers of [1, 2]) {
  Deno.test(`lisod takes sites, places, rules and variables of a changed configuration at SIGHUP, workers: ${workers}`, async () => {
    await using scene = await start(FIRST, "--workers", `${workers}`);
    const ask = () =>
      Promise.all([
        ...[["a", "/"], ["b", "/"], ["a", "/new/"], ["a", "/cgi/probe"], ["a", "/sub/"]].map(([host, path]) =>
          scene.get(host, path)
        ),
      ]);
    assertEquals(await ask(), ["one 200", "one 200", "404", "first 200", "sub 200"]);
    const changed = FIRST.replace("first", "second") +
      "[a]\n[b]\nroot = free/two\n[/new/]\nroot = free/two\n[/sub/]\ndeny = 0.0.0.0/0\n";
    await scene.reload(changed, RELOADED);
    for (let round = 0; round < 4 * workers; round++) {
      assertEquals(await ask(), ["one 200", "two 200", "two 200", "second 200", "403"]);
    }
    await scene.reload(FIRST, RELOADED);
    assertEquals(await ask(), ["one 200", "one 200", "404", "first 200", "sub 200"]);
  });
}

const REFUSED: readonly (readonly [name: string, text: string, complaint: string])[] = [
  ["a line that is wrong", FIRST + "[/p/]\nlisting = maybe\n", 'lisod.conf:8: listing "maybe": neither on nor off'],
  [
    "a folder that is not there",
    FIRST + "[/p/]\nroot = free/none\n",
    'lisod.conf:8: root "HERE/free/none": does not exist',
  ],
  [
    "a folder that was not named before",
    FIRST + "[/p/]\nroot = elsewhere\n",
    'lisod.conf:8: root "HERE/elsewhere": the server gave up at its start the right to read there: restart it',
  ],
  ["a password file without a user", FIRST + "[/p/]\nauth = A:free/two/index.html\n", "lisod.conf:8: auth"],
];

for (const [name, text, complaint] of REFUSED) {
  Deno.test(`lisod stays as it was at SIGHUP with a configuration with ${name}`, async () => {
    await using scene = await start(FIRST);
    await scene.reload(text.replace("first", "second"), "Cannot reload, all stays as it was: ");
    assertStringIncludes(scene.server.logText().replaceAll(scene.folder, "HERE"), complaint);
    assertEquals(await scene.get("a", "/cgi/probe"), "first 200");
    assertEquals(await scene.get("a", "/p/"), "404");
    await scene.reload(FIRST.replace("first", "third"), RELOADED);
    assertEquals(await scene.get("a", "/cgi/probe"), "third 200");
  });
}

Deno.test("lisod names what takes a restart, and takes the rest", async () => {
  await using scene = await start(FIRST);
  const text = FIRST.replace("first", "second") + "max-connection-count = 7\nfile-cache-ms = 0\n";
  await scene.reload(text, "WARN main: takes a restart: max-connection-count");
  await scene.server.waitForLog((log) => log.includes(RELOADED));
  assertEquals(await scene.get("a", "/cgi/probe"), "second 200");
});

Deno.test("lisod takes a configuration with a handler, and one that comes back, at SIGHUP", async () => {
  const handler = "cgi-handler = .sh=/bin/sh\n";
  await using scene = await start(FIRST + handler);
  await Deno.writeTextFile(join(scene.folder, "one/a.sh"), "printf 'Content-Type: text/plain\\n\\nrun'\n");
  await scene.reload(FIRST, RELOADED);
  assertStringIncludes(await scene.get("a", "/a.sh"), "printf");
  await scene.reload(FIRST.replace("cgi = free/bin\n", ""), RELOADED);
  await scene.reload(FIRST + handler, RELOADED);
  assertEquals(await scene.get("a", "/a.sh"), "run 200");
});

Deno.test("lisod cannot get its first program by SIGHUP", async () => {
  await using scene = await start("root = one\nreload-folders = free\n");
  await scene.reload("root = one\nreload-folders = free\ncgi = free/bin\n", "Cannot reload, all stays as it was: ");
  assertStringIncludes(scene.server.logText(), "no program was named at the start: restart the server");
});

Deno.test("lisod loses no request while its configuration changes 20 times", async () => {
  await using scene = await start(FIRST);
  let isLast = false;
  const load = Array.from({ length: 4 }, async () => {
    const answers = new Set<string>();
    while (!isLast) answers.add(await scene.get("a", "/"));
    return [...answers];
  });
  for (let round = 0; round < 20; round++) {
    await scene.reload(FIRST + (round % 2 === 0 ? "[a]\n[/new/]\nroot = free/two\n" : ""), RELOADED);
  }
  isLast = true;
  assertEquals(await Promise.all(load), Array(4).fill(["one 200"]));
});

Deno.test("lisod keeps all as it was, with an ERROR, where the configuration is gone or a folder", async () => {
  await using scene = await start(FIRST);
  const file = join(scene.folder, "lisod.conf");
  const refused = async (problem: string) => {
    Deno.kill(scene.server.pid, "SIGHUP");
    await scene.server.waitForLog((log) =>
      log.includes("ERROR main: Cannot reload, all stays as it was: ") && log.includes(problem)
    );
  };
  await Deno.remove(file);
  await refused('lisod.conf": does not exist');
  await Deno.mkdir(file);
  await refused('lisod.conf": is a folder');
  assertEquals(await scene.get("a", "/cgi/probe"), "first 200");
  assertEquals(scene.server.logText().includes("Sites stay as they were"), false);
});

Deno.test({
  name: "lisod reads certificates and passwords again also where its user cannot read the configuration any more",
  // Only root can become somebody else.
  ignore: Deno.uid() !== 0,
  async fn() {
    await using scene = await start(FIRST, "--user", "nobody");
    await Deno.chmod(scene.folder, 0o755);
    await Deno.chmod(join(scene.folder, "lisod.conf"), 0o600);
    await scene.reload(FIRST.replace("first", "second"), "WARN main: Sites stay as they were: ");
    await scene.server.waitForLog((log) => log.includes(RELOADED));
    assertStringIncludes(scene.server.logText(), 'lisod.conf": permission denied');
    assertEquals(await scene.get("a", "/cgi/probe"), "first 200");
  },
});
