/** The start of the built binary with HTTPS: what it refuses, what it warns of, and its options. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { curl, run, runLisod } from "./harness.ts";
import { type Certificates, httpsArguments, HttpsServer, makeCertificates } from "./https.ts";
import { exchange, RawClient } from "./raw_client.ts";
import { fieldValue } from "./raw_http.ts";

async function withCertificates(body: (certificates: Certificates) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(await makeCertificates(folder, "localhost"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("lisod names file, fault and openssl command in one line and listens nowhere when the pair is bad", async () => {
  await withCertificates(async ({ folder, key, certificate, root }) => {
    const table = [
      { key: join(folder, "none"), certificate, says: /^lisod: --key ".*none": does not exist: .*ls -lL \S+none$/ },
      {
        key,
        certificate: root,
        says: /^lisod: --certificate ".*": does not belong to the key, .*: see openssl x509 -in /,
      },
      {
        key: certificate,
        certificate,
        says: /^lisod: --key ".*": holds no whole private key.*: see openssl pkey -in /,
      },
    ];
    for (const { says, ...pair } of table) {
      for (const check of [[], ["--check"]]) {
        const { code, stderr } = await runLisod("--root", folder, "--http", "0", ...httpsArguments(pair), ...check);
        assertEquals([code, stderr.trimEnd().split("\n").length], [1, 1], stderr);
        assertMatch(stderr.trimEnd(), says);
      }
    }
    await Deno.writeTextFile(join(folder, "index.html"), "");
    const good = await runLisod("--root", folder, ...httpsArguments({ key, certificate }), "--check");
    assertEquals([good.code, good.stderr], [0, ""]);
  });
});

Deno.test("lisod warns and serves when the key is open to everybody and the certificate ends soon", async () => {
  await using server = await HttpsServer.start({
    makePair: async ({ folder }) => {
      await shell(`cd ${folder} && openssl x509 -in server.crt -x509toreq -copy_extensions copyall -signkey server.key |
        openssl x509 -req -days 10 -copy_extensions copyall -CA root.crt -CAkey root.key -out short.crt &&
        cp server.key open.key && chmod 644 open.key`);
      return { key: join(folder, "open.key"), certificate: join(folder, "short.crt") };
    },
  });
  const log = server.server.logText();
  assertMatch(log, / WARN https: Everybody on this machine can read the private key ".*open\.key" \(mode 0644\)/);
  assertMatch(log, / WARN https: The certificate expires on \d{4}-\d\d-\d\d, in 9 days: renew it/);
  assertEquals((await curl("--cacert", server.certificates.root, `${server.url}/`)).code, 0);
});

Deno.test("lisod serves with an encrypted key when it is given the passphrase", async () => {
  const folder = await Deno.makeTempDir();
  const passphrase = join(folder, "passphrase");
  await Deno.writeTextFile(passphrase, "correct horse\n", { mode: 0o600 });
  {
    await using server = await HttpsServer.start({
      args: ["--key-passphrase", passphrase],
      makePair: async ({ key, certificate }) => {
        await shell(`openssl pkcs8 -topk8 -in ${key} -passout file:${passphrase} -out ${key}.encrypted`);
        return { key: `${key}.encrypted`, certificate };
      },
    });
    assertEquals((await curl("--cacert", server.certificates.root, `${server.url}/`)).code, 0);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lisod serves HTTPS in the positional form when it gets the eight arguments", async () => {
  let pair: Certificates | undefined;
  await using server = await HttpsServer.start({
    makePair: (certificates) => Promise.resolve(pair = certificates),
    commandLine: ({ folder, root, log }) =>
      ["0", "0", log, join(folder, "lock"), root, "/bin/true", pair?.key ?? "", pair?.certificate ?? ""]
        .concat("--foreground"),
  });
  assertEquals((await curl("--cacert", server.certificates.root, `${server.url}/`)).code, 0);
});

const STRICT = "strict-transport-security";

Deno.test("lisod tells browsers to stay with HTTPS on the HTTPS port alone when it has --hsts", async () => {
  await using server = await HttpsServer.start({ args: ["--hsts", "31536000"] });
  for (const target of ["/", "/missing"]) {
    const request = `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    using client = new RawClient(await server.connect());
    await client.send(request);
    const secure = (await client.receive({ count: 1 })).responses[0];
    assertEquals(fieldValue(secure, STRICT), "max-age=31536000", target);
    const plain = (await exchange(server.server.port("http"), request, { count: 1 })).responses[0];
    assertEquals(fieldValue(plain, STRICT), null, target);
  }
});

Deno.test("lisod sends every client of the HTTP port to the HTTPS port when it has --https-redirect", async () => {
  await using server = await HttpsServer.start({ args: ["--https-redirect"] });
  const port = server.server.port("http");
  const table = [
    { request: "GET /a%20b?c=d HTTP/1.1\r\nHost: localhost:80\r\n", location: "https://localhost:PORT/a%20b?c=d" },
    { request: "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n", location: "https://127.0.0.1:PORT/" },
    { request: "HEAD / HTTP/1.1\r\nHost: [::1]\r\n", location: "https://[::1]:PORT/" },
  ];
  for (const { request, location } of table) {
    const [response] =
      (await exchange(port, `${request}Connection: close\r\n\r\nabc`, { methods: [request.split(" ")[0]] })).responses;
    assertEquals(response.status, 308);
    assertEquals(fieldValue(response, "location"), location.replace("PORT", String(server.port)));
  }
  for (const host of ["evil.example", "localhost.evil.example", ""]) {
    const [response] = (await exchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { count: 1 })).responses;
    assertEquals([response.status, fieldValue(response, "location")], [421, null], host);
  }
  const followed = await curl("--location", "--cacert", server.certificates.root, `http://localhost:${port}/`);
  assertStringIncludes(followed.text, "<title>Test</title>");
});

async function shell(script: string): Promise<void> {
  const { code, stderr } = await run("/bin/sh", ["-c", script]);
  assertEquals(code, 0, stderr);
}
