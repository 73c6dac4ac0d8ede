/**
 * Mutated PEM files: a pair is refused with the one error that names the guilty file, or it is sound; never an exception
 * of the library underneath. No I/O but making the keys.
 */
import { checkCredentials, CredentialsError } from "../../lib/server/check_credentials.ts";
import { makeCertificates } from "../https.ts";
import { choose, type FuzzOptions, mutateOften, playCases, type Random } from "./mutate.ts";

const SNIPPETS = [
  ...["\n", "\r\n", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n"],
  ...[
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "Proc-Type: 4,ENCRYPTED\n",
    "=",
    "A",
    "AAAA",
    "\0",
    "\xff",
    "\ufeff",
    "-",
    "#",
  ],
];

interface Pair {
  readonly key: string;
  readonly certificate: string;
}

/** Throws plain Error naming the case. */
export async function fuzzCredentials(options: FuzzOptions): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-fuzz-" });
  try {
    const files = await makeCertificates(folder);
    const [key, certificate] = [files.key, files.certificate].map((path) => Deno.readTextFileSync(path));
    await playCases(options, (_, random) => playCase({ key, certificate }, random));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function playCase({ key, certificate }: Pair, random: Random): string | null {
  const change = (text: string) => mutateOften(text, { random, snippets: SNIPPETS, count: random(4) });
  const texts = {
    key: choose([change(key), change(key), certificate, key + certificate], random),
    certificate: choose([change(certificate), change(certificate), certificate + change(certificate), key], random),
    passphrase: choose([null, "", "x"], random),
    keyPath: "key",
    certificatePath: "certificate",
    passphrasePath: "passphrase",
  };
  try {
    const { names, notAfterMs, key: pem } = checkCredentials(texts, Date.now());
    return names.length > 0 && Number.isFinite(notAfterMs) && pem.includes("PRIVATE KEY") ? null : "Not sound";
  } catch (error) {
    if (error instanceof CredentialsError) return null;
    throw error;
  }
}
