/**
 * Mutated PEM files: a pair is refused in one line that names the guilty file, or the runtime can serve with it; never an
 * exception of a library underneath. I/O.
 */
import { latin1Bytes } from "../../lib/http/grammar.ts";
import { StartError } from "../../lib/start_error.ts";
import { loadCredentials } from "../../lib/net/load_credentials.ts";
import { makeCertificates } from "../https.ts";
import { choose, type FuzzOptions, isOneLine, mutateOften, playCases, type Random } from "./mutate.ts";

const SNIPPETS: readonly string[] = [
  ...["\n", "\r\n", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"],
  ...["-----BEGIN PRIVATE KEY-----\n", "-----BEGIN RSA PRIVATE KEY-----\n", "Proc-Type: 4,ENCRYPTED\n"],
  ...["=", "A", "AAAA", "\0", "\xff", "\xef\xbb\xbf", "-", "#"],
];

/** The paths of what a case writes. */
interface Files {
  readonly keyFile: string;
  readonly certificateFile: string;
  readonly passphraseFile: string;
}

interface Pair {
  readonly key: string;
  readonly certificate: string;
}

/** Throws plain Error naming the case. */
export async function fuzzCredentials(options: FuzzOptions): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-fuzz-" });
  try {
    const { key, certificate } = await makeCertificates(folder);
    const pair = { key: Deno.readTextFileSync(key), certificate: Deno.readTextFileSync(certificate) };
    const [keyFile, certificateFile, passphraseFile] = ["k", "c", "p"].map((name) => `${folder}/${name}`);
    await playCases(
      options,
      (_, random) => playCase(pair, { random, files: { keyFile, certificateFile, passphraseFile } }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function playCase(
  { key, certificate }: Pair,
  { random, files }: { readonly random: Random; readonly files: Files },
): string | null {
  const change = (text: string) => mutateOften(text, { random, snippets: SNIPPETS, count: random(4) });
  const write = (path: string, texts: readonly string[]) =>
    Deno.writeFileSync(path, latin1Bytes(choose(texts, random)));
  write(files.keyFile, [change(key), change(key), certificate, key + certificate]);
  write(files.certificateFile, [change(certificate), change(certificate), certificate + change(certificate), key]);
  write(files.passphraseFile, ["", "x"]);
  const passphraseFile = random(2) === 0 ? null : files.passphraseFile;
  const given = (argument: string, value: string) => ({ argument, value });
  try {
    const { names, notAfterMs, warnings } = loadCredentials({
      keyFile: given("--key", files.keyFile),
      certificateFile: given("--certificate", files.certificateFile),
      passphraseFile: passphraseFile === null ? null : given("--key-passphrase", passphraseFile),
    }, Date.now());
    if (!Number.isFinite(notAfterMs)) return "A certificate without end";
    return names.length > 0 || warnings.length > 0 ? null : "A certificate for nobody, and no warning";
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return isOneLine(error.message) ? null : `Not one line: ${JSON.stringify(error.message)}`;
  }
}
