/** --log-format and --access-format: lines of the whole server, in every way of serving, and a program of others that reads them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { latin1Bytes } from "../lib/http/grammar.ts";
import { curl, run, runLisod, startServer, type TestServer, writeFiles } from "./harness.ts";
import { exchange } from "./raw_client.ts";

type Line = Readonly<Record<string, unknown>>;

/** As goaccess(1) is told of the fields; `%^` passes over the milliseconds and the zone. */
const GOACCESS_JSON =
  '{"time":"%x.%^","client":"%h","user":"%e","method":"%m","target":"%U","protocol":"%H","status":"%s","bytes":"%b","duration":"%T","referer":"%R","user_agent":"%u"}';

const SCRIPT = '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n$UNIQUE_ID $$"\n';

/** Where the log is when it is read, all of it by lines that are JSON. */
function linesOf(text: string): readonly Line[] {
  return text.trimEnd().split("\n").map((line) => {
    assertMatch(line, /^[\x20-\x7e]+$/);
    return JSON.parse(line);
  });
}

function accessLines(text: string): readonly Line[] {
  return linesOf(text).filter((line) => "status" in line);
}

/** A folder of the test with a program; whoever gets it removes it. */
async function makeProgram(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-format-" });
  await writeFiles(folder, { "cgi/id": SCRIPT, "www/id": "file" });
  await Deno.chmod(join(folder, "cgi/id"), 0o755);
  return folder;
}

/** What clients send to break a line, and how it is told. */
const HOSTILE = [
  ["User-Agent", 'a","status":1,"x":"\\', 'a","status":1,"x":"\\'],
  ["Referer", "caf\xe9 \xff", "caf\ufffd \ufffd"],
] as const;

const WAYS: readonly (readonly string[])[] = [[], ["--native", "off"], ["--workers", "2"]];

for (const way of WAYS) {
  Deno.test(`--log-format json makes an object of each line, over HTTP/1 and HTTP/2 and after SIGHUP ${way.join(" ")}`, async () => {
    const folder = await makeProgram();
    await using server = await startServer({ args: ["--cgi", join(folder, "cgi"), "--log-format", "json", ...way] });
    const { url, place } = server;
    const said = new Map<string, string>();
    for (const http of ["--http1.1", "--http2-prior-knowledge"]) {
      for (const path of ["/index.html", "/none", "/cgi/id"]) {
        said.set(`${path}?${http}`, (await curl(`${url}${path}?${http}`, http)).text);
      }
    }
    const head = HOSTILE.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await exchange(server.port(), latin1Bytes(`GET /hostile HTTP/1.1\r\nHost: a\r\n${head}\r\n`), { count: 1 });
    await exchange(server.port(), 'G\x01T "/ HTTP/1.1\r\n\r\n', { count: 1 });
    await server.waitForLog((log) => log.split('"status"').length > 8);
    await Deno.rename(place.log, `${place.log}.1`);
    const old = accessLines(await Deno.readTextFile(`${place.log}.1`));
    assertEquals(old.length, 8);
    for (const [target, text] of said) {
      const line = old.find((each) => each.target === target);
      assert(line !== undefined, target);
      const isHttp2 = target.endsWith("2-prior-knowledge");
      assertEquals([line.method, line.protocol, line.host], ["GET", isHttp2 ? "HTTP/2.0" : "HTTP/1.1", "127.0.0.1"]);
      assertEquals([line.client, line.user, line.tls, line.site], ["127.0.0.1", null, false, null]);
      assertEquals([line.bytes, line.place], [text.length, target.startsWith("/cgi/") ? "/cgi" : "/"]);
      const { duration, first_byte } = line;
      assert(typeof duration === "number" && typeof first_byte === "number" && first_byte <= duration && duration < 30);
      if (target.startsWith("/cgi/")) assertEquals(`${line.request_id} ${line.script_pid}`, text);
      else assertEquals(line.script_pid, null);
    }
    const hostile = old.find(({ target }) => target === "/hostile");
    assertEquals([hostile?.user_agent, hostile?.referer, hostile?.status], [HOSTILE[0][2], HOSTILE[1][2], 404]);
    const unread = old.find(({ status }) => status === 400);
    assertEquals([unread?.method, unread?.duration, unread?.request_id], [null, null, null]);
    assertEquals(unread?.target, null);
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes('"message":"reloaded"'));
    await curl(`${url}/again`);
    await server.waitForLog((log) => log.includes("/again"));
    const news = linesOf(server.logText());
    assertEquals(news.filter((line) => "status" in line).map(({ target }) => target), ["/again"]);
    for (const line of news) assertMatch(`${line.time}`, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
    await Deno.remove(folder, { recursive: true });
  });
}

async function startSites(folder: string): Promise<TestServer> {
  const config = join(folder, "lisod.conf");
  const format = '{site} {place} "{request}" {status} {tls} {script_pid} {request_id} {field:X-A}|{duration}';
  await Deno.writeTextFile(
    config,
    `access-format = ${format}\n[a.example *.a.example]\nroot = ${folder}/www\n[b.example]\nroot = ${folder}/www\n` +
      `[b.example /p/]\ncgi = ${folder}/cgi\naccess-log = ${folder}/own.log\n`,
  );
  return await startServer({
    commandLine: ({ log }) => [
      ...["--http", "0", "--listen", "127.0.0.1", "--log", log, "--foreground", "--config", config],
    ],
  });
}

Deno.test("--access-format of a configuration file holds for all sites, and in the logs of places", async () => {
  const folder = await makeProgram();
  const own = join(folder, "own.log");
  await using server = await startSites(folder);
  const get = async (host: string, path: string) => {
    return (await curl(server.url + path, "--header", `Host: ${host}`, "--header", "X-A: one|two three")).text;
  };
  await get("x.a.example", "/id?a%20b");
  const [id, pid] = (await get("b.example", "/p/id")).split(" ");
  await get("b.example", "/none");
  await server.waitForLog((log) => log.includes("/none"));
  await server.stop();
  const field = "one\\x7ctwo\\x20three";
  const lines = server.logText().split("\n").filter((line) => /^\S+ \/\S* "/.test(line));
  const seconds = /\|\d+\.\d{6}$/;
  for (const line of lines) assertMatch(line, seconds);
  const withoutIds = lines.map((line) => line.replace(seconds, "").replace(/[0-9a-f-]{36}/, "ID"));
  assertEquals(withoutIds, [
    `a.example / "GET /id?a%20b HTTP/1.1" 200 off - ID ${field}`,
    `b.example / "GET /none HTTP/1.1" 404 off - ID ${field}`,
  ]);
  const [line, ...none] = (await Deno.readTextFile(own)).trimEnd().split("\n");
  assertEquals(line.replace(seconds, ""), `b.example /p "GET /p/id HTTP/1.1" 200 off ${pid} ${id} ${field}`);
  assertEquals(none, []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--access-format with a field that there is not keeps the server from starting, in one line that names it", async () => {
  const table: readonly (readonly [args: readonly string[], want: RegExp])[] = [
    [
      ["--access-format", "{status} {durations}"],
      /^lisod: --access-format "\{status\} \{durations\}": no field is called \{durations\}: there are \{time\} .*\n$/,
    ],
    [
      ["--access-format", "{status}", "--log-format", "JSON"],
      /^lisod: --log-format "JSON": unknown: give combined or json\n$/,
    ],
    [
      ["--log-format", "json", "--access-format", "[{status}]"],
      /^lisod: --access-format "\[\{status\}\]": "\[" is no member of a JSON object: .*\n$/,
    ],
  ];
  for (const [args, want] of table) {
    const { code, stderr } = await runLisod("--root", "/", "--check", ...args);
    assertEquals(code, 2);
    assertMatch(stderr, want);
  }
});

const LOGS: readonly (readonly [name: string, args: readonly string[], goaccess: readonly string[]])[] = [
  ["the log as it is by default", [], ["--log-format=COMBINED"]],
  ["--log-format json", ["--log-format", "json"], [
    `--log-format=${GOACCESS_JSON}`,
    "--datetime-format=%Y-%m-%dT%H:%M:%S",
  ]],
];

for (const [name, args, goaccess] of LOGS) {
  Deno.test(`goaccess reads ${name}`, async () => {
    const folder = await makeProgram();
    const access = join(folder, "access.log");
    await using server = await startServer({ args: ["--cgi", join(folder, "cgi"), "--access-log", access, ...args] });
    for (const path of ["/index.html", "/index.html", "/none", "/cgi/id?a=b%20c"]) {
      await curl(server.url + path, "--referer", 'http://a.example/"x\\', "--user-agent", 'Mozilla/5.0 "x" caf\u00e9');
    }
    await server.stop();
    const report = join(folder, "report.json");
    const { code, stderr } = await run("goaccess", [access, "--no-global-config", ...goaccess, "--output", report]);
    assertEquals(code, 0, stderr);
    const { general, requests, not_found, static_requests } = JSON.parse(await Deno.readTextFile(report));
    assertEquals([general.total_requests, general.valid_requests, general.failed_requests], [4, 4, 0]);
    const shown = (
      panel: { readonly data: readonly { readonly data: string; readonly hits: { readonly count: number } }[] },
    ) => panel.data.map(({ data, hits: { count } }) => `${data} ${count}`).toSorted();
    assertEquals([shown(requests), shown(not_found), shown(static_requests)], [
      ["/cgi/id?a=b c 1", "/index.html 2"],
      ["/none 1"],
      [],
    ]);
    if (args.length > 0) {
      assert(general.bandwidth > 0 && requests.data.every((each: Line) => "avgts" in each), "durations");
    }
    await Deno.remove(folder, { recursive: true });
  });
}
