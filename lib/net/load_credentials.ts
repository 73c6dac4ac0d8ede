/**
 * Reads the private key and the certificate of the HTTPS listener, at start and at each reload, and refuses what would
 * fail later in front of a visitor. The I/O half of check_credentials.ts, which judges the content.
 */
import { latin1Text } from "../http/grammar.ts";
import { checkCredentials, type Credentials, CredentialsError, showChain } from "./check_credentials.ts";
import { readSmallFile, type SmallFile } from "../small_file.ts";
import { type Given, StartError } from "../start_error.ts";

/** Where the credentials are. */
export interface CredentialFiles {
  readonly keyFile: Given;
  readonly certificateFile: Given;
  /** Its first line decrypts the key; null where the key is not encrypted. */
  readonly passphraseFile: Given | null;
}

/** What clients get who ask for one of these hosts (RFC 6066 3), as HostMap has names. */
export interface HostCredentials {
  readonly hosts: readonly string[];
  readonly files: CredentialFiles;
}

/** The mode bits that let everybody read. A group may: Debian has one for keys, ssl-cert. */
const OTHERS_READ = 0o004;

/**
 * The checked key and chain. Reads the files anew each time; `nowMs` is Unix time in milliseconds. Throws StartError,
 * whose one line names the argument and the file, says what is wrong, and shows the openssl command that shows it.
 */
export function loadCredentials(files: CredentialFiles, nowMs: number): Credentials {
  const { keyFile, certificateFile, passphraseFile } = files;
  const key = readPem(keyFile);
  const certificate = readPem(certificateFile);
  const passphrase = passphraseFile === null ? null : readPassphrase(passphraseFile);
  try {
    const pair = {
      key: key.text,
      certificate: certificate.text,
      passphrase,
      keyPath: shellQuoted(keyFile.value),
      certificatePath: shellQuoted(certificateFile.value),
      passphrasePath: shellQuoted(passphraseFile?.value ?? ""),
    };
    const credentials = checkCredentials(pair, nowMs);
    tryRuntime(credentials, pair);
    const warnings = (key.mode & OTHERS_READ) === 0 ? [] : [readableWarning(keyFile.value, key.mode)];
    return { ...credentials, warnings: [...credentials.warnings, ...warnings] };
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    const file = error.file === "key" ? keyFile : certificateFile;
    throw new StartError({ ...file, problem: error.message, remedy: `see ${error.command}` }, { cause: error });
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

function readPem(file: Given): PemFile {
  const { bytes, mode } = readFile(file);
  const text = latin1Text(bytes, 0, bytes.length);
  // The runtime finds nothing behind a byte order mark (UTF-8 EF BB BF, UTF-16 FF FE or FE FF), and says just that.
  if (/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/.test(text)) {
    const problem = "begins with a byte order mark (BOM), so it is text of an editor and not plain PEM";
    const remedy = `see head -c 3 ${shellQuoted(file.value)} | od -t x1, and save it as ASCII without BOM`;
    throw new StartError({ ...file, problem, remedy });
  }
  return { text, mode };
}

function readPassphrase(file: Given): string {
  const [line] = new TextDecoder().decode(readFile(file).bytes).split(/\r?\n/);
  if (line !== "") return line;
  throw new StartError({ ...file, problem: "its first line is empty", remedy: "put the passphrase there" });
}

function readFile(file: Given): SmallFile {
  return readSmallFile(file, { remedy: `name a readable PEM file, see ls -lL ${shellQuoted(file.value)}` });
}

function readableWarning(path: string, mode: number): string {
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  return `Everybody on this machine can read the private key "${path}" (mode ${bits}): chmod 600 ${shellQuoted(path)}`;
}

/** As a shell takes it: in single quotes unless every character is harmless. */
function shellQuoted(path: string): string {
  return /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
