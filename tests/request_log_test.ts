/** What a request is known by to all who have to do with it, and what the log says of one that is slow, in every way of serving. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { curl, startServer, type TestServer, writeFiles } from "./harness.ts";

const SCRIPTS = {
  id: 'printf "Content-Type: text/plain\\n\\n$UNIQUE_ID $HTTP_X_REQUEST_ID"',
  slow: 'sleep 0.8; printf "Content-Type: text/plain\\n\\n$UNIQUE_ID"',
  bad: "exit 0",
};

/** This one is believed. */
const PROXY = "127.0.0.2";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
  /** Gets what is at the path; the answer without its head. */
  get(path: string, ...args: readonly string[]): Promise<string>;
}

/** An upstream says what X-Request-Id it was asked with. */
async function start(...args: readonly string[]): Promise<Scene> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-request-log-" });
  await writeFiles(
    folder,
    Object.fromEntries(Object.entries(SCRIPTS).map(([name, text]) => [name, `#!/bin/sh\n${text}\n`])),
  );
  for (const name of Object.keys(SCRIPTS)) await Deno.chmod(join(folder, name), 0o755);
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    return new Response(request.headers.get("x-request-id"));
  });
  const server = await startServer({
    args: [
      ...["--cgi", folder, "--cgi-max", "2", "--slow-ms", "700", "--proxy", PROXY],
      ...[`--forward=/app=http://127.0.0.1:${upstream.addr.port}/`, ...args],
    ],
  });
  return {
    ...{ server, folder },
    get: async (path, ...more) => (await curl(server.url + path, ...more)).text,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await upstream.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const WAYS: readonly (readonly string[])[] = [[], ["--native", "off"], ["--workers", "2"]];

for (const way of WAYS) {
  Deno.test(`a request has one id, for its program, its upstream and its ERROR ${way.join(" ")}`, async () => {
    await using scene = await start(...way);
    const { server, get } = scene;
    const told = ["--header", "X-Request-Id: told-1", "--interface"];
    const ids = [];
    for (const http of ["--http1.1", "--http2-prior-knowledge"]) {
      const [own, field] = (await get("/cgi/id", http, ...told, "127.0.0.1")).split(" ");
      const forwarded = await get("/app/x", http, ...told, "127.0.0.1");
      assertEquals(field, "told-1");
      for (const id of [own, forwarded]) assertMatch(id, UUID);
      ids.push(own, forwarded);
      assertEquals(await get("/cgi/id", http, ...told, PROXY), "told-1 told-1");
      assertEquals(await get("/app/x", http, ...told, PROXY), "told-1");
      assertMatch(await get("/app/x", http, "--interface", PROXY, "--header", "X-Request-Id: a b"), UUID);
    }
    assertEquals(new Set(ids).size, ids.length);
    await get("/cgi/bad", ...told, PROXY);
    await get("/cgi/bad");
    const errors =
      () => [...server.logText().matchAll(/ERROR GET \/cgi\/bad: bad\[\d+\] printed nothing \(request (\S+)\)\n/g)];
    await server.waitForLog(() => errors().length === 2);
    const [first, second] = errors().map(([, id]) => id).sort((one, other) => other.localeCompare(one));
    assertEquals(first, "told-1");
    assertMatch(second, UUID);
  });

  Deno.test(`--slow-ms tells where the time of a slow request went, and of no other ${way.join(" ")}`, async () => {
    await using scene = await start(...way);
    const { server, get, folder } = scene;
    // Each worker has its share of the programs at once.
    const slow = await Promise.all(Array.from({ length: 3 }, () => get("/cgi/slow")));
    const chunked = await get(
      "/cgi/slow",
      "--http2-prior-knowledge",
      "--data",
      "x",
      "--header",
      "Transfer-Encoding: chunked",
    );
    for (const path of ["/index.html", "/none"]) await get(path);
    const pattern = /WARN (\w+) \/cgi\/slow: Slow, (\d+) ms: (.*); status 200 by (\S+)\[\d+\] \(request (\S+)\)\n/g;
    const told = () => [...server.logText().matchAll(pattern)];
    await server.waitForLog(() => told().length === 4);
    assertEquals(new Set(told().map((match) => match[5])), new Set([...slow, chunked]));
    for (const [line, , total, phases, file] of told()) {
      assertEquals(file, join(folder, "slow"));
      const parts = phases.split(", ").map((part) => Number(/\d+$/.exec(part)?.[0]));
      const sum = parts.reduce((all, part) => all + part, 0);
      assert(Math.abs(sum - Number(total)) <= parts.length, line);
      assertMatch(phases, /^(?:content \d+, )?queue \d+, start \d+, first byte \d+, rest \d+$/);
      // On a busy machine a program may have begun before the server knows that it has started.
      const [, start, firstByte] = /start (\d+), first byte (\d+)/.exec(phases) ?? [];
      assert(Number(start) + Number(firstByte) >= 780, line);
    }
    // Of three at once one waits for the others at least.
    const queued = told().filter(([, , , phases]) => Number(/queue (\d+)/.exec(phases)?.[1]) > 600);
    assertNotEquals(queued.length, 0);
    for (const [line, ms] of server.logText().matchAll(/Slow, (\d+) ms/g)) assert(Number(ms) >= 700, line);
  });
}
