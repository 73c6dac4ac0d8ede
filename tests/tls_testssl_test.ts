/** testssl.sh against the built binary: protocols, ciphers, the certificate, header fields and known attacks. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { HttpsServer } from "./https.ts";
import { IS_LONG } from "./long.ts";

/** It tries hundreds of handshakes one after the other. */
const TESTSSL_MS = 600_000;

/** What the certificate, the options and the server decide. */
const PARTS = ["--protocols", "--std", "--server-defaults", "--headers"];
/** What the runtime alone decides, whose version is pinned. */
const LONG_PARTS = ["--server-preference", "--vulnerable"];

/** What it may find fault with. */
const ALLOWED: Readonly<Record<string, string>> = {
  cipher_order: "the runtime lets the client choose among its ciphers, all of which are good",
  cert_revocation: "a private CA publishes no revocation lists",
  DNS_CAArecord: "a matter of the name's owner; localhost has no records",
  security_headers: "a matter of the site",
};

interface Finding {
  readonly id: string;
  readonly severity: "OK" | "INFO" | "WARN" | "LOW" | "MEDIUM" | "HIGH" | "CRITICAL" | "FATAL";
  readonly finding: string;
}

Deno.test("testssl.sh finds nothing to object to but what the runtime and the operator decide", async () => {
  await using server = await HttpsServer.start({ args: ["--hsts", "31536000"] });
  const report = join(server.server.place.folder, "testssl.json");
  const target = `localhost:${server.port}`;
  const { stdout } = await new Deno.Command("testssl", {
    args: ["--quiet", "--color", "0", "--warnings", "off", "--add-ca", server.certificates.root]
      .concat(PARTS, IS_LONG ? LONG_PARTS : [], ["--jsonfile", report, target]),
    stdin: "null",
    signal: AbortSignal.timeout(TESTSSL_MS),
  }).output();
  const findings: readonly Finding[] = JSON.parse(await Deno.readTextFile(report));
  const faults = findings.filter(({ severity }) => ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity));
  const unexpected = faults.filter(({ id }) => ALLOWED[id] === undefined);
  assertEquals(unexpected, [], new TextDecoder().decode(stdout));
  // It has looked: each of these is a finding of a part of its own.
  const good = findings.filter(({ severity }) => severity === "OK").map(({ id }) => id);
  const looked = ["TLS1_3", "SSLv3", "cert_chain_of_trust", "HSTS_time", "cipherlist_NULL"];
  for (const id of looked.concat(IS_LONG ? ["heartbleed", "ROBOT"] : [])) {
    assert(good.includes(id), `${id} is missing in ${good}`);
  }
});
