/** Who may have what: passwords, addresses, proxies and limits for each address, against the compiled binary. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, run, runLisod, startServer, type TestServer, writeFiles } from "./harness.ts";
import { exchange, RawClient } from "./raw_client.ts";
import { fieldValue } from "./raw_http.ts";

/** A folder with a file of users, which htpasswd makes: one for each kind of hash. The password is "p" and the name. */
async function withUsers(test: (users: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    const users = join(folder, "users");
    await Deno.writeTextFile(users, "");
    const kinds = [["bcrypt", "-B"], ["sha512", "-5"], ["sha256", "-2"], ["apr1", "-m"]];
    for (const [name, option] of kinds) await setPassword(users, { name, password: `p${name}`, option });
    await test(users, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function setPassword(
  users: string,
  { name, password, option = "-B" }: { name: string; password: string; option?: string },
): Promise<void> {
  const { code, stderr } = await run("htpasswd", ["-b", ...option.split(" "), users, name, password]);
  assertEquals(code, 0, stderr);
}

/** The status that curl gets. */
async function statusOf(server: TestServer, path: string, ...args: readonly string[]): Promise<string> {
  const { text } = await curl("--output", "/dev/null", "--write-out", "%{http_code}", ...args, server.url + path);
  return text;
}

const SCRIPT =
  '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%s %s %s" "$REMOTE_USER" "$AUTH_TYPE" "$REMOTE_ADDR"\n';

async function makeScript(folder: string): Promise<string> {
  const script = join(folder, "who");
  await Deno.writeTextFile(script, SCRIPT, { mode: 0o755 });
  return script;
}

Deno.test("--auth lets in the users of every kind of hash, and tells scripts and the log who they are", () =>
  withUsers(async (users, folder) => {
    const script = await makeScript(folder);
    await using server = await startServer({
      args: ["--auth", `Members:${users}:/members`, "--auth", `Scripts:${users}:/cgi`, "--cgi", script],
      files: { "members/a.txt": "for members", "b.txt": "for all" },
    });
    assertEquals(await statusOf(server, "/b.txt"), "200");
    assertEquals(await statusOf(server, "/members/a.txt"), "401");
    assertEquals(await statusOf(server, "//members//a.txt"), "401");
    assertEquals(await statusOf(server, "/x/../%6dembers/a.txt", "--path-as-is"), "401");
    for (const name of ["bcrypt", "sha512", "sha256", "apr1"]) {
      assertEquals(await statusOf(server, "/members/a.txt", "--user", `${name}:p${name}`), "200", name);
      assertEquals(await statusOf(server, "/members/a.txt", "--user", `${name}:wrong`), "401", name);
    }
    const { text } = await curl("--user", "bcrypt:pbcrypt", `${server.url}/cgi/x`);
    assertEquals(text, "bcrypt Basic 127.0.0.1");
    await server.stop();
    const lines = server.logText().split("\n");
    assert(lines.some((line) => /^127\.0\.0\.1 - sha512 \[.*"GET \/members\/a\.txt HTTP\/1\.1" 200 /.test(line)));
    assert(lines.some((line) => /^127\.0\.0\.1 - - \[.*"GET \/members\/a\.txt HTTP\/1\.1" 401 /.test(line)));
    assertEquals(server.logText().includes("pbcrypt"), false);
    // A wrong password is told from none, without which each visit begins.
    const wrong = lines.filter((line) => line.includes(" INFO access: "));
    assertEquals(wrong.map((line) => line.replace(/^.*? INFO /, "")), [
      ...["bcrypt", "sha512", "sha256", "apr1"].map((name) =>
        `access: 127.0.0.1: wrong password of "${name}", for "Members"`
      ),
    ]);
  }));

Deno.test("--auth limits wrong passwords, and knows right ones without counting them", () =>
  withUsers(async (users) => {
    await using server = await startServer({
      args: ["--auth", `Members:${users}:/`, "--max-guess-count", "3", "--guess-ms", "60s"],
    });
    const known = ["--user", "bcrypt:pbcrypt"];
    assertEquals(await statusOf(server, "/", ...known), "200");
    const guesses = [];
    for (let guess = 0; guess < 5; guess++) guesses.push(await statusOf(server, "/", "--user", `bcrypt:${guess}`));
    assertEquals(guesses, ["401", "401", "401", "429", "429"]);
    assertEquals(await statusOf(server, "/", "--user", "sha512:psha512"), "429");
    assertEquals(await statusOf(server, "/", ...known), "200");
  }));

Deno.test("--auth keeps nobody waiting while a slow hash is computed", () =>
  withUsers(async (users) => {
    // 2^12 rounds take about a second.
    await setPassword(users, { name: "slow", password: "pslow", option: "-B -C 12" });
    await using server = await startServer({ args: ["--auth", `Members:${users}:/private`], files: { "a": "a" } });
    const ended: string[] = [];
    const credentials = btoa("slow:pslow");
    const ask = async (path: string) => {
      const input = `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${credentials}\r\n\r\n`;
      const { responses } = await exchange(server.port(), input, { count: 1 });
      ended.push(`${path} ${responses[0].status}`);
    };
    const slow = ask("/private/b");
    for (let count = 0; count < 10; count++) await ask("/a");
    await slow;
    assertEquals(ended, [...new Array(10).fill("/a 200"), "/private/b 404"]);
  }));

Deno.test("SIGHUP reads the users again, and keeps the old ones when the file is no good", () =>
  withUsers(async (users) => {
    await using server = await startServer({ args: ["--auth", `Members:${users}:/`] });
    const reload = async (word: string) => {
      const count = server.logText().split(word).length;
      Deno.kill(server.pid, "SIGHUP");
      await server.waitForLog((log) => log.split(word).length > count);
    };
    assertEquals(await statusOf(server, "/", "--user", "bcrypt:pbcrypt"), "200");
    await setPassword(users, { name: "bcrypt", password: "new" });
    await setPassword(users, { name: "eva", password: "peva" });
    await reload(" reloaded");
    const outcomes = [];
    for (const user of ["bcrypt:pbcrypt", "bcrypt:new", "eva:peva"]) {
      outcomes.push(await statusOf(server, "/", "--user", user));
    }
    assertEquals(outcomes, ["401", "200", "200"]);
    await Deno.writeTextFile(users, "eva:plain\n");
    await reload("line 1");
    assertEquals(await statusOf(server, "/", "--user", "eva:peva"), "200");
    assertEquals(await statusOf(server, "/", "--user", "eva:plain"), "401");
  }));

Deno.test("--allow and --deny go by the address, or by that of the client for whom a known proxy speaks", () =>
  withUsers(async (_, folder) => {
    const script = await makeScript(folder);
    const rules = ["--allow", "10.0.0.0/8:/office", "--deny", "127.0.0.0/8:/local"];
    const files = { "office/a": "a", "local/a": "a" };
    await using direct = await startServer({ args: rules, files });
    const forwarded = ["--header", "X-Forwarded-For: 10.1.2.3"];
    const statuses = async (server: TestServer, ...args: readonly string[]) => [
      await statusOf(server, "/office/a", ...args),
      await statusOf(server, "//office//a", ...args),
      await statusOf(server, "/local/a", ...args),
    ];
    const announced = async (server: TestServer) => {
      const header = "PROXY TCP4 10.1.2.3 10.0.0.1 4711 80\r\n";
      const { responses } = await exchange(server.port(), `${header}GET /office/a HTTP/1.1\r\nHost: a\r\n\r\n`, {
        count: 1,
      });
      return responses.map(({ status }) => status);
    };
    assertEquals(await statuses(direct), ["403", "403", "403"]);
    assertEquals(await statuses(direct, ...forwarded), ["403", "403", "403"]);
    assertEquals(await announced(direct), [400]);
    await using proxied = await startServer({ args: [...rules, "--proxy", "127.0.0.1", "--cgi", script], files });
    assertEquals(await statuses(proxied), ["403", "403", "403"]);
    assertEquals(await statuses(proxied, ...forwarded), ["200", "200", "200"]);
    assertEquals(await announced(proxied), [200]);
    const { text } = await curl(...forwarded, `${proxied.url}/cgi/x`);
    assertEquals(text, "  10.1.2.3");
    await proxied.stop();
    assertMatch(proxied.logText(), /^10\.1\.2\.3 - - .*"GET \/office\/a HTTP\/1\.1" 200 /m);
  }));

Deno.test("every answer says nosniff and what --header always says, and those that are no errors what --header says", async () => {
  await using server = await startServer({
    args: ["--header", "always X-Frame-Options: DENY", "--header", "Cache-Control: max-age=5"],
  });
  const input = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /missing HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/9\r\n\r\n";
  const { responses } = await exchange(server.port(), input);
  assertEquals(responses.map((response) => response.status), [200, 404, 400]);
  for (const response of responses) {
    assertEquals(fieldValue(response, "x-content-type-options"), "nosniff");
    assertEquals(fieldValue(response, "x-frame-options"), "DENY");
    assertEquals(fieldValue(response, "cache-control"), response.status === 200 ? "max-age=5" : null);
  }
});

Deno.test("--max-rate refuses one request too many", async () => {
  await using server = await startServer({ args: ["--max-rate", "3"] });
  using client = await RawClient.connect(server.port());
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4));
  const { responses } = await client.receive({ count: 4 });
  assertEquals(responses.map(({ status }) => status), [200, 200, 200, 429]);
  assertEquals(fieldValue(responses[3], "retry-after"), "1");
});

/** Says by a file that it runs, and answers when there is another one. */
const WAITING = `#!/bin/sh
: >started.$$
until [ -e go ]; do sleep 0.02; done
printf 'Content-Type: text/plain\\n\\ndone'
`;

Deno.test("--max-per-address refuses one connection too many where no client of the others is waited for", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    await writeFiles(folder, { "bin/wait": WAITING });
    await Deno.chmod(join(folder, "bin/wait"), 0o755);
    const started = () => Array.from(Deno.readDirSync(join(folder, "bin"))).filter(({ name }) => /^started/.test(name));
    await using server = await startServer({ args: ["--max-per-address", "2", "--cgi", join(folder, "bin")] });
    using first = await RawClient.connect(server.port());
    using second = await RawClient.connect(server.port());
    for (const client of [first, second]) await client.send("GET /cgi/wait HTTP/1.1\r\nHost: a\r\n\r\n");
    while (started().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await exchange(server.port(), "");
    assertEquals(refused.responses.map(({ status }) => status), [503]);
    await Deno.writeTextFile(join(folder, "bin/go"), "");
    for (const client of [first, second]) {
      const { responses } = await client.receive({ count: 1 });
      assertEquals(responses.map(({ status }) => status), [200]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file of users that clients could read, or that is missing, keeps the server from starting", () =>
  withUsers(async (users, folder) => {
    const root = join(folder, "www");
    await writeFiles(root, { "users": await Deno.readTextFile(users) });
    for (const [file, want] of [[users, 0], [join(root, "users"), 1], [join(folder, "missing"), 1]] as const) {
      const { code, stderr } = await runLisod("--root", root, "--check", "--auth", `A:${file}:/`);
      assertEquals([code, stderr.includes("--auth")], [want, want !== 0], stderr);
    }
  }));

Deno.test("--require lets in users by name and by group, and SIGHUP reads groups again", () =>
  withUsers(async (users, folder) => {
    const groups = join(folder, "groups");
    await Deno.writeTextFile(groups, "# who does what\nstaff: sha512 apr1\n");
    await using server = await startServer({
      args: [
        ...["--auth", `Members:${users}:/m`, "--auth-groups", groups],
        ...["--require", "user bcrypt:/m", "--require", "group staff:/m/staff", "--require", "user bcrypt:/m/staff"],
      ],
      files: { "m/a": "a", "m/staff/b": "b", "c": "c" },
    });
    const table: readonly (readonly [path: string, user: string | null, want: string])[] = [
      ["/c", null, "200"],
      ["/m/a", null, "401"],
      ["/m/a", "bcrypt", "200"],
      ["/m/a", "sha512", "401"],
      ["/m/none", "sha512", "401"],
      ["//m//staff//b", "sha512", "200"],
      ["/m/staff/b", "apr1", "200"],
      ["/m/staff/b", "bcrypt", "200"],
      ["/m/staff/b", "sha256", "401"],
    ];
    for (const [path, user, want] of table) {
      const args = user === null ? [] : ["--user", `${user}:p${user}`];
      assertEquals(await statusOf(server, path, ...args), want, `${path} ${user}`);
    }
    await Deno.writeTextFile(groups, "staff: sha256\n");
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes(" reloaded"));
    assertEquals(await statusOf(server, "/m/staff/b", "--user", "sha256:psha256"), "200");
    assertEquals(await statusOf(server, "/m/staff/b", "--user", "sha512:psha512"), "401");
    const { code, stderr } = await runLisod("--root", folder, "--require", "user eva:/m");
    assertEquals(code, 2);
    assertStringIncludes(stderr, '--require "user eva:/m": nobody is asked who he is there');
  }));
