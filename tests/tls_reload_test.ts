/** A new key and certificate while the built binary runs. */
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { waitUntil } from "./daemon.ts";
import { runLisod } from "./harness.ts";
import { IS_LONG } from "./long.ts";
import { httpsArguments, HttpsServer, makeCertificates, renewPair } from "./https.ts";

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

for (
  const { workers, times } of [{ workers: 1, times: IS_LONG ? 20 : 8 }, { workers: 2, times: 4 }, {
    workers: 3,
    times: 2,
  }]
) {
  Deno.test(`lisod loses no request when its certificate is replaced ${times} times under load, workers: ${workers}`, async () => {
    await using server = await HttpsServer.start({ certs: ["localhost"], args: ["--workers", `${workers}`] });
    const caCerts = [await Deno.readTextFile(server.certificates.root)];
    let [isLast, servedCount] = [false, 0];
    const load = Array.from({ length: 8 }, async () => {
      let [served, failures] = [0, [] as string[]];
      while (!isLast) {
        try {
          using client = await Deno.connectTls({ hostname: "localhost", port: server.port, caCerts });
          assertMatch(await ask(client), /^HTTP\/1\.1 200 OK\r\n/);
          served++;
          servedCount++;
        } catch (error) {
          failures.push(String(error));
        }
      }
      return { served, failures };
    });
    for (let count = 1; count <= times; count++) {
      await renewPair(server.certificates, ["localhost", `n${count}.example`]);
      Deno.kill(server.server.pid, "SIGHUP");
      await server.server.waitForLog((log) => log.split("INFO main: reloaded").length > count);
      // Load between any two.
      await waitUntil(() => servedCount > 120 * count / times, "clients were served");
    }
    isLast = true;
    const results = await Promise.all(load);
    assertEquals(results.flatMap(({ failures }) => failures), []);
    const served = results.reduce((sum, result) => sum + result.served, 0);
    assert(served > 100, `${served} requests`);
    const wanted = `DNS:localhost, DNS:n${times}.example`;
    const names = await Promise.all(Array.from({ length: 8 * workers }, () => namesOf(server)));
    for (const found of names) assertStringIncludes(found, wanted);
  });
}

Deno.test("lisod keeps old connections and gives new ones the new certificate when it gets SIGHUP", async () => {
  await using server = await HttpsServer.start({ certs: ["localhost", "old.example"] });
  using old = await server.connect();
  assertMatch(await ask(old), /^HTTP\/1\.1 200 OK/);
  await makeCertificates(server.certificates.folder, "--rsa", "localhost", "new.example");
  await reload(server);
  assertMatch(await namesOf(server), /new\.example/);
  assertMatch(await ask(old), /^HTTP\/1\.1 200 OK/);
});

for (const workers of [1, 2]) {
  Deno.test(`lisod listens once for each of ${workers} workers and alone when the handover is over`, async () => {
    await using server = await HttpsServer.start({ certs: ["localhost"], args: ["--workers", `${workers}`] });
    await makeCertificates(server.certificates.folder, "localhost", "new.example");
    await reload(server);
    // Several replace their listeners one after the other before they say so.
    await server.server.waitForLog((log) => log.includes("INFO main: reloaded"));
    const endMs = performance.now() + 10_000;
    while (await countListeners(server.port) !== workers && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assertEquals(await countListeners(server.port), workers);
    const args = [
      "--root",
      server.server.place.folder,
      "--listen",
      "127.0.0.1",
      ...httpsArguments(server.certificates),
    ];
    const again = args.with(args.indexOf("--https") + 1, String(server.port));
    const second = await runLisod(...again, "--workers", "2");
    assertEquals(second.code, 1);
    assertMatch(second.stderr, /^lisod: --https "\d+ on 127\.0\.0\.1": already in use: /m);
  });
}

Deno.test("lisod keeps its certificate and says why when the new one is broken", async () => {
  await using server = await HttpsServer.start({ certs: ["localhost", "good.example"] });
  const { certificate, key, folder } = server.certificates;
  const table = [
    { damage: () => Deno.writeTextFile(certificate, "nothing"), says: /holds no whole certificate/ },
    { damage: () => Deno.remove(key), says: /server\.key\\?": does not exist/ },
  ];
  for (const { damage, says } of table) {
    await damage();
    Deno.kill(server.server.pid, "SIGHUP");
    await server.server.waitForLog((log) =>
      log.split("\n").some((line) => / ERROR main: /.test(line) && says.test(line))
    );
    assertMatch(await namesOf(server), /good\.example/);
  }
  await Deno.remove(folder, { recursive: true });
  await makeCertificates(folder, "localhost", "mended.example");
  await reload(server);
  assertMatch(await namesOf(server), /mended\.example/);
});

Deno.test({
  name: "lisod replaces its certificate when it has left root and may read the new one",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using server = await HttpsServer.start({ args: ["--user", "nobody"] });
    const { folder, key } = server.certificates;
    await makeCertificates(folder, "localhost", "new.example");
    Deno.kill(server.server.pid, "SIGHUP");
    await server.server.waitForLog((log) => / ERROR main: .*server\.key.*: permission denied/.test(log));
    for (const path of [folder, key]) await Deno.chmod(path, 0o755);
    await reload(server);
    assertMatch(await namesOf(server), /new\.example/);
  },
});

Deno.test("lisod leaves its listener alone when nothing has changed", async () => {
  await using server = await HttpsServer.start();
  Deno.kill(server.server.pid, "SIGHUP");
  await server.server.waitForLog((log) => log.includes("main: reloaded"));
  assertNotMatch(server.server.logText(), /new certificate/);
});

async function reload(server: HttpsServer): Promise<void> {
  Deno.kill(server.server.pid, "SIGHUP");
  await server.server.waitForLog((log) => log.includes("https: new certificate for "));
}

/** Sends a request and reads once: small answers come in one piece. */
async function ask(client: Deno.TlsConn): Promise<string> {
  await client.write(REQUEST);
  const answer = new Uint8Array(4096);
  return new TextDecoder().decode(answer.subarray(0, await client.read(answer) ?? 0));
}

/** What a new connection is shown. */
async function namesOf(server: HttpsServer): Promise<string> {
  const { text } = await server.sClient();
  const openssl = new Deno.Command("openssl", {
    args: ["x509", "-noout", "-ext", "subjectAltName"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = openssl.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await openssl.output()).stdout);
}

/** Sockets that listen on the port. /proc/net/tcp: local address in hexadecimal, 0A is LISTEN. */
async function countListeners(port: number): Promise<number> {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  const tables = await Promise.all(["/proc/net/tcp", "/proc/net/tcp6"].map((path) => Deno.readTextFile(path)));
  return tables.join("").split("\n").filter((line) =>
    line.split(": ")[1]?.slice(0, 40).includes(end) && / 0A /.test(line)
  ).length;
}
