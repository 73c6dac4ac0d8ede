/** scripts/ddns against a server that speaks dyndns2 over TLS and one that tells addresses. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Ended, run } from "./harness.ts";
import { type Certificates, makeCertificates } from "./https.ts";

const SCRIPT = join(import.meta.dirname ?? ".", "..", "scripts", "ddns");

type Settings = Readonly<Record<string, string>>;

/** A request as the service saw it. */
interface Seen {
  readonly target: string;
  readonly authorization: string | null;
  readonly userAgent: string | null;
}

/** Of all scenes. */
let certificates: Promise<Certificates> | null = null;

async function makeShared(): Promise<Certificates> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-ddns-certs-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return await makeCertificates(folder, "localhost");
}

/** A service, a machine with an address, and the files of one user. */
class Scene implements AsyncDisposable {
  /** What the service answers. */
  answer = { status: 200, text: "good 192.0.2.1" };
  /** What the address service answers. */
  address = "192.0.2.1\n";
  readonly seen: Seen[] = [];
  addressCount = 0;
  readonly #folder: string;
  readonly #service: Deno.HttpServer<Deno.NetAddr>;
  readonly #addresses: Deno.HttpServer<Deno.NetAddr>;

  private constructor(folder: string, pair: { readonly key: string; readonly cert: string }) {
    this.#folder = folder;
    const quiet = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#service = Deno.serve({ ...quiet, ...pair }, (request) => {
      const { pathname, search } = new URL(request.url);
      const authorization = request.headers.get("authorization");
      this.seen.push({ target: pathname + search, authorization, userAgent: request.headers.get("user-agent") });
      return new Response(this.answer.text, { status: this.answer.status });
    });
    this.#addresses = Deno.serve(quiet, () => {
      this.addressCount++;
      return new Response(this.address);
    });
  }

  static async start(settings: Settings = {}): Promise<Scene> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-ddns-" });
    const shared = await (certificates ??= makeShared());
    await Deno.copyFile(shared.root, join(folder, "root.crt"));
    const { key, certificate } = shared;
    const scene = new Scene(folder, { key: await Deno.readTextFile(key), cert: await Deno.readTextFile(certificate) });
    await scene.configure(settings);
    return scene;
  }

  /** Writes the configuration; a setting of "" leaves its line out. */
  async configure(settings: Settings = {}): Promise<void> {
    const all = {
      hostname: "blog.example.org",
      username: "user@example.org",
      password: 'pass "word\\ #1',
      contact: "admin@example.org",
      server: `localhost:${this.#service.addr.port}`,
      "address-url": `http://127.0.0.1:${this.#addresses.addr.port}/`,
      "ca-file": join(this.#folder, "root.crt"),
      ...settings,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== "").map(([name, value]) =>
      `${name} = ${value}\n`
    );
    await Deno.writeTextFile(this.config, `# The name of this host\n${lines.join("")}`);
    await Deno.chmod(this.config, 0o600);
  }

  get config(): string {
    return join(this.#folder, "ddns.conf");
  }

  get state(): string {
    return join(this.#folder, "state/ddns.state");
  }

  run(...args: readonly string[]): Promise<Ended> {
    return run(SCRIPT, ["--config", this.config, "--state", this.state, ...args]);
  }

  /** A value of the state file, in seconds since 1970 or a count. */
  async remembered(name: string): Promise<number> {
    return Number(new RegExp(`^${name} = (\\d+)$`, "m").exec(await Deno.readTextFile(this.state))?.[1]);
  }

  /** Lets the time that the state file speaks of pass. */
  async passTime(seconds: number): Promise<void> {
    const text = await Deno.readTextFile(this.state);
    await Deno.writeTextFile(
      this.state,
      text.replace(/^(told|next) = (\d+)$/gm, (_, name, value) => `${name} = ${Math.max(0, Number(value) - seconds)}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#service.shutdown(), this.#addresses.shutdown()]);
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("ddns sends one request with basic authentication and a user agent when the address is new", async () => {
  await using scene = await Scene.start();
  const { code, text, stderr } = await scene.run();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(text, "ddns: blog.example.org is now 192.0.2.1\n");
  assertEquals(scene.seen, [{
    target: "/nic/update?hostname=blog.example.org&myip=192.0.2.1",
    authorization: `Basic ${btoa('user@example.org:pass "word\\ #1')}`,
    userAgent: "lisod ddns/Linux-1.0 admin@example.org",
  }]);
  assertEquals((Deno.statSync(scene.state).mode ?? 0) & 0o777, 0o600);
});

Deno.test("ddns sends nothing when the address is the same, and again when it changes or 25 days have passed", async () => {
  await using scene = await Scene.start();
  for (let count = 0; count < 3; count++) assertEquals((await scene.run()).code, 0);
  assertEquals([scene.seen.length, scene.addressCount], [1, 3]);
  scene.address = "192.0.2.2";
  scene.answer.text = "good 192.0.2.2";
  await scene.run();
  assertEquals(scene.seen[1].target, "/nic/update?hostname=blog.example.org&myip=192.0.2.2");
  await scene.passTime(24 * 86_400);
  await scene.run();
  assertEquals(scene.seen.length, 2);
  await scene.passTime(86_400);
  scene.answer.text = "nochg 192.0.2.2";
  assertEquals((await scene.run()).text, "ddns: blog.example.org already was 192.0.2.2\n");
  assertEquals(scene.seen.length, 3);
});

Deno.test("ddns takes IPv6 addresses and a fixed address without asking for one", async () => {
  await using scene = await Scene.start({ address: "2001:db8::7" });
  scene.answer.text = "good 2001:db8::7";
  assertEquals((await scene.run()).code, 0);
  assertEquals(scene.seen[0].target, "/nic/update?hostname=blog.example.org&myip=2001:db8::7");
  assertEquals(scene.addressCount, 0);
});

const REFUSALS: readonly { readonly text: string; readonly status?: number; readonly says: string }[] = [
  { text: "nohost", says: '"blog.example.org" is no host of this account' },
  { text: "badauth", status: 401, says: "user name or password is wrong" },
  { text: "badagent", says: "this client is blocked" },
  { text: "!donator", says: "the account does not include this" },
  { text: "abuse\n", says: "blocked for abuse" },
  { text: "notfqdn\r\n", says: "is no full name" },
  { text: "numhost", says: "too many hosts" },
  { text: "good 127.0.0.1", says: "this client is blocked" },
];
for (const { text, status = 200, says } of REFUSALS) {
  Deno.test(`ddns never asks again until its configuration changes when the answer is ${JSON.stringify(text)}`, async () => {
    await using scene = await Scene.start();
    scene.answer = { status, text };
    const first = await scene.run();
    assertEquals(first.code, 1);
    assertStringIncludes(first.stderr, says);
    for (let count = 0; count < 3; count++) {
      await scene.passTime(30 * 86_400);
      const later = await scene.run();
      assertEquals(later.code, 1);
      assertStringIncludes(later.stderr, text.trim());
    }
    // No-IP: a refused client does not use the address service either.
    assertEquals([scene.seen.length, scene.addressCount], [1, 1]);
    scene.answer = { status: 200, text: "good 192.0.2.1" };
    await scene.configure({ password: "another" });
    assertEquals((await scene.run()).code, 0);
    assertEquals(scene.seen.length, 2);
  });
}

Deno.test("ddns asks again when it is told --retry", async () => {
  await using scene = await Scene.start();
  scene.answer.text = "abuse";
  await scene.run();
  scene.answer.text = "nochg 192.0.2.1";
  assertEquals((await scene.run("--retry")).code, 0);
  assertEquals((await scene.run()).code, 0);
  assertEquals(scene.seen.length, 2);
});

const TROUBLES: readonly { readonly text: string; readonly status: number; readonly says: RegExp }[] = [
  { text: "911", status: 200, says: /answers "911": it has trouble of its own; again in 30 minutes/ },
  { text: "dnserr", status: 200, says: /answers "dnserr"/ },
  { text: "<html>Bad Gateway</html>", status: 502, says: /answers status 502 and "<html>Bad Gateway<\/html>"/ },
  { text: "", status: 500, says: /answers status 500 and ""/ },
  {
    text: `\u001b[31m${"x".repeat(2000)}`,
    status: 200,
    says: /^ddns: localhost:\d+ answers status 200 and "\[31mx{76}"; again/,
  },
];
for (const { text, status, says } of TROUBLES) {
  Deno.test(`ddns waits half an hour, then longer and longer, when the answer is ${status} ${JSON.stringify(text).slice(0, 30)}`, async () => {
    await using scene = await Scene.start();
    scene.answer = { status, text };
    const { code, stderr } = await scene.run();
    assertEquals(code, 1);
    assertMatch(stderr, says);
    const waits: number[] = [];
    for (let count = 1; count <= 9; count++) {
      assertEquals((await scene.run()).code, 0);
      assertEquals([scene.seen.length, scene.addressCount], [count, count]);
      const wait = await scene.remembered("next") - Date.now() / 1000;
      waits.push(Math.round(wait / 60));
      await scene.passTime(Math.ceil(wait) + 1);
      await scene.run();
    }
    assertEquals(waits, [30, 30, 30, 40, 80, 160, 320, 360, 360]);
    scene.answer = { status: 200, text: "good 192.0.2.1" };
    await scene.passTime(86_400);
    assertEquals((await scene.run()).code, 0);
    assertEquals([await scene.remembered("failures"), await scene.remembered("next")], [0, 0]);
  });
}

Deno.test("ddns sends nothing and waits when the network or the address service fails", async () => {
  const table: readonly { readonly settings: Settings; readonly address: string; readonly says: RegExp }[] = [
    {
      settings: { server: "localhost:1" },
      address: "192.0.2.1",
      says: /Cannot ask localhost:1: curl: \(7\) .*; again in 5 minutes/,
    },
    {
      settings: { "ca-file": "/etc/hostname" },
      address: "192.0.2.1",
      says: /Cannot ask localhost:\d+: curl: \(\d+\) .*certificate/i,
    },
    {
      settings: { "address-url": "http://127.0.0.1:1/" },
      address: "",
      says: /Cannot ask http:\/\/127\.0\.0\.1:1\/: curl: \(7\)/,
    },
    { settings: {}, address: "<html>Login</html>", says: /Not an address: "<html>Login<\/html>"; again in 5 minutes/ },
    { settings: {}, address: "192.0.2.256", says: /Not an address/ },
    { settings: {}, address: "192.0.2.1&hostname=other", says: /Not an address/ },
  ];
  for (const { settings, address, says } of table) {
    await using scene = await Scene.start(settings);
    scene.address = address;
    for (const code of [1, 0]) {
      const ended = await scene.run();
      assertEquals(ended.code, code, ended.stderr);
      if (code === 1) assertMatch(ended.stderr, says);
    }
    assertEquals(scene.seen, []);
  }
});

Deno.test("ddns refuses a configuration that is open to others or wrong", async () => {
  const table: readonly { readonly settings: Settings; readonly says: string }[] = [
    { settings: { hostname: "" }, says: 'has no line "hostname = ..."' },
    { settings: { password: "" }, says: 'has no line "password = ..."' },
    { settings: { contact: "me" }, says: "Not a mail address" },
    { settings: { hostname: "a&myip=1" }, says: "Not a host name" },
    { settings: { server: "a/b" }, says: "Not a host" },
    { settings: { username: "a:b" }, says: "A colon in the user name" },
  ];
  await using scene = await Scene.start();
  for (const { settings, says } of table) {
    await scene.configure(settings);
    const { code, stderr } = await scene.run();
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, says);
  }
  await scene.configure();
  for (const mode of [0o644, 0o640, 0o604]) {
    await Deno.chmod(scene.config, mode);
    const { code, stderr } = await scene.run();
    assertEquals(code, 2);
    assertStringIncludes(stderr, `chmod 600 ${scene.config}`);
  }
  const copy = { CREDENTIALS_DIRECTORY: join(scene.config, "..") };
  await Deno.chmod(scene.config, 0o440);
  assertEquals((await run(SCRIPT, ["--config", scene.config, "--state", scene.state], { env: copy })).code, 0);
  assertEquals(scene.seen.length, 1);
});

Deno.test("ddns keeps the password out of the list of processes", async () => {
  await using scene = await Scene.start();
  // What curl is started with, in place of curl.
  const [bin, log] = [join(scene.config, "../bin"), join(scene.config, "../arguments")];
  await Deno.mkdir(bin);
  await Deno.writeTextFile(join(bin, "curl"), `#!/bin/sh\nprintf '%s\\n' "$@" >>${log}\nexec /usr/bin/curl "$@"\n`, {
    mode: 0o755,
  });
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  assertEquals((await run(SCRIPT, ["--config", scene.config, "--state", scene.state], { env })).code, 0);
  const seen = await Deno.readTextFile(log);
  assertStringIncludes(seen, "/nic/update");
  assertEquals(/pass|word/.test(seen), false);
});

Deno.test("lisod-ddns.service and lisod-ddns.timer are valid units that run the script with its credentials", async () => {
  const folder = await Deno.makeTempDir();
  const source = join(SCRIPT, "..");
  for (const name of ["lisod-ddns.service", "lisod-ddns.timer"]) {
    const text = await Deno.readTextFile(join(source, name));
    await Deno.writeTextFile(join(folder, name), text.replace("/usr/local/lib/lisod/ddns ", `${SCRIPT} `));
  }
  const units = ["lisod-ddns.service", "lisod-ddns.timer"].map((name) => join(folder, name));
  const { code, stderr } = await run("systemd-analyze", ["verify", ...units]);
  await Deno.remove(folder, { recursive: true });
  assertEquals([code, stderr], [0, ""]);
});
