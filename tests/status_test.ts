/**
 * --status in the compiled binary: its numbers are what was asked, of one thread and of several; who may have it; what a real
 * Prometheus makes of its metrics, with the dashboard of examples/grafana/; and how the page looks to a browser.
 */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { Browser, inspectPage } from "./browser.ts";
import { isRunning, waitUntil } from "./daemon.ts";
import { curl, run, startServer, type TestServer, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";

const EXAMPLES = join(import.meta.dirname ?? ".", "..", "examples", "grafana");
const STATUS = ["--status", "/status/"];

/** As much of the JSON as is looked at. */
interface Told {
  readonly workers: { readonly count: number; readonly answering: number };
  readonly requests: { readonly total: number; readonly underWay: number; readonly perSecond: Record<string, number> };
  readonly bytes: { readonly total: number };
  readonly answers: Record<string, number>;
  readonly connections: {
    readonly accepted: number;
    readonly open: number;
    readonly idle: number;
    readonly kinds: readonly { readonly protocol: string; readonly tls: boolean; readonly open: number }[];
    readonly handshakes: { readonly count: number; readonly failed: number };
  };
  readonly scripts: {
    readonly running: readonly Record<string, unknown>[];
    readonly starts: { readonly count: number };
    readonly runs: { readonly count: number; readonly seconds: number };
  };
  readonly upstreams: readonly Record<string, unknown>[];
  readonly places: readonly {
    readonly place: string;
    readonly requests: number;
    readonly bytes: number;
    readonly seconds: number;
  }[];
  readonly certificates: readonly { readonly names: readonly string[]; readonly daysLeft: number }[];
  readonly limits: readonly { readonly name: string; readonly count: number }[];
  readonly descriptors: { readonly open: number | null };
}

async function statusOf({ url }: Pick<TestServer, "url">): Promise<Told> {
  const response = await fetch(`${url}/status/json`);
  assertEquals(response.status, 200);
  return await response.json();
}

/** Asks on a connection of its own; gives the status. */
async function ask(url: string, ...args: readonly string[]): Promise<string> {
  return (await curl("-o", "/dev/null", "-w", "%{http_code}", ...args, url)).text;
}

/** A program that says who it is, and waits until somebody writes into the pipe beside it. */
async function makeScripts(folder: string): Promise<{ readonly args: readonly string[]; readonly gate: string }> {
  const gate = join(folder, "gate");
  await run("mkfifo", [gate]);
  const hold =
    `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho $$ >'${folder}/pid'\nread line <'${gate}'\necho "$line"\n`;
  await writeFiles(folder, { "cgi/hold": hold });
  await Deno.chmod(join(folder, "cgi/hold"), 0o755);
  return { args: ["--cgi", join(folder, "cgi")], gate };
}

for (const way of ["on", "off"]) {
  Deno.test(`the status tells of what was asked, and of a program while it runs, --native ${way}`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "lisod-status-" });
    try {
      const { args, gate } = await makeScripts(folder);
      const files = { "index.html": "x".repeat(500), "big": "y".repeat(3_000_000) };
      await using server = await startServer({ files, args: [...STATUS, ...args, "--native", way] });
      const before = await statusOf(server);
      for (const path of ["/", "/", "/big", "/none", "/none?key=secret"]) await ask(server.url + path);
      await ask(`${server.url}/`, "-I");
      assertEquals(await ask(`${server.url}/${"a".repeat(9000)}`), "414");
      const holding = curl(`${server.url}/cgi/hold/inside?key=secret`);
      await waitUntil(() => pidOf(folder) !== null, "the program runs");
      const during = await statusOf(server);
      const pid = pidOf(folder);
      const [{ ageSeconds, cpuSeconds, ...script }] = during.scripts.running;
      assertEquals(script, { file: join(folder, "cgi/hold"), pid, client: "127.0.0.1" });
      assert(typeof ageSeconds === "number" && ageSeconds >= 0 && ageSeconds < 20, `${ageSeconds}`);
      assertEquals(typeof cpuSeconds, way === "on" ? "number" : "object");
      assertEquals(during.descriptors.open !== null, way === "on");
      const page = await (await fetch(`${server.url}/status/`)).text();
      assertStringIncludes(page, `<td data-name="Process">${pid}</td>`);
      assertNotMatch(page, /secret|inside/);
      await Deno.writeTextFile(gate, "done\n");
      assertEquals((await holding).text, "done\n");

      // The three looks at the status before these, too.
      let looks = 3;
      let after = await statusOf(server);
      // Its pipes end before it does.
      for (; (after.scripts.runs.count === 0 || after.scripts.running.length > 0) && looks < 1000; looks++) {
        after = await statusOf(server);
      }
      assertEquals(after.requests.total - before.requests.total, 8 + looks);
      assertEquals(after.requests.underWay, 1);
      assertEquals([after.answers["4xx"], after.answers["5xx"]], [3, 0]);
      const placeOf = (name: string) => after.places.find(({ place }) => place === name);
      const shown = placeOf("/");
      assertEquals(shown?.requests, 6);
      assert((shown?.bytes ?? 0) >= 3_001_000, `${shown?.bytes}`);
      assertEquals(after.bytes.total >= after.places.reduce((sum, { bytes }) => sum + bytes, 0), true);
      assertEquals([placeOf("/cgi/")?.requests, placeOf("/cgi/")?.bytes], [1, 5]);
      assertEquals([placeOf("/status/")?.requests, placeOf("none")?.requests], [looks, 1]);
      assertEquals([after.scripts.running, after.scripts.starts.count, after.scripts.runs.count], [[], 1, 1]);
      assertEquals(after.limits.map(({ name, count }) => `${name} ${count}`), ["line 1"]);
      assert(after.connections.accepted - before.connections.accepted >= 8, `${after.connections.accepted}`);
      assertEquals(server.logText().includes(" ERROR "), false, server.logText());
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function pidOf(folder: string): number | null {
  try {
    const pid = Number(Deno.readTextFileSync(join(folder, "pid")));
    return pid > 0 && isRunning(pid) ? pid : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

Deno.test("the status of several workers is that of all, whichever answers", async () => {
  await using server = await startServer({ args: [...STATUS, "--workers", "2", "--max-line-bytes", "2k"] });
  const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(server.port())));
  for (const client of clients) {
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assertEquals((await client.receive({ count: 1 })).responses[0]?.status, 200);
  }
  for (let round = 0; round < 12; round++) {
    // Each on a connection of its own, so that both workers come to answer.
    const told: Told = JSON.parse((await curl(`${server.url}/status/json`)).text);
    assertEquals(told.workers, { count: 2, answering: 2 });
    assertEquals([told.requests.total, told.requests.underWay], [40 + round, 1]);
    assertEquals(told.places.map(({ place, requests }) => `${place} ${requests}`).slice(0, 1), ["/ 40"]);
    assert(told.connections.idle >= 40 && told.connections.open <= 43, JSON.stringify(told.connections));
    assertEquals(told.connections.kinds.length, 1);
  }
  for (const client of clients) client[Symbol.dispose]();
  assertEquals((await server.stop()).code, 0);
  assertNotMatch(server.logText(), / ERROR /);
});

Deno.test("the status is for clients of the machine, seen through proxies that are named, unless its place says otherwise", async () => {
  const config =
    "[/open/]\nstatus = on\nallow = 0.0.0.0/0\nallow = ::/0\n[/some/]\nstatus = on\nallow = 192.0.2.0/24\n" +
    "[/passed/]\nstatus = on\nauth = Operators:operators\nallow = 0.0.0.0/0\n";
  const folder = await Deno.makeTempDir({ prefix: "lisod-status-" });
  try {
    const hash = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"; // of "myPassword", as htpasswd(1) shows it
    await writeFiles(folder, { "lisod.conf": config, operators: `eva:${hash}\n` });
    const told = ["--config", join(folder, "lisod.conf"), ...STATUS];
    const table: readonly (readonly [path: string, client: string | null, want: readonly [string, string]])[] = [
      ["/status/", null, ["200", "200"]],
      ["/status/json", "192.0.2.7", ["403", "403"]],
      ["/status/", "127.0.0.1", ["200", "200"]],
      ["/status", "192.0.2.7", ["403", "403"]],
      // Without a proxy that is named, it is one of this machine that asks for somebody elsewhere.
      ["/open/", "192.0.2.7", ["200", "403"]],
      ["/open/metrics", null, ["200", "200"]],
      ["/some/", null, ["403", "403"]],
      ["/some/", "192.0.2.7", ["200", "403"]],
      ["/some/", "198.51.100.7", ["403", "403"]],
      ["/passed/", null, ["401", "401"]],
    ];
    for (const [at, args] of [[0, [...told, "--proxy", "127.0.0.1"]], [1, told]] as const) {
      await using server = await startServer({ args });
      for (const [path, client, want] of table) {
        const fields = client === null ? [] : ["-H", `X-Forwarded-For: ${client}`];
        assertEquals([path, client, await ask(server.url + path, ...fields)], [path, client, want[at]]);
      }
      for (const method of ["POST", "PUT", "DELETE"]) {
        const { text } = await curl("-i", "-X", method, `${server.url}/status/`);
        assertMatch(text, method === "POST" ? /^HTTP\/1.1 405 .*\r\nAllow: GET, HEAD\r\n/s : /^HTTP\/1.1 405 /);
      }
      const { text } = await curl("-I", `${server.url}/status/`);
      assertMatch(text, /\r\nCache-Control: no-store\r\n/);
      const shown = await run("./lisod", ["--root", server.place.root, ...args, "--check", "--verbose"]);
      assertMatch(shown.text, /\/status\/ +status of the server +127\.0\.0\.0\/8, ::1 +--status\n/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a status place comes with SIGHUP, with numbers from the start on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-status-" });
  try {
    const path = join(folder, "lisod.conf");
    await Deno.writeTextFile(path, "[/other/]\nlisting\n");
    await using server = await startServer({ args: ["--config", path] });
    for (const want of ["200", "200"]) assertEquals(await ask(`${server.url}/`), want);
    assertEquals(await ask(`${server.url}/status/`), "404");
    await Deno.writeTextFile(path, "[/status/]\nstatus = on\n");
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes("INFO main: reloaded"));
    assertEquals((await statusOf(server)).requests.total, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Everything that metrics tell of: HTTPS, a program, an upstream that is not there, a limit that was reached. */
async function startWhole(folder: string): Promise<HttpsServer> {
  await writeFiles(folder, { "cgi/hello": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n" });
  await Deno.chmod(join(folder, "cgi/hello"), 0o755);
  const args = ["--cgi", join(folder, "cgi"), "--forward", "/away=http://127.0.0.1:9/", "--cgi-warm", "on"];
  const https = await HttpsServer.start({ args: [...STATUS, ...args] });
  const { server, certificates } = https;
  for (const path of ["/", "/cgi/hello", "/away/", `/${"a".repeat(9000)}`]) await ask(server.url + path);
  assertEquals(await ask(`${https.url}/`, "--cacert", certificates.root), "200");
  return https;
}

Deno.test("metrics are what promtool, Prometheus and the dashboard of examples/ expect", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-status-" });
  try {
    await using https = await startWhole(folder);
    const { server } = https;
    await using prometheus = await startPrometheus(folder, server.port("http"));
    const response = await fetch(`${server.url}/status/metrics`);
    assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    await Deno.writeTextFile(join(folder, "metrics"), text);
    const checked = await run("sh", ["-c", `promtool check metrics <'${folder}/metrics'`]);
    assertEquals([checked.code, checked.text, checked.stderr], [0, "", ""]);

    const up = await prometheus.waitFor("up == 1");
    assertEquals(up[0].metric.job, "lisod");
    const [{ value }] = await prometheus.waitFor('lisod_http_requests_total{place="/cgi/",class="2xx"}');
    assertEquals(value[1], "1");
    const names = new Set(text.match(/^lisod_\w+/gm));
    const targets = await Deno.readTextFile(join(EXAMPLES, "lisod.json")).then((dashboard) =>
      JSON.parse(dashboard).panels.flatMap((panel: { targets: { expr: string }[] }) => panel.targets)
    );
    const wrong: string[] = [];
    for (const { expr } of targets as readonly { readonly expr: string }[]) {
      const unknown = (expr.match(/lisod_\w+/g) ?? [expr]).filter((name) => !names.has(name));
      const query = expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".+");
      const { status } = await prometheus.ask(query);
      if (unknown.length > 0 || status !== "success") wrong.push(`${expr}: ${unknown.join()} ${status}`);
    }
    assertEquals([wrong, targets.length > 10], [[], true]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

interface Answer {
  readonly status: string;
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

/** Prometheus with the configuration of examples/, which asks that port once a second, on a port that the kernel chooses. */
async function startPrometheus(folder: string, port: number) {
  const text = await Deno.readTextFile(join(EXAMPLES, "prometheus.yml"));
  const own = text.replace("127.0.0.1:8080", `127.0.0.1:${port}`).replace(
    "scrape_interval: 15s",
    "scrape_interval: 1s",
  );
  assertNotMatch(own, /8080|15s/);
  await writeFiles(folder, { "prometheus.yml": own });
  const process = new Deno.Command("prometheus", {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      "--web.listen-address=127.0.0.1:0",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = (async () => {
    for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) log += part;
  })();
  const portOf = () => /msg="Listening on" address=127\.0\.0\.1:(\d+)/.exec(log)?.[1];
  const ask = async (query: string): Promise<Answer> => {
    const url = `http://127.0.0.1:${portOf()}/api/v1/query?query=${encodeURIComponent(query)}`;
    return await (await fetch(url)).json();
  };
  await waitUntil(() => portOf() !== undefined, "Prometheus listens", 15_000);
  return {
    ask,
    /** The result, once there is one. */
    async waitFor(query: string): Promise<Answer["data"]["result"]> {
      for (const endMs = Date.now() + 15_000; Date.now() < endMs;) {
        const { data } = await ask(query);
        if (data?.result.length > 0) return data.result;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`Prometheus has nothing for ${query}:\n${log}`);
    },
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await Promise.all([process.status, reading]);
    },
  };
}

Deno.test("the status page fits a phone and a desktop in light and dark, is accessible and leads home", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-status-" });
  try {
    const long = "a-name-that-is-very-long-and-has-no-place-to-be-broken-".repeat(4);
    await writeFiles(folder, { [`cgi/${long}`]: '#!/usr/bin/awk -f\nBEGIN { print "Status: 204\\n" }\n' });
    await Deno.chmod(join(folder, "cgi", long), 0o755);
    const args = [...STATUS, "--cgi", join(folder, "cgi"), "--cgi-warm", "on"];
    await using https = await HttpsServer.start({ args: [...args, "--alias", `/${long}/=${dirname(folder)}`] });
    const { server: { url } } = https;
    for (const path of ["/", `/cgi/${long}`, `/cgi/${long}`, `/${long}/none`, `/${"a".repeat(9000)}`]) {
      await ask(url + path);
    }
    await using browser = await Browser.launch();
    for (
      const [place, viewport] of [["phone", { width: 390, height: 844 }], ["desktop", {
        width: 1280,
        height: 800,
      }]] as const
    ) {
      for (const colorScheme of ["light", "dark"] as const) {
        const { page, faults } = await browser.openPage({ viewport, colorScheme });
        await page.goto(`${url}/status/`);
        assertEquals(await inspectPage(page, `look/status-${place}-${colorScheme}`), []);
        assertEquals(faults, []);
        const links = await page.evaluate("[...document.links].map((link) => link.getAttribute('href')).join(' ')");
        assertEquals(links, "/ json metrics");
        const text = await page.textContent("main") ?? "";
        assertMatch(text, new RegExp(`${long}: "awk" is neither Python 3 nor Perlplain-002\n`));
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
