/**
 * What the end-to-end tests of HTTPS share: certificates as scripts/make-certs makes them, a ./lisod that serves them, and
 * openssl as a client.
 */
import { join } from "@std/path";
import { type Ended, run, type StartOptions, startServer, type TestServer } from "./harness.ts";

const MAKE_CERTS = join(import.meta.dirname ?? ".", "..", "scripts", "make-certs");

/** Where the files of a root CA and of a server certificate are. */
export interface Certificates {
  readonly folder: string;
  readonly root: string;
  readonly key: string;
  readonly certificate: string;
}

/** Runs scripts/make-certs; the names are those of the last time, and at first localhost and the loopback addresses. */
export async function makeCertificates(folder: string, ...args: readonly string[]): Promise<Certificates> {
  const { code, stderr } = await run(MAKE_CERTS, ["--folder", folder, ...args]);
  if (code !== 0) throw new Error(`make-certs failed: ${stderr}`);
  return placesIn(folder);
}

function placesIn(folder: string): Certificates {
  return {
    folder,
    root: join(folder, "root.crt"),
    key: join(folder, "server.key"),
    certificate: join(folder, "server.crt"),
  };
}

/** What make-certs has made for these arguments, once for all servers of a test file. */
const made = new Map<string, Promise<string>>();

/** As makeCertificates() makes them in an empty folder, but copied from those of an earlier server where there are any. */
async function copyCertificates(folder: string, args: readonly string[]): Promise<Certificates> {
  const words = args.join(" ");
  const make = async () => {
    const shared = await Deno.makeTempDir({ prefix: "lisod-made-certs-" });
    addEventListener("unload", () => Deno.removeSync(shared, { recursive: true }));
    await makeCertificates(shared, ...args);
    return shared;
  };
  const source = made.get(words) ?? make();
  made.set(words, source);
  const { code, stderr } = await run("cp", ["-a", `${await source}/.`, folder]);
  if (code !== 0) throw new Error(`Cannot copy certificates: ${stderr}`);
  return placesIn(folder);
}

/**
 * Puts a new key and certificate for these names in place of those there, by the same root: one run of openssl, where
 * make-certs, which checks and explains much, takes a dozen.
 */
export async function renewPair(
  { folder, root, key, certificate }: Certificates,
  names: readonly string[],
): Promise<void> {
  const config = join(folder, "renew.cnf");
  await Deno.writeTextFile(config, "[req]\ndistinguished_name = name\n[name]\n");
  const { code, stderr } = await run("openssl", [
    ...[
      "req",
      "-x509",
      "-config",
      config,
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
    ],
    ...["-CA", root, "-CAkey", join(folder, "root.key"), "-subj", `/CN=${names[0]}`],
    ...[
      "-addext",
      `subjectAltName=${names.map((name) => `DNS:${name}`).join()}`,
      "-addext",
      "basicConstraints=CA:FALSE",
    ],
    ...["-keyout", key, "-out", certificate],
  ]);
  if (code !== 0) throw new Error(`openssl req failed: ${stderr}`);
}

/** The arguments that make a server serve HTTPS on a port that the kernel chooses. */
export function httpsArguments({ key, certificate }: Pair): readonly string[] {
  return ["--https", "0", "--key", key, "--certificate", certificate];
}

export interface HttpsOptions extends StartOptions {
  /** Arguments for make-certs. */
  readonly certs?: readonly string[];
  /** Makes another pair of files of what make-certs has made; without it, that is served. */
  readonly makePair?: (certificates: Certificates) => Promise<Pair>;
}

type Pair = Pick<Certificates, "key" | "certificate">;

/** A running ./lisod with HTTP and HTTPS, and its certificates. Disposing stops it and removes all of its files. */
export class HttpsServer implements AsyncDisposable {
  readonly server: TestServer;
  readonly certificates: Certificates;

  private constructor(server: TestServer, certificates: Certificates) {
    this.server = server;
    this.certificates = certificates;
  }

  /** DEBUG lines are logged, for each failed handshake is to cost one. */
  static async start(options: HttpsOptions = {}): Promise<HttpsServer> {
    const folder = await Deno.makeTempDir({ prefix: "lisod-certs-" });
    const certificates = await copyCertificates(folder, options.certs ?? []);
    const pair = await options.makePair?.(certificates) ?? certificates;
    const args = [...httpsArguments(pair), "--log-level", "debug", ...options.args ?? []];
    return new HttpsServer(await startServer({ ...options, args }), certificates);
  }

  get port(): number {
    return this.server.port("https");
  }

  /** `https://localhost:PORT`: the certificate names localhost. */
  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** A TLS connection that trusts the root. */
  async connect(): Promise<Deno.TlsConn> {
    const caCerts = [await Deno.readTextFile(this.certificates.root)];
    return await Deno.connectTls({ hostname: "localhost", port: this.port, caCerts });
  }

  /** Runs openssl s_client with the root trusted, sends it one request and returns what it prints. */
  sClient(...args: readonly string[]): Promise<Ended> {
    const client = ["openssl", "s_client", "-connect", `localhost:${this.port}`, "-CAfile", this.certificates.root]
      .concat("-verify_return_error", "-ign_eof", args);
    const request = String.raw`GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    return run("/bin/sh", ["-c", `printf '${request}' | "$@"`, "sh", ...client]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.certificates.folder, { recursive: true });
  }
}
