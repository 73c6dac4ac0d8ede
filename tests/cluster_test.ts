/**
 * Two ./lisod with the blog on one PostgreSQL behind HAProxy, as examples/cluster/ has it: what visitors notice when a server is
 * restarted, killed, or loses its database. Needs Debian's haproxy, postgresql and python3-psycopg2.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { freePort, type Front, startFront } from "./front.ts";
import { startServer, type TestServer } from "./harness.ts";
import { IS_LONG } from "./long.ts";
import { startPostgreSql } from "./postgresql.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const EXAMPLE = join(PROJECT, "examples", "cluster");
const NAMES = ["one", "two"] as const;
type Name = typeof NAMES[number];

/** Requests of each kind that visitors keep under way. */
const VISITOR_COUNT = 3;
/** How often each server is restarted under them. */
const RESTART_COUNT = IS_LONG ? 6 : 2;

/** Says what it was sent, once. */
const ECHO = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
cat
`;

class Cluster implements AsyncDisposable {
  readonly front: Front;
  readonly #folder: string;
  readonly #ports: Readonly<Record<Name, number>>;
  readonly #servers = new Map<Name, TestServer>();

  private constructor(folder: string, front: Front, ports: Readonly<Record<Name, number>>) {
    this.front = front;
    this.#folder = folder;
    this.#ports = ports;
  }

  static async start(databaseUrl: string): Promise<Cluster> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-cluster-" });
    const [port, one, two] = [freePort(), freePort(), freePort()];
    const config = (await Deno.readTextFile(join(EXAMPLE, "lisod.conf")))
      .replaceAll("/srv/", `${PROJECT}/`)
      .replace("/var/lib/lisod-blog", join(folder, "data"))
      .replace(/postgresql:.*/, databaseUrl);
    await Deno.writeTextFile(join(folder, "lisod.conf"), `${config}cgi-env = BLOG_DEMO=1\n`);
    await Deno.writeTextFile(join(folder, "echo"), ECHO, { mode: 0o755 });
    const proxy = (await Deno.readTextFile(join(EXAMPLE, "haproxy.cfg")))
      .replace(":8080", `:${port}`).replace(":8081", `:${one}`).replace(":8082", `:${two}`);
    await Deno.writeTextFile(join(folder, "haproxy.cfg"), `global\n  stats socket ${folder}/stats\n${proxy}`);
    const front = await startFront(["haproxy", "-db", "-f", join(folder, "haproxy.cfg")], port);
    const cluster = new Cluster(folder, front, { one, two });
    // One after the other, for the first request makes the tables.
    for (const name of NAMES) {
      await cluster.startServer(name);
      await visit(cluster, "/cgi/");
    }
    return cluster;
  }

  /** Resolves when HAProxy sends requests there. */
  async startServer(name: Name): Promise<void> {
    const server = await startServer({
      commandLine: ({ log }) => [
        ...["--config", join(this.#folder, "lisod.conf"), "--http", `${this.#ports[name]}`],
        ...["--script-alias", `/echo=${join(this.#folder, "echo")}`, "--log", log, "--foreground"],
      ],
    });
    this.#servers.set(name, server);
    await server.waitForLog((log) => /"GET \/ HTTP\/1\.0" 200/.test(log));
    while (!await this.#isUp(name)) await new Promise((go) => setTimeout(go, 20));
  }

  async stopServer(name: Name, signal: Deno.Signal): Promise<void> {
    const server = this.#servers.get(name);
    assert(server !== undefined);
    this.#servers.delete(name);
    await server.stop(signal);
    await server[Symbol.asyncDispose]();
  }

  async #isUp(name: Name): Promise<boolean> {
    using connection = await Deno.connect({ transport: "unix", path: join(this.#folder, "stats") });
    await connection.write(new TextEncoder().encode("show stat\n"));
    const text = await new Response(connection.readable).text();
    return text.split("\n").some((line) => line.startsWith(`servers,${name},`) && line.split(",")[17] === "UP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#servers.keys()]) await this.stopServer(name, "SIGTERM");
    await this.front.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** The status of the answer, or what kept it from coming. */
async function visit({ front }: Cluster, path: string, body?: string): Promise<string> {
  try {
    const method = body === undefined ? "GET" : "POST";
    const response = await fetch(`http://127.0.0.1:${front.port}${path}`, { method, body });
    const text = await response.text();
    return body === undefined || text === body ? `${response.status}` : `another's answer: ${text}`;
  } catch (error) {
    return String(error);
  }
}

/** Visitors of the files, of the blog and of a program that takes a content, for as long as `during` takes. */
async function visited(cluster: Cluster, during: () => Promise<void>): Promise<Record<"GET" | "POST", string[]>> {
  const answers: Record<"GET" | "POST", string[]> = { GET: [], POST: [] };
  let isOver = false;
  const come = async (ask: (number: number) => Promise<string>, kind: "GET" | "POST") => {
    for (let number = 0; !isOver; number++) answers[kind].push(await ask(number));
  };
  const visitors = Array.from({ length: VISITOR_COUNT }, (_, visitor) => [
    come(() => visit(cluster, "/"), "GET"),
    come(() => visit(cluster, "/cgi/"), "GET"),
    come((number) => visit(cluster, "/echo", `${visitor} ${number}`), "POST"),
  ]).flat();
  await during().finally(() => isOver = true);
  await Promise.all(visitors);
  return answers;
}

function lost(answers: readonly string[]): string[] {
  return answers.filter((answer) => answer !== "200");
}

Deno.test("two servers behind HAProxy: restarts lose no request, a kill none that may be asked again, a restart of the database none", async () => {
  await using database = await startPostgreSql();
  await using cluster = await Cluster.start(database.url);
  const restarted = await visited(cluster, async () => {
    for (let round = 0; round < RESTART_COUNT; round++) {
      for (const name of NAMES) {
        await cluster.stopServer(name, "SIGTERM");
        await cluster.startServer(name);
      }
    }
  });
  assertEquals([lost(restarted.GET), lost(restarted.POST)], [[], []]);
  assert(restarted.GET.length > 100 && restarted.POST.length > 30, JSON.stringify(restarted.GET.length));

  const killed = await visited(cluster, async () => {
    await cluster.stopServer("one", "SIGKILL");
    await cluster.startServer("one");
  });
  assertEquals(lost(killed.GET), []);
  // Those that were under way on the server that died.
  assert(lost(killed.POST).length <= VISITOR_COUNT, lost(killed.POST).join("\n"));

  const withoutDatabase = await visited(cluster, () => database.restart());
  assertEquals([lost(withoutDatabase.GET), lost(withoutDatabase.POST)], [[], []]);
  const page = await (await fetch(`http://127.0.0.1:${cluster.front.port}/cgi/`)).text();
  assertStringIncludes(page, "<article");
});
