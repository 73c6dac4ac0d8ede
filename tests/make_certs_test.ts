/** scripts/make-certs run as its user would, and judged by openssl: what it makes, keeps, renews and refuses. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";

const SCRIPT = new URL("../scripts/make-certs", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly text: string;
}

async function run(command: string, args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Runs the script on a folder and returns what it printed; throws where it fails. */
async function makeCerts(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, text } = await run(SCRIPT, ["--folder", folder, ...args]);
  assertEquals(code, 0, text);
  return text;
}

async function openssl(...args: readonly string[]): Promise<string> {
  const { code, text } = await run("openssl", args);
  assertEquals(code, 0, `openssl ${args.join(" ")}: ${text}`);
  return text;
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether openssl, as strict as it can be, takes the certificate for a server of that name. */
async function isTrusted(folder: string, host: string): Promise<boolean> {
  const check = /^[\d.]+$|:/.test(host) ? "-verify_ip" : "-verify_hostname";
  const { code } = await run(
    "openssl",
    ["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-purpose", "sslserver", check, host]
      .concat(["-CAfile", `${folder}/root.crt`, `${folder}/server.crt`]),
  );
  return code === 0;
}

function readAll(folder: string): { readonly [name: string]: string } {
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]));
}

/** Makes the files' certificate again with the same key and names, to end in that many days. */
async function reissue(folder: string, name: "root" | "server", days: number): Promise<void> {
  const certificate = `${folder}/${name}.crt`;
  const signer = name === "root"
    ? ["-signkey", `${folder}/root.key`]
    : ["-CA", `${folder}/root.crt`, "-CAkey", `${folder}/root.key`];
  const [request, copy] = [`${folder}/again.csr`, ["-copy_extensions", "copyall"]];
  await openssl(
    "x509",
    "-in",
    certificate,
    "-x509toreq",
    ...copy,
    "-signkey",
    `${folder}/${name}.key`,
    "-out",
    request,
  );
  await openssl("x509", "-req", "-in", request, ...copy, "-days", String(days), "-out", certificate, ...signer);
  await Deno.remove(request);
}

Deno.test("make-certs makes a certificate that openssl trusts for each name when it is given names", async () => {
  await withFolder(async (folder) => {
    const names = ["blog.example.org", "*.shop.example.org", "192.0.2.7", "2001:db8::7", "xn--bcher-kva.example"];
    await makeCerts(folder, ...names);
    for (const name of [...names, "a.shop.example.org"]) assert(await isTrusted(folder, name), name);
    for (const name of ["example.org", "localhost", "192.0.2.8", "2001:db8::8", "a.b.shop.example.org"]) {
      assertEquals(await isTrusted(folder, name), false, name);
    }
  });
});

Deno.test("make-certs names localhost, the loopback addresses and this host when it is given no name", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder);
    for (const name of ["localhost", "127.0.0.1", "::1", Deno.hostname()]) assert(await isTrusted(folder, name), name);
  });
});

const KEYS = [
  { args: [], key: /Public-Key: \(256 bit\)[^]*NIST CURVE: P-256/, signature: /ecdsa-with-SHA256/ },
  { args: ["--rsa"], key: /Public-Key: \(2048 bit\)/, signature: /sha256WithRSAEncryption/ },
];
for (const { args, key, signature } of KEYS) {
  Deno.test(`make-certs sets key, extensions, validity and modes right when its options are [${args}]`, async () => {
    await withFolder(async (folder) => {
      await makeCerts(folder, ...args, "localhost");
      const [root, server] = await Promise.all(
        ["root", "server"].map((name) => openssl("x509", "-in", `${folder}/${name}.crt`, "-noout", "-text")),
      );
      for (const text of [root, server]) {
        assertMatch(text, key);
        assertMatch(text, signature);
      }
      assertMatch(root, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
      assertMatch(root, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
      assertMatch(server, /Basic Constraints: critical\s+CA:FALSE/);
      assertMatch(server, /Key Usage: critical\s+Digital Signature\n/);
      assertMatch(server, /Extended Key Usage: \s+TLS Web Server Authentication\n/);
      assertMatch(server, /Subject Alternative Name: \s+DNS:localhost\n/);
      const [start, end] = [...server.matchAll(/Not (?:Before|After ?) ?: (.*)/g)].map((match) => Date.parse(match[1]));
      assertEquals((end - start) / 86_400_000, 397);
      for (const name of ["root", "server"]) {
        assertEquals((Deno.statSync(`${folder}/${name}.key`).mode ?? 0) & 0o777, 0o600);
        assertEquals((Deno.statSync(`${folder}/${name}.crt`).mode ?? 0) & 0o777, 0o644);
      }
    });
  });
}

Deno.test("make-certs changes nothing when all is good already", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder, "--rsa", "localhost", "::1");
    const before = readAll(folder);
    assertStringIncludes(await makeCerts(folder, "--rsa", "localhost", "::1"), "Kept");
    assertStringIncludes(await makeCerts(folder), "localhost ::1");
    assertEquals(readAll(folder), before);
    assertEquals(Object.keys(before), ["root.crt", "root.key", "server.crt", "server.key", "server.names"]);
  });
});

Deno.test("make-certs renews a certificate with the names and key type of the last time when it ends within 30 days", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder, "--rsa", "blog.example.org");
    await reissue(folder, "server", 31);
    const before = readAll(folder);
    await makeCerts(folder);
    assertEquals(readAll(folder), before);
    await reissue(folder, "server", 29);
    await makeCerts(folder);
    assert(await isTrusted(folder, "blog.example.org"));
    await openssl("x509", "-in", `${folder}/server.crt`, "-noout", "-checkend", String(396 * 86_400));
    assertMatch(await openssl("x509", "-in", `${folder}/server.crt`, "-noout", "-text"), /Public-Key: \(2048 bit\)/);
    assertNotEquals(readAll(folder)["server.key"], before["server.key"]);
    assertEquals(readAll(folder)["root.crt"], before["root.crt"]);
  });
});

Deno.test("make-certs renews the root with its key and name when it ends within 30 days", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder, "localhost");
    const before = readAll(folder);
    await reissue(folder, "root", 29);
    await makeCerts(folder);
    assert(await isTrusted(folder, "localhost"));
    await openssl("x509", "-in", `${folder}/root.crt`, "-noout", "-checkend", String(3_649 * 86_400));
    const after = readAll(folder);
    assertEquals([after["root.key"], after["server.crt"]], [before["root.key"], before["server.crt"]]);
  });
});

Deno.test("make-certs never makes a leaf that outlives its root when the root is old", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder, "localhost");
    await reissue(folder, "root", 100);
    await makeCerts(folder, "example.org");
    const { code } = await run("openssl", ["x509", "-in", `${folder}/server.crt`, "-checkend", String(100 * 86_400)]);
    assertEquals(code, 1);
  });
});

const REPAIRS: readonly { readonly name: string; readonly damage: (folder: string) => Promise<unknown> }[] = [
  { name: "the key is of another certificate", damage: (folder) => openssl("genrsa", "-out", `${folder}/server.key`) },
  { name: "the certificate is cut short", damage: (folder) => Deno.truncate(`${folder}/server.crt`, 100) },
  { name: "the key is gone", damage: (folder) => Deno.remove(`${folder}/server.key`) },
];
for (const { name, damage } of REPAIRS) {
  Deno.test(`make-certs makes the server's pair again when ${name}`, async () => {
    await withFolder(async (folder) => {
      await makeCerts(folder, "localhost");
      await damage(folder);
      await makeCerts(folder);
      assert(await isTrusted(folder, "localhost"));
      assertEquals(
        await openssl("pkey", "-in", `${folder}/server.key`, "-pubout"),
        await openssl("x509", "-in", `${folder}/server.crt`, "-noout", "-pubkey"),
      );
    });
  });
}

Deno.test("make-certs makes a key and a request and nothing else when it is asked for --csr", async () => {
  await withFolder(async (folder) => {
    await makeCerts(folder, "--csr", "blog.example.org", "192.0.2.7");
    const before = readAll(folder);
    assertEquals(Object.keys(before), ["request.csr", "request.key"]);
    assertEquals((Deno.statSync(`${folder}/request.key`).mode ?? 0) & 0o777, 0o600);
    const text = await openssl("req", "-in", `${folder}/request.csr`, "-noout", "-verify", "-text");
    assertMatch(text, /DNS:blog\.example\.org, IP Address:192\.0\.2\.7\n[^]*self-signature verify OK/);
    await makeCerts(folder, "--csr", "www.example.org");
    assertEquals(readAll(folder)["request.key"], before["request.key"]);
    assertNotEquals(readAll(folder)["request.csr"], before["request.csr"]);
  });
});

const REFUSALS: readonly { readonly args: readonly string[]; readonly code: number; readonly words: string }[] = [
  { args: ["bad name"], code: 2, words: '"bad name"' },
  { args: ["a\nb"], code: 2, words: "Neither a host name nor an IP address" },
  { args: ["a,IP:0.0.0.0"], code: 2, words: "Neither a host name nor an IP address" },
  { args: ["bücher.example"], code: 2, words: "xn--" },
  { args: ["300.1.1.1"], code: 2, words: "Neither a host name nor an IP address" },
  { args: ["a..b"], code: 2, words: "Neither a host name nor an IP address" },
  { args: ["::g"], code: 2, words: "Neither a host name nor an IP address" },
  { args: [":::"], code: 1, words: "openssl" },
  { args: ["--unknown"], code: 2, words: '"--unknown"' },
];
Deno.test("make-certs makes no server certificate and says why when a name or an option is wrong", async () => {
  await withFolder(async (folder) => {
    for (const { args, code, words } of REFUSALS) {
      const outcome = await run(SCRIPT, ["--folder", folder, ...args]);
      assertEquals(outcome.code, code, outcome.text);
      assertStringIncludes(outcome.text, words);
      assertEquals(Object.keys(readAll(folder)).filter((name) => !name.startsWith("root.")), []);
    }
  });
});

Deno.test("make-certs leaves a certificate alone when it has not made it", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/server.crt`, "somebody else's");
    const { code, text } = await run(SCRIPT, ["--folder", folder]);
    assertEquals([code, Deno.readTextFileSync(`${folder}/server.crt`)], [1, "somebody else's"]);
    assertStringIncludes(text, "move it and its key away");
  });
});

Deno.test("git ignores all that make-certs makes when it runs in certs", async () => {
  const folder = new URL("../certs", import.meta.url).pathname;
  for (
    const name of ["root.key", "root.crt", "server.key", "server.crt", "server.names", "request.key", "request.csr"]
  ) {
    assertEquals((await run("git", ["-C", folder, "check-ignore", "-q", name])).code, 0, name);
  }
  assertEquals((await run("git", ["-C", folder, "check-ignore", "-q", "README.txt"])).code, 1);
});
