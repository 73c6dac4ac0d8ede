/**
 * Where the compiled binary listens: several addresses and ports, socket files, and sockets that whoever starts it hands over,
 * as systemd does; its part is played by a program that binds, sets the variables and becomes the server. Needs curl, python3
 * and Debian's nginx.
 */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { IS_ROOT, NOBODY } from "./daemon.ts";
import { freePort, startFront } from "./front.ts";
import { curl, run, runLisod, startServer, type TestServer, writeFiles } from "./harness.ts";
import { HttpsServer, renewPair } from "./https.ts";

const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "[$REMOTE_ADDR] \${HTTPS-plain} $SERVER_NAME $SERVER_PORT \${LISTEN_FDS-none}"
`;

/** A folder for socket files and programs, removed with the test. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "lisod-listen-" });
  readonly socket = join(this.path, "http.sock");

  constructor() {
    Deno.chmodSync(this.path, 0o755);
  }

  /** A program that tells what it is told. */
  async script(): Promise<string> {
    const path = join(this.path, "tell");
    await Deno.writeTextFile(path, SCRIPT, { mode: 0o755 });
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Where the log says that it listens, with the ports as they are. */
function placesOf(server: TestServer): readonly string[] {
  return [...server.logText().matchAll(/listening on (.*)$/gm)].map(([, place]) => place);
}

async function ask(socket: string, ...args: readonly string[]): Promise<string> {
  const { code, text, stderr } = await curl("--unix-socket", socket, ...args);
  assertEquals(code, 0, stderr);
  return text;
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

for (const options of [[], ["--workers", "2"], ["--native", "off"]]) {
  Deno.test(`lisod listens on several addresses and ports ${options.join(" ")}`, async () => {
    await using server = await HttpsServer.start({
      args: ["--listen", "::1", "--listen", "127.0.0.1:0", "--listen", "https:[::1]:0", "--http2", "off", ...options],
    });
    const places = placesOf(server.server);
    const wanted = ["http://127.0.0.1", "http://[::1]", "http://127.0.0.1"];
    const wantedTls = ["https://127.0.0.1", "https://[::1]", "https://[::1]"];
    assertEquals(places.map((place) => place.replace(/:\d+\/$/, "")), [...wanted, ...wantedTls]);
    assertEquals(new Set(places).size, places.length);
    const { root } = server.certificates;
    const { text } = await curl("--cacert", root, "-o", "/dev/null", "-w", "%{http_code} ", ...places);
    assertStringIncludes(text.replace(/<[^]*?\n/g, ""), "200 ");
    for (const place of places) assertMatch((await curl("--cacert", root, "--fail", place)).text, /Test/, place);
  });
}

for (const workers of [1, 2]) {
  Deno.test(`lisod gives a new certificate to each port for HTTPS, workers: ${workers}`, async () => {
    await using server = await HttpsServer.start({
      certs: ["localhost", "old.example", "127.0.0.1"],
      args: ["--listen", "https:127.0.0.1:0", "--workers", `${workers}`],
    });
    const ports = placesOf(server.server).flatMap((place) => /^https:.*:(\d+)\/$/.exec(place)?.[1] ?? []);
    assertEquals(ports.length, 2);
    for (let count = 1; count <= 2; count++) {
      await renewPair(server.certificates, ["localhost", `n${count}.example`]);
      Deno.kill(server.server.pid, "SIGHUP");
      await server.server.waitForLog((log) => log.split("INFO main: reloaded").length > count);
      for (const port of ports) {
        const shell = `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null | openssl x509 -noout -text`;
        const clients = Array.from({ length: 4 * workers }, () => run("/bin/sh", ["-c", shell]));
        for (const { text } of await Promise.all(clients)) assertStringIncludes(text, `DNS:n${count}.example`);
      }
    }
    const told = [...server.server.logText().matchAll(/new certificate for .*n2\.example/g)];
    assertEquals(told.length, workers, "once for all ports");
  });
}

Deno.test("lisod sends clients of all its plain listeners to the first port for HTTPS with --https-redirect", async () => {
  using folder = new Folder();
  await using server = await HttpsServer.start({
    args: ["--listen", `unix:${folder.socket}`, "--listen", "https:127.0.0.1:0", "--https-redirect"],
  });
  const print = ["-o", "/dev/null", "-w", "%{redirect_url}"];
  const want = `https://localhost:${server.port}/a`;
  assertEquals(await ask(folder.socket, ...print, "http://localhost/a"), want);
  assertEquals((await curl(...print, `http://localhost:${server.server.port()}/a`)).text, want);
});

for (const options of [[], ["--workers", "3"], ["--native", "off"]]) {
  Deno.test(`lisod serves a socket file, and removes it when it stops ${options.join(" ")}`, async () => {
    using folder = new Folder();
    const { socket } = folder;
    const args = ["--listen", `unix:${socket}`, "--cgi", await folder.script(), "--max-per-address", "3", ...options];
    {
      await using server = await startServer({ files: { "index.html": "hello" }, args: [...args, "--max-rate", "3"] });
      assertStringIncludes(placesOf(server).join("\n"), `unix:${socket}`);
      assertEquals((Deno.statSync(socket).mode ?? 0) & 0o777, 0o660);
      assertEquals(await ask(socket, "http://example.org/"), "hello");
      assertEquals(await ask(socket, "--http2-prior-knowledge", "http://example.org/"), "hello");
      assertEquals(await ask(socket, "http://example.org:81/cgi/"), "[] plain example.org 81 none");
      assertEquals(await ask(socket, "http://example.org/cgi/"), "[] plain example.org 80 none");
      // More than three at once, and more than three a second: they are not one client.
      const { text, code } = await curl(
        ...["--parallel", "--parallel-immediate", "--fail", "--unix-socket", socket, "-w", "%{http_code}\n"],
        ...["-o", "/dev/null", "http://example.org/[1-9]/../index.html", "--path-as-is"],
      );
      assertEquals([text, code], ["200\n".repeat(9), 0]);
      await server.stop();
      assertMatch(server.logText(), /^- - - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 5 /m);
      assertNotMatch(server.logText(), / (?:ERROR|Uncaught)/);
      assertEquals([isThere(socket), [...Deno.readDirSync(folder.path)].length], [false, 1]);
    }
  });
}

Deno.test("lisod shares a socket file out among its workers", async () => {
  using folder = new Folder();
  await using server = await startServer({ args: ["--listen", `unix:${folder.socket}`, "--workers", "2"] });
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect({ transport: "unix", path: folder.socket })),
  );
  for (const client of clients) {
    await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const count = await client.read(new Uint8Array(4096));
    assert(count !== null && count > 0);
  }
  await server.stop();
  for (const client of clients) client.close();
  const counts = [...server.logText().matchAll(/stopping, (\d+) connections/g)].map(([, count]) => Number(count));
  assertEquals(counts.reduce((sum, count) => sum + count), 200);
  assertEquals(counts.every((count) => count > 0), true, `${counts}`);
});

Deno.test("lisod cuts a client of a socket file that does not read", async () => {
  using folder = new Folder();
  const args = ["--listen", `unix:${folder.socket}`, "--write-idle-ms", "500ms", "--log-level", "debug"];
  await using server = await startServer({ files: { "big.bin": new Uint8Array(4 << 20) }, args });
  using client = await Deno.connect({ transport: "unix", path: folder.socket });
  await client.write(new TextEncoder().encode("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n"));
  await server.waitForLog((log) => /DEBUG unix:1: Closed: a write made no progress/.test(log));
  // The connection has come to its end.
  await server.waitForLog((log) => /"GET \/big\.bin HTTP\/1\.1" 200 (?:\d+|-) /.test(log));
});

Deno.test("lisod replaces the socket file of a server that is gone, and none that is somebody's", async () => {
  using folder = new Folder();
  const { socket } = folder;
  const args = ["--listen", `unix:${socket}:0600`];
  {
    const killed = await startServer({ args });
    await killed.stop("SIGKILL");
    await Deno.remove(killed.place.folder, { recursive: true });
  }
  assertEquals(isThere(socket), true);
  await using server = await startServer({ files: { "index.html": "second" }, args });
  assertEquals(await ask(socket, "http://a/"), "second");
  assertEquals((Deno.statSync(socket).mode ?? 0) & 0o777, 0o600);
  const start = ["--http", "0", "--root", server.place.root, "--foreground", ...args];
  const third = await runLisod(...start);
  assertEquals(third.code, 1);
  assertMatch(third.stderr, /lisod: --listen ".*http\.sock": already in use: stop what listens there/);
  assertEquals(await ask(socket, "http://a/"), "second");
  // What has its name when it stops is not its own.
  await Deno.rename(socket, `${socket}.old`);
  await writeFiles(folder.path, { "http.sock": "a file" });
  const fourth = await runLisod(...start);
  assertEquals(fourth.code, 1);
  assertMatch(fourth.stderr, /is there, and is no socket/);
  await server.stop();
  assertEquals(await Deno.readTextFile(socket), "a file");
});

Deno.test("lisod says what is wrong with a socket file, with --check too", async () => {
  using folder = new Folder();
  const start = ["--root", folder.path, "--foreground", "--listen"];
  const missing = `unix:${folder.path}/none/http.sock`;
  const table = [
    [[missing], 1, /lisod: --listen ".*http\.sock": its folder: does not exist: /],
    [[missing, "--check"], 1, /lisod: --listen ".*http\.sock": its folder: does not exist: /],
    [[`unix:${folder.socket}:0660:nobody-of-here`, "--check"], 1, /--listen "nobody-of-here": no such user/],
    [[`unix:${folder.socket}:0660::nobody-of-here`, "--check"], 1, /--listen "nobody-of-here": no such group/],
    [[`https:unix:${folder.socket}`], 2, /the runtime speaks TLS on ports alone/],
    [[`unix:${folder.socket}`, "--listing", "--check"], 0, /^$/],
  ] as const;
  for (const [args, code, want] of table) {
    const ended = await runLisod(...start, ...args);
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(ended.stderr, want);
  }
  assertEquals([...Deno.readDirSync(folder.path)].length, 0);
});

Deno.test({
  name: "lisod gives a socket file to --user, and to whom it is told",
  ignore: !IS_ROOT,
  fn: async () => {
    using folder = new Folder();
    const [own, other] = [join(folder.path, "own"), join(folder.path, "other")];
    await writeFiles(join(folder.path, "www"), { "index.html": "for all" });
    await using server = await startServer({
      root: join(folder.path, "www"),
      args: ["--listen", `unix:${own}`, "--listen", `unix:${other}:0640:www-data:adm`, "--user", NOBODY.name],
    });
    await server.waitForLog((log) => log.includes("permissions of the runtime"));
    const { text } = await run("stat", ["-c", "%U %G %a", own, other]);
    const group = (await run("id", ["-gn", NOBODY.name])).text.trim();
    assertEquals(text, `${NOBODY.name} ${group} 660\nwww-data adm 640\n`);
    assertEquals(await ask(own, "http://a/"), "for all");
    // The folder is root's.
    assertEquals((await server.stop()).code, 0);
    assertMatch(server.logText(), /WARN main: ".*own" stays, for this user may not remove it/);
  },
});

Deno.test("nginx before a socket file speaks for its clients with --proxy unix alone", async () => {
  using folder = new Folder();
  for (
    const { options, want, address } of [
      { options: ["--proxy", "unix"], want: "[127.0.0.1] on example.org 443 none", address: "127.0.0.1" },
      { options: [], want: "[] plain example.org 80 none", address: "-" },
    ]
  ) {
    const port = freePort();
    await using server = await startServer({
      args: ["--listen", `unix:${folder.socket}`, "--cgi", await folder.script(), ...options],
    });
    const conf = join(folder.path, "nginx.conf");
    await Deno.writeTextFile(
      conf,
      `daemon off; master_process off; pid ${folder.path}/nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder.path}/body; proxy_temp_path ${folder.path}/proxy; fastcgi_temp_path ${folder.path}/f;
  uwsgi_temp_path ${folder.path}/u; scgi_temp_path ${folder.path}/s;
  upstream lisod { server unix:${folder.socket}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://lisod;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`,
    );
    const front = await startFront(["nginx", "-p", folder.path, "-c", conf], port);
    try {
      const request = ["-H", "Host: example.org", `http://127.0.0.1:${port}/cgi/`];
      for (let round = 0; round < 3; round++) assertEquals((await curl(...request)).text, want);
    } finally {
      await front.stop();
    }
    await server.stop();
    assertMatch(server.logText(), new RegExp(`^${address} - - \\[[^\\]]+\\] "GET /cgi/ `, "m"));
    assertEquals(server.logText().includes("--proxy unix"), options.length === 0);
  }
});

Deno.test("--allow lets no client of a socket file in, and --deny keeps none out", async () => {
  using folder = new Folder();
  await using _server = await startServer({
    files: { "a/x": "a", "d/x": "d" },
    args: ["--listen", `unix:${folder.socket}`, "--allow", "127.0.0.0/8:/a", "--deny", "0.0.0.0/0:/d"],
  });
  const status = (path: string) => ask(folder.socket, "-o", "/dev/null", "-w", "%{http_code}", `http://a${path}`);
  assertEquals([await status("/a/x"), await status("/d/x")], ["403", "200"]);
});

/**
 * Binds what its arguments name, as HOST:PORT or the path of a file, and becomes the command after "--". The first word is what
 * LISTEN_PID shall be: "own" or a number; the second LISTEN_FDNAMES.
 */
const MANAGER = `
import os, socket, sys
pid, names, *rest = sys.argv[1:]
places, command = rest[:rest.index("--")], rest[rest.index("--") + 1:]
sockets = []
for place in places:
    if place == "udp":
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
    elif place.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(place)
        one.listen(16)
    else:
        host, port = place.rsplit(":", 1)
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.bind((host, int(port)))
        one.listen(16)
    sockets.append(one)
# The files of the interpreter may have these numbers.
high = [os.dup(one.fileno()) + 0 for one in sockets]
high = [__import__("fcntl").fcntl(one, __import__("fcntl").F_DUPFD, 50) for one in high]
for index, one in enumerate(high):
    os.dup2(one, 3 + index, inheritable=True)
os.closerange(3 + len(high), 256)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names, LISTEN_PID=str(os.getpid()) if pid == "own" else pid)
os.execv(command[0], command)
`;

function handOver(pid: string, names: string, ...places: readonly string[]): readonly string[] {
  return ["python3", "-c", MANAGER, pid, names, ...places, "--"];
}

for (const options of [[], ["--workers", "2"]]) {
  Deno.test(`lisod serves the sockets that were handed over in place of --http ${options.join(" ")}`, async () => {
    using folder = new Folder();
    const { socket } = folder;
    const args = ["--cgi", await folder.script(), "--listen", "127.0.0.1:0", ...options];
    await using server = await startServer({
      through: handOver("own", "http:lisod.socket:http", "127.0.0.1:0", "::1:0", socket),
      args,
    });
    const places = placesOf(server);
    assertEquals(places.map((place) => place.replace(/:\d+\//, "")), [
      "http://127.0.0.1",
      "http://127.0.0.1 (handed over)",
      "http://[::1] (handed over)",
      `unix:${socket} (handed over)`,
    ]);
    for (const place of places.slice(0, 3)) {
      const url = `${place.replace(/ .*/, "")}cgi/`;
      // No program is told of the sockets.
      for (let round = 0; round < 4; round++) {
        assertMatch((await curl(url)).text, /^\[(?:127\.0\.0\.1|::1)\] plain \S+ \d+ none$/);
      }
      assertMatch((await curl("--http2-prior-knowledge", url)).text, / none$/);
    }
    assertEquals(await ask(socket, "http://a/cgi/"), "[] plain a 80 none");
    const cgi = `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; ls -l /proc/self/fd | grep -c socket:\n`;
    await Deno.writeTextFile(join(folder.path, "tell"), cgi);
    // Its own one, of standard output or none at all.
    assertMatch(await ask(socket, "http://a/cgi/"), /^[01]\n$/);
    assertEquals((await server.stop()).code, 0);
    // The file is the manager's.
    assertEquals(isThere(socket), true);
  });
}

Deno.test("clients that wait in a socket that is handed over are served when the server has started", async () => {
  using folder = new Folder();
  const port = freePort();
  const script = join(folder.path, "first");
  // Between binding and becoming the server: a client that has connected and asked already.
  await Deno.writeTextFile(
    script,
    `#!/bin/sh\ncurl -s --max-time 20 http://127.0.0.1:${port}/ >${folder.path}/answer &\nexec "$@"\n`,
    { mode: 0o755 },
  );
  await using server = await startServer({
    files: { "index.html": "waited" },
    through: [...handOver("own", "http", `127.0.0.1:${port}`), script],
  });
  await server.waitForLog((log) => log.includes('"GET / HTTP/1.1" 200 6'));
  assertStringIncludes(server.logText(), `listening on http://127.0.0.1:${port}/ (handed over)`);
});

Deno.test("lisod answers the client for which systemd starts it", async () => {
  const port = freePort();
  const command = ["systemd-socket-activate", "--listen", `127.0.0.1:${port}`, "--fdname", "http", "--"];
  const asked = curl("--retry", "10", "--retry-connrefused", `http://127.0.0.1:${port}/`);
  await using server = await startServer({ files: { "index.html": "started" }, through: command });
  assertEquals((await asked).text, "started");
  assertEquals(placesOf(server), [`http://127.0.0.1:${port}/ (handed over)`]);
});

Deno.test("sockets that are for another process are left alone", async () => {
  await using server = await startServer({ through: handOver("1", "http", "127.0.0.1:0") });
  assertNotMatch(server.logText(), /handed over/);
  assertMatch((await curl(`${server.url}/`)).text, /Test/);
});

Deno.test("lisod says what keeps it from taking sockets over", async () => {
  using folder = new Folder();
  const start = ["--root", folder.path, "--foreground"];
  const table = [
    [["own", "https", "127.0.0.1:0"], start, 2, /LISTEN_FDNAMES "https": the runtime cannot speak TLS on a socket/],
    [["own", "http", "127.0.0.1:0"], [...start, "--native", "off"], 1, /LISTEN_FDS "3 \(http\)": no socket that the C/],
    [["own", "", "udp"], start, 1, /LISTEN_FDS "3": no socket that listens for connections/],
    [
      ["own", "http", "127.0.0.1:0"],
      [
        ...["--root", folder.path, "--daemon", "--log", join(folder.path, "log")],
      ],
      2,
      /LISTEN_FDS "1": a daemon does not get the sockets/,
    ],
  ] as const;
  const lisod = join(import.meta.dirname ?? ".", "..", "lisod");
  for (const [[pid, names, place], args, code, want] of table) {
    const [program, ...before] = handOver(pid, names, place);
    const ended = await run(program, [...before, lisod, ...args]);
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(ended.stderr, want);
  }
});
