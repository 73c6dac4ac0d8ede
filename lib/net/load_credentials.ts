/**
 * Reads the private key and the certificate of the HTTPS listener, at start and at each reload, and refuses what would
 * fail later in front of a visitor. The I/O half of check_credentials.ts, which judges the content.
 */
import { latin1Text } from "../http/grammar.ts";
import { checkCredentials, type Credentials, CredentialsError, showChain } from "./check_credentials.ts";
import type { Config } from "../config/config.ts";
import { argumentLabel, type Form } from "../config/options.ts";
import { osProblem, StartError } from "../start_error.ts";

/** Where the credentials are; paths are absolute. */
export interface CredentialFiles {
  readonly keyFile: string;
  readonly certificateFile: string;
  /** Its first line decrypts the key; null where the key is not encrypted. */
  readonly passphraseFile: string | null;
  /** How the operator named the files, for messages. */
  readonly form: Form;
}

/** Where a configuration with HTTPS has them. */
export function credentialFiles(config: Config): CredentialFiles {
  const { keyFile, certificateFile, keyPassphraseFile, form } = config;
  if (keyFile === null || certificateFile === null) throw new Error("No key or no certificate");
  return { keyFile, certificateFile, passphraseFile: keyPassphraseFile, form };
}

/** Longer than any chain; a larger file, such as a log named by mistake, is not read. */
const MAX_FILE_BYTES = 1_048_576;
/** The mode bits that let everybody read. A group may: Debian has one for keys, ssl-cert. */
const OTHERS_READ = 0o004;

/**
 * The checked key and chain. Reads the files anew each time; `nowMs` is Unix time in milliseconds. Throws StartError,
 * whose one line names the argument and the file, says what is wrong, and shows the openssl command that shows it.
 */
export function loadCredentials(files: CredentialFiles, nowMs: number): Credentials {
  const { keyFile, certificateFile, passphraseFile, form } = files;
  const labels = { key: argumentLabel("key", form), certificate: argumentLabel("certificate", form) };
  const key = readPem(keyFile, labels.key);
  const certificate = readPem(certificateFile, labels.certificate);
  const passphrase = passphraseFile === null ? null : readPassphrase(passphraseFile);
  try {
    const pair = {
      key: key.text,
      certificate: certificate.text,
      passphrase,
      keyPath: shellQuoted(keyFile),
      certificatePath: shellQuoted(certificateFile),
      passphrasePath: shellQuoted(passphraseFile ?? ""),
    };
    const credentials = checkCredentials(pair, nowMs);
    tryRuntime(credentials, pair);
    const warnings = (key.mode & OTHERS_READ) === 0 ? [] : [readableWarning(keyFile, key.mode)];
    return { ...credentials, warnings: [...credentials.warnings, ...warnings] };
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    const value = error.file === "key" ? keyFile : certificateFile;
    const remedy = `see ${error.command}`;
    throw new StartError({ argument: labels[error.file], value, problem: error.message, remedy }, { cause: error });
  }
}

/** The last word has the runtime, and only in words: those about a certificate say so. Throws CredentialsError. */
function tryRuntime(
  { key, certificate }: Credentials,
  { keyPath, certificatePath }: { readonly keyPath: string; readonly certificatePath: string },
): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, key, cert: certificate }).close();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : `${cause}`;
    const about = /certificate/i.test(text)
      ? { file: "certificate", command: showChain(certificatePath) } as const
      : { file: "key", command: `openssl pkey -in ${keyPath} -noout -text_pub` } as const;
    throw new CredentialsError(`not taken by the runtime (${text})`, { ...about, cause });
  }
}

interface PemFile {
  /** One character a byte: PEM is ASCII (RFC 7468 3), and DER must be told from it. */
  readonly text: string;
  readonly mode: number;
}

function readPem(path: string, argument: string): PemFile {
  const { bytes, mode } = readSmallFile(path, argument);
  const text = latin1Text(bytes, 0, bytes.length);
  // The runtime finds nothing behind a byte order mark (UTF-8 EF BB BF, UTF-16 FF FE or FE FF), and says just that.
  if (/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/.test(text)) {
    const problem = "begins with a byte order mark (BOM), so it is text of an editor and not plain PEM";
    const remedy = `see head -c 3 ${shellQuoted(path)} | od -t x1, and save it as ASCII without BOM`;
    throw new StartError({ argument, value: path, problem, remedy });
  }
  return { text, mode };
}

function readPassphrase(path: string): string {
  const argument = "--key-passphrase";
  const [line] = new TextDecoder().decode(readSmallFile(path, argument).bytes).split(/\r?\n/);
  if (line !== "") return line;
  throw new StartError({
    argument,
    value: path,
    problem: "its first line is empty",
    remedy: "put the passphrase there",
  });
}

/** The whole file. Looks before it opens: opening a pipe without a writer would stop the process. */
function readSmallFile(path: string, argument: string): { readonly bytes: Uint8Array; readonly mode: number } {
  const remedy = `name a readable PEM file, see ls -lL ${shellQuoted(path)}`;
  try {
    const { isFile, isDirectory, size, mode } = Deno.statSync(path);
    const problem = isDirectory
      ? "is a folder"
      : !isFile
      ? "not a regular file"
      : size > MAX_FILE_BYTES
      ? "too long for a key or a chain of certificates"
      : null;
    if (problem !== null) throw new StartError({ argument, value: path, problem, remedy });
    return { bytes: Deno.readFileSync(path), mode: mode ?? 0 };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError({ argument, value: path, problem: osProblem(error), remedy }, { cause: error });
  }
}

function readableWarning(path: string, mode: number): string {
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  return `Everybody on this machine can read the private key "${path}" (mode ${bits}): chmod 600 ${shellQuoted(path)}`;
}

/** As a shell takes it: in single quotes unless every character is harmless. */
function shellQuoted(path: string): string {
  return /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
