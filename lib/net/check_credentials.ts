/**
 * Judges a private key and a certificate chain before anything listens with them, because the runtime says little when
 * they are wrong ("KeyMismatch" also for a chain in the wrong order) and nothing at all when they have expired. No file
 * is opened here: load_credentials.ts does that. RFC 7468 (PEM), RFC 5280 (certificates), RFC 8446 4.4.2 (order).
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** A key and a chain that belong together and are valid now. */
export interface Credentials {
  /** PEM of the key alone, never encrypted. */
  readonly key: string;
  /** PEM of the certificates alone, that of the server first. */
  readonly certificate: string;
  /** DNS names (perhaps with a wildcard) and addresses that the certificate is for, in lower case. */
  readonly names: readonly string[];
  /** When the server's certificate ends; Unix time in milliseconds. */
  readonly notAfterMs: number;
  /** What the operator should know, one line each. */
  readonly warnings: readonly string[];
}

/** What is wrong: `file` names the guilty one of the two, `command` is the openssl command that shows it. */
export class CredentialsError extends Error {
  readonly file: "key" | "certificate";
  readonly command: string;

  constructor(
    message: string,
    { file, command, cause }: {
      readonly file: "key" | "certificate";
      readonly command: string;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause });
    this.name = "CredentialsError";
    this.file = file;
    this.command = command;
  }
}

/** What a key file or a certificate file holds. */
export interface CredentialTexts {
  readonly key: string;
  readonly certificate: string;
  /** Null where there is none. */
  readonly passphrase: string | null;
  /** The files as they stand in a shell command, quoted where they need it; "" for a passphrase that is not there. */
  readonly keyPath: string;
  readonly certificatePath: string;
  readonly passphrasePath: string;
}

const DAY_MS = 86_400_000;
/** An end that is nearer is worth a warning. */
const WARNING_MS = 14 * DAY_MS;
/** NIST SP 800-57 and the runtime: shorter RSA keys are refused. */
const MIN_RSA_BITS = 2048;
/** What the runtime signs with. */
const CURVES: readonly unknown[] = ["prime256v1", "secp384r1", "secp521r1", "P-256", "P-384", "P-521"];

/** The checked pair; `nowMs` is Unix time in milliseconds. Throws CredentialsError for the first fault. */
export function checkCredentials(texts: CredentialTexts, nowMs: number): Credentials {
  const key = readKey(texts);
  const chain = readChain(texts);
  checkMatch(texts, { key: key.object, chain });
  checkOrder(texts, chain);
  checkValidity(texts, { certificate: chain[0].certificate, nowMs });
  const names = readNames(chain[0].certificate);
  const notAfterMs = Date.parse(chain[0].certificate.validTo);
  const warnings = [
    names.length === 0 ? "The certificate has no subjectAltName: no browser trusts it" : null,
    expiryWarning({ notAfterMs }, nowMs),
    ...chain.slice(1).map((link, index) => issuerWarning(link, { position: index + 2, nowMs })),
  ].filter((warning) => warning !== null);
  return { key: key.pem, certificate: chain.map(({ pem }) => pem).join(""), names, notAfterMs, warnings };
}

/** What to log at start and once a day when the end is near or past; null while it is far. */
export function expiryWarning({ notAfterMs }: Pick<Credentials, "notAfterMs">, nowMs: number): string | null {
  const leftMs = notAfterMs - nowMs;
  if (leftMs > WARNING_MS) return null;
  const end = new Date(notAfterMs).toISOString().slice(0, 10);
  if (leftMs <= 0) return `The certificate expired on ${end}: browsers refuse it`;
  const days = Math.floor(leftMs / DAY_MS);
  return `The certificate expires on ${end}, in ${days} ${days === 1 ? "day" : "days"}: renew it`;
}

interface PemBlock {
  /** What stands after BEGIN: `CERTIFICATE`, `EC PRIVATE KEY`. */
  readonly label: string;
  /** With its two boundary lines and a line feed. */
  readonly pem: string;
}

/** RFC 7468 2: whatever stands between the blocks is explanatory text. */
function findBlocks(text: string): readonly PemBlock[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g)]
    .map(([pem, label]) => ({ label, pem: `${pem}\n` }));
}

/** Labels of RFC 7468 10 and 11, PKCS #1 and RFC 5915. */
const KEY_LABELS = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];

function readKey(texts: CredentialTexts): { readonly object: KeyObject; readonly pem: string } {
  const block = findKeyBlock(texts);
  // RFC 1421 4.6.1.1, which openssl wrote before PKCS #8: the runtime cannot decrypt it.
  if (/^Proc-Type: *4,ENCRYPTED/m.test(block.pem)) {
    const remedy = `openssl pkcs8 -topk8 -in ${texts.keyPath} -out NEW`;
    throw new CredentialsError("encrypted in a form that is out of use, convert it", { file: "key", command: remedy });
  }
  const isEncrypted = block.label === "ENCRYPTED PRIVATE KEY";
  if (isEncrypted && texts.passphrase === null) {
    throw new CredentialsError("encrypted, give --key-passphrase FILE or decrypt it", {
      file: "key",
      command: `openssl pkey -in ${texts.keyPath} -out NEW`,
    });
  }
  const object = parseKey(block, texts);
  checkKeyKind(object, `openssl pkey -in ${texts.keyPath} -noout -text_pub`);
  return { object, pem: isEncrypted ? String(object.export({ type: "pkcs8", format: "pem" })) : block.pem };
}

function findKeyBlock({ key, keyPath }: CredentialTexts): PemBlock {
  const blocks = findBlocks(key);
  const block = blocks.find(({ label }) => KEY_LABELS.includes(label));
  if (block !== undefined) return block;
  const refuse = (problem: string, command: string) => new CredentialsError(problem, { file: "key", command });
  if (blocks.some(({ label }) => label === "OPENSSH PRIVATE KEY")) {
    return fail(refuse("a key in the form of OpenSSH, not PKCS #8", `ssh-keygen -p -m PKCS8 -f ${keyPath}`));
  }
  if (isBinary(key)) return fail(refuse("binary (DER), not PEM", `openssl pkey -in ${keyPath} -out NEW`));
  const found = blocks.length === 0 ? "" : `, but ${blocks.map(({ label }) => label).join(", ")}`;
  return fail(refuse(`holds no whole private key${found}`, `openssl pkey -in ${keyPath} -noout`));
}

/** `throw` as an expression. */
function fail(error: CredentialsError): never {
  throw error;
}

/** DER and PKCS #12 begin with a SEQUENCE; read as Latin-1 that is a "0". */
function isBinary(text: string): boolean {
  return text.startsWith("0") && !text.includes("-----BEGIN");
}

function parseKey({ label, pem }: PemBlock, { passphrase, keyPath, passphrasePath }: CredentialTexts): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: "pem", passphrase: passphrase ?? undefined });
  } catch (cause) {
    const command = `openssl pkey -in ${keyPath} -noout -check`;
    if (label !== "ENCRYPTED PRIVATE KEY") throw new CredentialsError("damaged", { file: "key", command, cause });
    throw new CredentialsError("cannot be decrypted: the passphrase is wrong, or the cipher is none of PBES2", {
      file: "key",
      command: `${command} -passin file:${passphrasePath}`,
      cause,
    });
  }
}

function checkKeyKind(key: KeyObject, command: string): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === "ed25519") return;
  if (asymmetricKeyType === "rsa") {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits >= MIN_RSA_BITS) return;
    throw new CredentialsError(`RSA of ${bits} bits, at least ${MIN_RSA_BITS} are needed`, { file: "key", command });
  }
  if (asymmetricKeyType === "ec" && CURVES.includes(asymmetricKeyDetails?.namedCurve)) return;
  const kind = asymmetricKeyType === "ec" ? `on the curve ${asymmetricKeyDetails?.namedCurve}` : asymmetricKeyType;
  throw new CredentialsError(`a key ${kind}, usable are RSA, P-256, P-384, P-521 and Ed25519`, {
    file: "key",
    command,
  });
}

interface ChainLink {
  readonly certificate: X509Certificate;
  readonly pem: string;
}

function readChain({ certificate: text, certificatePath }: CredentialTexts): readonly ChainLink[] {
  const blocks = findBlocks(text);
  const chain = blocks.filter(({ label }) => label === "CERTIFICATE");
  const refuse = (problem: string, command: string, cause?: unknown) =>
    new CredentialsError(problem, { file: "certificate", command, cause });
  if (chain.length === 0) {
    const labels = blocks.map(({ label }) => label);
    if (labels.includes("PKCS7")) {
      throw refuse("PKCS #7, not PEM", `openssl pkcs7 -in ${certificatePath} -print_certs -out NEW`);
    }
    if (labels.includes("CERTIFICATE REQUEST")) {
      throw refuse(
        "a request for a certificate, not the certificate",
        `openssl req -in ${certificatePath} -noout -text`,
      );
    }
    if (isBinary(text)) throw refuse("binary (DER), not PEM", `openssl x509 -in ${certificatePath} -out NEW`);
    const found = labels.length === 0 ? "" : `, but ${labels.join(", ")}`;
    throw refuse(`holds no whole certificate${found}`, `openssl x509 -in ${certificatePath} -noout`);
  }
  return chain.map(({ pem }, index) => {
    try {
      return { certificate: new X509Certificate(pem), pem };
    } catch (cause) {
      throw refuse(`certificate ${index + 1} is damaged`, showChain(certificatePath), cause);
    }
  });
}

/** The openssl command that shows all certificates of a file. */
export function showChain(certificatePath: string): string {
  return `openssl storeutl -noout -text -certs ${certificatePath}`;
}

function checkMatch(
  { keyPath, certificatePath }: CredentialTexts,
  { key, chain }: { readonly key: KeyObject; readonly chain: readonly ChainLink[] },
): void {
  if (chain[0].certificate.checkPrivateKey(key)) return;
  const other = chain.findIndex(({ certificate }) => certificate.checkPrivateKey(key));
  if (other !== -1) {
    throw new CredentialsError(
      `in the wrong order: certificate ${other + 1} is the one for the key and must stand first`,
      { file: "certificate", command: showChain(certificatePath) },
    );
  }
  throw new CredentialsError("does not belong to the key, their public keys differ", {
    file: "certificate",
    command: `openssl x509 -in ${certificatePath} -noout -pubkey; openssl pkey -in ${keyPath} -pubout`,
  });
}

/**
 * RFC 8446 4.4.2: each certificate certifies the one before it. Told by the names alone: the runtime cannot verify every
 * kind of signature, and the clients do.
 */
function checkOrder({ certificatePath }: CredentialTexts, chain: readonly ChainLink[]): void {
  for (let at = 1; at < chain.length; at++) {
    const [subject, issuer] = [chain[at - 1].certificate, chain[at].certificate];
    if (subject.checkIssued(issuer)) continue;
    throw new CredentialsError(
      `in the wrong order: certificate ${at + 1} (${nameOf(issuer, "subject")}) has not issued certificate ${at}, ` +
        `which names ${nameOf(subject, "issuer")}`,
      { file: "certificate", command: showChain(certificatePath) },
    );
  }
}

/** In one line: a distinguished name comes as a line for each attribute, with whatever characters it has. */
function nameOf(certificate: X509Certificate, part: "subject" | "issuer"): string {
  try {
    return certificate[part].replaceAll("\n", ", ").replace(/\p{Cc}/gu, "?");
  } catch {
    // The runtime throws for a name that is no text, or has none for it: what is wrong with the order stays true.
    return "a name that cannot be read";
  }
}

function checkValidity(
  { certificatePath }: CredentialTexts,
  { certificate, nowMs }: { readonly certificate: X509Certificate; readonly nowMs: number },
): void {
  const { validFrom, validTo } = certificate;
  const about = { file: "certificate", command: `openssl x509 -in ${certificatePath} -noout -dates` } as const;
  if (nowMs > Date.parse(validTo)) throw new CredentialsError(`expired, it ended on ${validTo}`, about);
  if (nowMs < Date.parse(validFrom)) {
    throw new CredentialsError(`not yet valid, it begins on ${validFrom} (is the clock right?)`, about);
  }
}

/** Only a warning: a client that knows a newer certificate of the same issuer does without the expired one. */
function issuerWarning(
  { certificate }: ChainLink,
  { position, nowMs }: { readonly position: number; readonly nowMs: number },
): string | null {
  if (nowMs <= Date.parse(certificate.validTo)) return null;
  return `Certificate ${position} of the chain (${nameOf(certificate, "subject")}) expired on ${certificate.validTo}`;
}

/** DNS names and addresses of subjectAltName, which comes as `DNS:a.b, IP Address:::1, email:c@d`. RFC 5280 4.2.1.6. */
function readNames({ subjectAltName }: X509Certificate): readonly string[] {
  return (subjectAltName ?? "").split(", ").flatMap((entry) =>
    /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1].toLowerCase() ?? []
  );
}
