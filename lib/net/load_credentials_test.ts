/** With keys and certificates that openssl makes for the test, so that none has to be kept, and none can expire. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { loadCredentials } from "./load_credentials.ts";
import { StartError } from "../start_error.ts";

const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const DAY_MS = 86_400_000;

async function shell(script: string): Promise<{ readonly code: number; readonly text: string }> {
  const command = new Deno.Command("/bin/sh", { args: ["-c", script], cwd: folder, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Everything that the tests need, once: keys of each kind, and root -> intermediate -> server. */
async function makeFixtures(): Promise<void> {
  const { code, text } = await shell(`set -e
    ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$1 -out $2; }
    openssl genrsa -out rsa.key 2048
    openssl rsa -traditional -in rsa.key -out pkcs1.key
    openssl genrsa -out rsa1024.key 1024
    openssl ecparam -name prime256v1 -genkey -out sec1.key
    ec P-256 p256.key; ec P-384 p384.key; ec P-521 p521.key; ec secp256k1 koblitz.key
    openssl genpkey -algorithm ed25519 -out ed25519.key
    openssl genpkey -algorithm ed448 -out ed448.key
    openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key
    for name in rsa pkcs1 rsa1024 sec1 p256 p384 p521 koblitz ed25519 ed448 pss; do
      openssl req -x509 -new -key $name.key -subj /CN=localhost -days 300 -out $name.crt \\
        -addext subjectAltName=DNS:LocalHost,DNS:*.example.org,IP:127.0.0.1,IP:::1,email:a@example.org
    done
    printf 'secret\\n' >passphrase; printf 'wrong\\n' >wrong; printf '\\nsecret\\n' >empty
    for name in rsa p256 ed25519; do
      openssl pkcs8 -topk8 -in $name.key -passout file:passphrase -out encrypted_$name.key
      cp $name.crt encrypted_$name.crt
    done
    openssl pkcs8 -topk8 -scrypt -in rsa.key -passout file:passphrase -out scrypt.key
    openssl rsa -traditional -aes128 -in rsa.key -passout file:passphrase -out traditional.key

    issue() { # NAME SUBJECT EXTENSIONS SIGNER DAYS
      ec P-256 $1.key
      printf "$3" >$1.ext
      openssl req -new -key $1.key -subj "$2" -out $1.csr
      if [ "$4" = self ]; then set -- $1 "$2" "$3" "-signkey $1.key" $5; else set -- $1 "$2" "$3" "-CA $4.crt -CAkey $4.key" $5; fi
      openssl x509 -req -in $1.csr $4 -days $5 -extfile $1.ext -out $1.crt
    }
    issue root '/O=Test/CN=Root' 'basicConstraints=critical,CA:TRUE' self 300
    issue middle '/O=Test/CN=Middle' 'basicConstraints=critical,CA:TRUE' root 100
    issue server '/CN=server' 'subjectAltName=DNS:server.example.org' middle 200
    issue nameless '/CN=server' 'basicConstraints=CA:FALSE' middle 200
    cat server.crt middle.crt root.crt >chain.crt
    cat middle.crt server.crt >reversed.crt
    cat server.crt root.crt >gap.crt
    cat server.crt server.crt >twice.crt
    pem() { echo '-----BEGIN CERTIFICATE-----'; openssl base64; echo '-----END CERTIFICATE-----'; }
    openssl x509 -in root.crt -outform DER | perl -pe 's/Root/\\xffoot/g' | pem | cat server.crt - >no_text.crt
    openssl x509 -in root.crt -outform DER | perl -pe 's/Root/\\x1b[1m/g' | pem | cat server.crt - >escape.crt
    issue critical '/CN=server' 'subjectAltName=DNS:server.example.org\\n1.2.3.4=critical,DER:05:00' middle 200
    (echo 'subject=somebody'; cat server.key; cat server.crt middle.crt) >combined.pem
    sed 's/$/\\r/' server.key >crlf.key; sed 's/$/\\r/' chain.crt >crlf.crt

    printf '\\357\\273\\277' | cat - server.key >bom.key; printf '\\357\\273\\277' | cat - server.crt >bom.crt
    iconv -f ascii -t UTF-16 server.key >utf16.key
    sed '3s/^..../AAAA/' rsa.key >damaged.key; sed '2s/^....../AAAAAA/' server.crt >damaged.crt
    head -n 2 server.key >cut.key; head -n 5 server.crt >cut.crt
    openssl pkey -in server.key -outform DER -out der.key; openssl x509 -in server.crt -outform DER -out der.crt
    openssl crl2pkcs7 -nocrl -certfile server.crt -out pkcs7.crt
    for word in BEGIN END; do echo "-----$word OPENSSH PRIVATE KEY-----"; done >openssh.key
    : >nothing; mkfifo pipe; head -c 1048577 /dev/zero >large
    cp server.key 'a key.key'; cp rsa.crt "it's.crt"
    chmod 600 *.key *.pem`);
  assertEquals(code, 0, text);
}

await makeFixtures();

interface Pair {
  readonly key: string;
  readonly certificate: string;
  readonly passphrase?: string;
}

function load({ key, certificate, passphrase }: Pair, nowMs = Date.now() + DAY_MS) {
  return loadCredentials({
    keyFile: { argument: "--key", value: `${folder}/${key}` },
    certificateFile: { argument: "--certificate", value: `${folder}/${certificate}` },
    passphraseFile: passphrase === undefined
      ? null
      : { argument: "--key-passphrase", value: `${folder}/${passphrase}` },
  }, nowMs);
}

const GOOD: readonly Pair[] = [
  ...["rsa", "pkcs1", "sec1", "p256", "p384", "p521", "ed25519"].map((name) => ({
    key: `${name}.key`,
    certificate: `${name}.crt`,
  })),
  ...["rsa", "p256", "ed25519"].map((name) => ({
    key: `encrypted_${name}.key`,
    certificate: `encrypted_${name}.crt`,
    passphrase: "passphrase",
  })),
  { key: "scrypt.key", certificate: "rsa.crt", passphrase: "passphrase" },
  { key: "server.key", certificate: "server.crt" },
  { key: "server.key", certificate: "chain.crt" },
  { key: "combined.pem", certificate: "combined.pem" },
  { key: "crlf.key", certificate: "crlf.crt" },
];
for (const pair of GOOD) {
  Deno.test(`loadCredentials() gives what the runtime listens with when the files are ${pair.key}, ${pair.certificate}`, async () => {
    const { key, certificate, warnings } = load(pair);
    assertEquals(warnings, []);
    const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, key, cert: certificate });
    const client = Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    (await listener.accept()).close();
    (await client).close();
    listener.close();
  });
}

Deno.test("loadCredentials() gives the names, the end and the leaf first when the chain is whole", () => {
  const { names, notAfterMs, certificate } = load({ key: "server.key", certificate: "chain.crt" });
  assertEquals(names, ["server.example.org"]);
  assert(Math.abs(notAfterMs - (Date.now() + 200 * DAY_MS)) < DAY_MS / 2);
  assertEquals(certificate, Deno.readTextFileSync(`${folder}/chain.crt`));
  assertEquals(load({ key: "rsa.key", certificate: "rsa.crt" }).names, [
    "localhost",
    "*.example.org",
    "127.0.0.1",
    "::1",
  ]);
});

/** `shows`: what the command of the message prints when it is run. */
const REFUSED: readonly (Pair & { readonly says: string; readonly shows?: string | RegExp })[] = [
  { key: "none.key", certificate: "rsa.crt", says: "does not exist", shows: "No such file" },
  { key: "rsa.key", certificate: "none.crt", says: "does not exist", shows: "No such file" },
  { key: ".", certificate: "rsa.crt", says: "is a folder" },
  { key: "pipe", certificate: "rsa.crt", says: "not a regular file", shows: /^p/ },
  { key: "large", certificate: "rsa.crt", says: "longer than 1048576 bytes", shows: "1048577" },
  { key: "nothing", certificate: "rsa.crt", says: "holds no whole private key", shows: "Could not read" },
  { key: "cut.key", certificate: "server.crt", says: "holds no whole private key", shows: "Could not read" },
  { key: "rsa.crt", certificate: "rsa.crt", says: "no whole private key, but CERTIFICATE", shows: "Could not read" },
  { key: "damaged.key", certificate: "rsa.crt", says: "damaged", shows: /invalid|Could not read/ },
  { key: "der.key", certificate: "server.crt", says: "binary (DER), not PEM", shows: "-----BEGIN PRIVATE KEY-----" },
  { key: "bom.key", certificate: "server.crt", says: "byte order mark", shows: "ef bb bf" },
  { key: "utf16.key", certificate: "server.crt", says: "byte order mark", shows: "ff fe" },
  { key: "rsa1024.key", certificate: "rsa1024.crt", says: "RSA of 1024 bits", shows: "1024 bit" },
  { key: "koblitz.key", certificate: "koblitz.crt", says: "on the curve secp256k1", shows: "secp256k1" },
  { key: "ed448.key", certificate: "ed448.crt", says: "a key ed448", shows: /ED448/ },
  { key: "pss.key", certificate: "pss.crt", says: "a key rsa-pss", shows: /PSS/ },
  { key: "encrypted_rsa.key", certificate: "rsa.crt", says: "give --key-passphrase FILE" },
  {
    key: "encrypted_rsa.key",
    certificate: "rsa.crt",
    passphrase: "wrong",
    says: "cannot be decrypted",
    shows: "maybe wrong password",
  },
  { key: "encrypted_rsa.key", certificate: "rsa.crt", passphrase: "empty", says: "its first line is empty" },
  {
    key: "encrypted_rsa.key",
    certificate: "rsa.crt",
    passphrase: "none",
    says: "does not exist",
    shows: "No such file",
  },
  { key: "traditional.key", certificate: "rsa.crt", says: "out of use" },
  { key: "traditional.key", certificate: "rsa.crt", passphrase: "passphrase", says: "out of use" },
  {
    key: "openssh.key",
    certificate: "rsa.crt",
    says: "in the form of OpenSSH, not PKCS #8: see ssh-keygen -p -m PKCS8",
  },
  { key: "rsa.key", certificate: "nothing", says: "holds no whole certificate", shows: "Could not read" },
  { key: "server.key", certificate: "cut.crt", says: "holds no whole certificate", shows: "Could not read" },
  { key: "rsa.key", certificate: "rsa.key", says: "but PRIVATE KEY", shows: "Could not read" },
  { key: "server.key", certificate: "server.csr", says: "a request for a certificate", shows: "Certificate Request" },
  { key: "server.key", certificate: "pkcs7.crt", says: "PKCS #7", shows: "-----BEGIN CERTIFICATE-----" },
  { key: "server.key", certificate: "der.crt", says: "binary (DER)", shows: "-----BEGIN CERTIFICATE-----" },
  { key: "server.key", certificate: "bom.crt", says: "byte order mark", shows: "ef bb bf" },
  {
    key: "server.key",
    certificate: "damaged.crt",
    says: "certificate 1 is damaged",
    shows: /error|not find|Could not/,
  },
  { key: "rsa.key", certificate: "p256.crt", says: "does not belong to the key", shows: /PUBLIC KEY[^]*PUBLIC KEY/ },
  { key: "p256.key", certificate: "server.crt", says: "does not belong to the key" },
  {
    key: "server.key",
    certificate: "reversed.crt",
    says: "certificate 2 is the one for the key",
    shows: /CN ?= ?Middle/,
  },
  { key: "server.key", certificate: "gap.crt", says: "certificate 2 (O=Test, CN=Root) has not issued certificate 1" },
  { key: "server.key", certificate: "escape.crt", says: "certificate 2 (O=Test, CN=?[1m) has not issued" },
  { key: "server.key", certificate: "no_text.crt", says: "certificate 2 (a name that cannot be read) has not issued" },
  { key: "critical.key", certificate: "critical.crt", says: "not taken by the runtime", shows: "1.2.3.4: critical" },
  { key: "server.key", certificate: "twice.crt", says: "certificate 2 (CN=server) has not issued certificate 1" },
  { key: "a key.key", certificate: "it's.crt", says: "does not belong to the key", shows: /PUBLIC KEY[^]*PUBLIC KEY/ },
];
Deno.test("loadCredentials() refuses in one line with a command that shows the fault when a file is wrong", async () => {
  for (const { says, shows, ...pair } of REFUSED) {
    const { message } = assertThrows(() => load(pair), StartError);
    const name = JSON.stringify(pair);
    assertStringIncludes(message, says, name);
    assertMatch(message, /^--(?:key|certificate|key-passphrase) "\/\P{Cc}+$/u, name);
    if (shows === undefined) continue;
    const [, command] = /\bsee (.*?)(?:, and save it.*)?$/.exec(message) ?? [];
    const { text } = await shell(command.replace("-out NEW", ""));
    assertEquals(/^(?:prime1|priv):/m.test(text), false, `${name} shows the key`);
    if (typeof shows === "string") assertStringIncludes(text, shows, name);
    else assertMatch(text, shows, name);
  }
});

Deno.test("loadCredentials() refuses an expired or future certificate and warns of its issuers when the time is wrong", () => {
  const chain = { key: "server.key", certificate: "chain.crt" };
  assertMatch(
    assertThrows(() => load(chain, Date.now() + 201 * DAY_MS), StartError).message,
    /^--certificate ".*chain\.crt": expired, it ended on .* GMT: see openssl x509 -in \S+ -noout -dates$/,
  );
  assertStringIncludes(assertThrows(() => load(chain, Date.now() - DAY_MS), StartError).message, "not yet valid");
  const { warnings } = load(chain, Date.now() + 190 * DAY_MS);
  assertEquals(warnings.length, 2);
  assertMatch(warnings[0], /^The certificate expires on \d{4}-\d\d-\d\d, in (?:9|10) days: renew it$/);
  assertMatch(warnings[1], /^Certificate 2 of the chain \(O=Test, CN=Middle\) expired on /);
});

Deno.test("loadCredentials() warns when the key is open to everybody or the certificate names nothing", () => {
  Deno.copyFileSync(`${folder}/nameless.key`, `${folder}/open.key`);
  const pair = { key: "open.key", certificate: "nameless.crt" };
  Deno.chmodSync(`${folder}/open.key`, 0o640);
  assertEquals(load(pair).warnings, ["The certificate has no subjectAltName: no browser trusts it"]);
  Deno.chmodSync(`${folder}/open.key`, 0o644);
  assertMatch(load(pair).warnings[1], /^Everybody on this machine can read .*open\.key" \(mode 0644\): chmod 600 \//);
});

Deno.test("loadCredentials() names the argument as the operator knows it when the key is not there", () => {
  const keyFile = { argument: "<private key file>", value: "/none" };
  const certificateFile = { argument: "<certificate file>", value: `${folder}/rsa.crt` };
  const load = () => loadCredentials({ keyFile, certificateFile, passphraseFile: null }, 0);
  const { message } = assertThrows(load, StartError);
  assertMatch(message, /^<private key file> "\/none": does not exist: /);
});
