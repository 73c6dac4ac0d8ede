/** Requests that ./lisod shares out among several upstreams: Debian's nginx and php-fpm, and some whose every byte the test decides. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { freePort, type Front, startFront } from "./front.ts";
import { curl, startServer, type TestServer, writeFiles } from "./harness.ts";
import { startPhpFpm } from "./php_fpm.ts";
import { RawUpstream } from "./raw_upstream.ts";

/** An nginx that answers with its name; `listen` and `text` are words of its configuration. */
class Nginx implements AsyncDisposable {
  readonly port = freePort();
  readonly #folder: string;
  readonly #file: string;
  #front: Front | null = null;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#file = join(folder, "nginx.conf");
  }

  static async start(text: string, listen = ""): Promise<Nginx> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-nginx-" });
    const nginx = new Nginx(folder);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${folder};`
    );
    await Deno.writeTextFile(
      nginx.#file,
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/errors; events {}
      http { access_log off; ${temporary.join(" ")}
      server { listen 127.0.0.1:${nginx.port} ${listen}; location / { return 200 "${text}"; } } }`,
    );
    await nginx.start();
    return nginx;
  }

  async start(): Promise<void> {
    const command = ["nginx", "-c", this.#file, "-p", this.#folder, "-e", join(this.#folder, "errors")];
    this.#front = await startFront(command, this.port);
  }

  async stop(): Promise<void> {
    await this.#front?.stop();
    this.#front = null;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function ask(server: TestServer, ...args: readonly string[]): Promise<string> {
  return (await curl(...args, `${server.url}/app/`)).text;
}

async function askTimes(server: TestServer, count: number, ...args: readonly string[]): Promise<string> {
  const texts = [];
  for (let asked = 0; asked < count; asked++) texts.push(await ask(server, ...args));
  return texts.join("");
}

/** Asks again and again, each time by GET and by POST, until `work` is done; what was answered, each once. */
async function askMeanwhile(server: TestServer, path: string, work: () => Promise<void>): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  let isDone = false;
  const asking = (async () => {
    while (!isDone) {
      for (const method of ["GET", "POST"]) {
        const response = await fetch(server.url + path, { method, body: method === "POST" ? "content" : null });
        seen.add(`${response.status} ${await response.text()}`);
      }
    }
  })();
  await work().finally(() => isDone = true);
  await asking;
  return seen;
}

const FLUSH = "--log-flush-ms=1";

Deno.test("--forward shares out among upstreams, and nobody is without an answer while one is stopped and started", async () => {
  await using a = await Nginx.start("a");
  await using b = await Nginx.start("b");
  const limits = [FLUSH, "--max-forward-fail-count=2", "--forward-fail-ms=200ms"];
  await using server = await startServer({ args: [`--forward=/app=${a.url},${b.url} balance=round`, ...limits] });
  assertEquals(await askTimes(server, 4), "abab");
  const seen = await askMeanwhile(server, "/app/", async () => {
    await a.stop();
    await server.waitForLog((log) => log.includes(`WARN ${a.url}: Is put aside for 200 ms or more: Cannot connect to`));
    await a.start();
    await server.waitForLog((log) => log.includes(`INFO ${a.url}: Is back`));
  });
  assertEquals([...seen].toSorted(), ["200 a", "200 b"]);
  assertEquals([...await askTimes(server, 4)].toSorted().join(""), "aabb");
});

Deno.test("--forward asks a backup where none of the others answers, and says 503 and why when none is left", async () => {
  await using a = await Nginx.start("a");
  await using b = await Nginx.start("b");
  const limits = [FLUSH, "--max-forward-fail-count=1", "--forward-fail-ms=60m"];
  await using server = await startServer({ args: [`--forward=/app=${a.url},backup:${b.url}`, ...limits] });
  assertEquals(await askTimes(server, 3), "aaa");
  await a.stop();
  assertEquals(await askTimes(server, 3, "--data", "content"), "bbb");
  await b.stop();
  for (let asked = 0; asked < 2; asked++) {
    assertMatch(await ask(server, "--head"), /^HTTP\/1\.1 503 [^]*Retry-After: 1\r\n/);
  }
  await server.waitForLog((log) =>
    log.includes(`ERROR HEAD /app/: No upstream of "${a.url},backup:${b.url}" is left: ${a.url} aside, ${b.url} aside`)
  );
});

Deno.test("--forward asks again only for what may be done twice, once anything of it was sent", async () => {
  await using broken = new RawUpstream(() => ({ bytes: "", closes: true }));
  await using well = new RawUpstream(() => ({ bytes: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell" }));
  const [first, second] = [broken, well].map(({ port }) => `http://127.0.0.1:${port}/`);
  const args = [`--forward=/app=${first},${second} balance=round`, "--max-forward-fail-count=1000"];
  await using server = await startServer({ args });
  const rows: readonly (readonly [args: readonly string[], want: string, asked: readonly [number, number]])[] = [
    [["--data", "content"], "502", [1, 0]],
    [[], "200", [0, 1]],
    [[], "200", [1, 1]],
    [["--request", "DELETE"], "200", [1, 1]],
    [["--request", "POST"], "502", [1, 0]],
    [["--request", "PUT", "--data", "content"], "200", [0, 1]],
    [["--request", "PUT", "--data", "content"], "502", [1, 0]],
    [["--data", "content"], "200", [0, 1]],
  ];
  for (const [options, want, asked] of rows) {
    const before = [broken.requests.length, well.requests.length];
    const { text } = await curl(
      ...options,
      "--output",
      "/dev/null",
      "--write-out",
      "%{http_code}",
      `${server.url}/app/`,
    );
    const after = [broken.requests.length, well.requests.length];
    assertEquals([text, ...after.map((count, at) => count - before[at])], [want, ...asked], options.join(" "));
  }
});

Deno.test("--forward leads a client to the same upstream, says its name and the client's in front, as the words ask", async () => {
  await using a = await Nginx.start("a $http_host $proxy_protocol_addr", "proxy_protocol");
  await using b = await Nginx.start("b $http_host $proxy_protocol_addr", "proxy_protocol");
  await using server = await startServer({
    args: [`--forward=/app=${a.url},${b.url} balance=client host=upstream proxy=v2`],
  });
  const seen = new Set<string>();
  for (let at = 2; at < 12; at++) {
    const client = `127.0.0.${at}`;
    const texts = new Set([await ask(server, "--interface", client), await ask(server, "--interface", client)]);
    assertEquals(texts.size, 1);
    const [text] = texts;
    const [name] = text;
    assertEquals(text, `${name} 127.0.0.1:${name === "a" ? a.port : b.port} ${client}`);
    seen.add(name);
  }
  assertEquals(seen.size, 2);
});

Deno.test("--forward follows the checks of upstreams, both ways", async () => {
  let isWell = true;
  const answer = (name: string) => (request: string) => {
    const isFaulty = name === "a" && request.startsWith("GET /up ") && !isWell;
    return { bytes: `HTTP/1.1 ${isFaulty ? 500 : 200} X\r\nContent-Length: 1\r\n\r\n${name}` };
  };
  await using a = new RawUpstream(answer("a"));
  await using b = new RawUpstream(answer("b"));
  const [first, second] = [a, b].map(({ port }) => `http://127.0.0.1:${port}/`);
  const args = [`--forward=/app=${first},${second} check=/up balance=round`, FLUSH, "--forward-check-ms=100ms"];
  await using server = await startServer({ args });
  assertEquals(await askTimes(server, 4), "abab");
  isWell = false;
  await server.waitForLog((log) =>
    log.includes(`WARN ${first}: Is put aside`) && log.includes('answered "/up" with 500')
  );
  assertEquals(await askTimes(server, 3), "bbb");
  isWell = true;
  await server.waitForLog((log) => log.includes(`INFO ${first}: Is back`));
  assertEquals([...await askTimes(server, 2)].toSorted().join(""), "ab");
});

Deno.test("--forward ends what is under way on an upstream that SIGHUP takes out, and closes what is idle", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  await using a = new RawUpstream(async (request) => {
    if (!request.startsWith("GET /slow ")) return { bytes: `${ANSWER}a` };
    begun.resolve();
    await released;
    return { bytes: `${ANSWER}s` };
  });
  await using b = new RawUpstream(() => ({ bytes: `${ANSWER}b` }));
  const [first, second] = [a, b].map(({ port }) => `http://127.0.0.1:${port}/`);
  const folder = await Deno.makeTempDir({ prefix: "lisod-upstreams-" });
  const config = (words: string) => `root = .\nlog-flush-ms = 1\nforward-http-idle-ms = 60m\nforward = /app=${words}\n`;
  await writeFiles(folder, { "lisod.conf": config(`${first},${second} balance=round`) });
  const commandLine = ["--config", join(folder, "lisod.conf"), "--http", "0", "--listen", "127.0.0.1", "--foreground"];
  {
    await using server = await startServer({ commandLine: ({ log }) => [...commandLine, "--log", log] });
    assertEquals(await askTimes(server, 2), "ab");
    const slow = curl(`${server.url}/app/slow`);
    await begun.promise;
    assertEquals(await askTimes(server, 2), "ba");
    assertEquals([a.connectionCount, a.endCount], [2, 0]);
    await Deno.writeTextFile(join(folder, "lisod.conf"), config(second));
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes("INFO main: reloaded"));
    const askUntilEnded = async (count: number) => {
      for (let asked = 0; a.endCount < count && asked < 100; asked++) assertEquals(await ask(server), "b");
      assertEquals([a.connectionCount, a.endCount], [2, count]);
    };
    await askUntilEnded(1);
    release();
    assertEquals((await slow).text, "s");
    await askUntilEnded(2);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--cgi-handler shares out among php-fpm's pools, one of which is killed and started", async () => {
  const folders = await Promise.all(["a", "b"].map((name) => Deno.makeTempDir({ prefix: `lisod-fpm-${name}-` })));
  const names = folders.map((folder) => folder.slice(0, "/tmp/lisod-fpm-a".length).slice(-1));
  const pools = await Promise.all(folders.map((folder, at) => startPhpFpm(folder, [`env[NAME] = ${names[at]}`])));
  const [a, b] = folders.map((folder) => `fastcgi:unix:${folder}/fpm.sock`);
  {
    await using server = await startServer({
      files: { "name.php": '<?php echo getenv("NAME"), file_get_contents("php://input");' },
      args: [
        `--cgi-handler=.php=${a},${b} balance=round`,
        FLUSH,
        "--max-forward-fail-count=1",
        "--forward-fail-ms=100ms",
      ],
    });
    const get = async () => (await curl(`${server.url}/name.php`)).text;
    assertEquals([await get(), await get(), await get()], ["a", "b", "a"]);
    const seen = await askMeanwhile(server, "/name.php", async () => {
      await pools[0][Symbol.asyncDispose]();
      await server.waitForLog((log) => log.includes(`WARN ${a}: Is put aside`));
      pools[0] = await startPhpFpm(folders[0], [`env[NAME] = ${names[0]}`]);
      await server.waitForLog((log) => log.includes(`INFO ${a}: Is back`));
    });
    // What php-fpm had begun when it was told to end it breaks off: what was sent with content is not asked for twice.
    const wrong = [...seen].filter((text) => !/^200 [ab](?:content)?$/.test(text) && !text.startsWith("502"));
    assertEquals(wrong, []);
    assert(seen.has("200 b") && seen.has("200 bcontent"), [...seen].join(", "));
    // Whichever request met its end first: one that wanted a new connection, or one under way; with bytes that php-fpm had
    // not read yet the system says reset in place of end (unix(7)).
    const reasons =
      "Cannot connect to .*|.* closed the connection before the end of its answer|.*: the peer has reset the connection";
    assertMatch(
      server.logText(),
      new RegExp(`WARN ${RegExp.escape(a)}: Is put aside for 100 ms or more: (?:${reasons})\\n`),
    );
  }
  for (const pool of pools) await pool[Symbol.asyncDispose]();
  for (const folder of folders) await Deno.remove(folder, { recursive: true });
});
