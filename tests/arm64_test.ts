/**
 * The binary for arm64, run by an emulator: that it starts, that the C library's functions are called as that machine wants
 * them, and that files, TLS and scripts work. That all else is right is shown by the tests of the machine's own binary.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { curl, run } from "./harness.ts";
import { HttpsServer, makeCertificates } from "./https.ts";
import { ARM64_TARGET, build, emulatorIn } from "./targets.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** The emulator translates the runtime before it runs it: some seconds where nobody else wants the processors. */
const START_MS = 60_000;

/** The ways to the system, each with the arguments that ask for it. */
const WAYS: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: "the native way", args: [] },
];

const FILES = { "a.txt": "a file\n" };
/** The shell that runs it is this machine's, for the emulator has the kernel execute what it is asked to execute. */
const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s %s ' "$REQUEST_METHOD" "$QUERY_STRING"
exec cat
`;
const NO_PROGRAM = "#!/no/such/interpreter\n";

interface Row {
  readonly name: string;
  /** Does something with the server, and returns what came of it. */
  readonly play: (server: HttpsServer) => Promise<string>;
  readonly want: RegExp;
  /** Why the last words of what is wanted are the emulator's, and what a machine says instead. */
  readonly onlyThere?: string;
}

const ROWS: readonly Row[] = [
  { name: "a file over HTTP", play: ({ server }) => get(`${server.url}/a.txt`), want: /^a file\n 200$/ },
  { name: "a file over HTTPS", play: (server) => getSecurely(server, "/a.txt"), want: /^a file\n 200$/ },
  {
    name: "a script with content",
    play: ({ server }) => get(`${server.url}/cgi/script?q=1`, "--data-binary", "content"),
    want: /^POST q=1 content 200$/,
  },
  {
    name: "a script with content over HTTPS",
    play: (server) => getSecurely(server, "/cgi/script?q=2", "--data-binary", "x".repeat(100_000)),
    want: /^POST q=2 x{100000} 200$/,
  },
  {
    name: "a script that cannot be executed",
    play: async ({ server }) => await get(`${server.url}/cgi/no-program`) + server.logText(),
    want: / 500[^]*no-program\[\d+\] printed nothing/,
    onlyThere: "vfork(2) is a fork(2), so posix_spawn(3) does not hear that execve(2) has failed; " +
      "a machine's log says that the interpreter does not exist",
  },
  {
    name: "a new certificate",
    play: async (server) => await renewCertificate(server) + server.server.logText(),
    want: /^a file\n 200[^]*The kernel gives some connections to the old listener/,
    onlyThere: "setsockopt(2) does not know SO_ATTACH_REUSEPORT_CBPF; a machine loses none, and says nothing",
  },
];

/** What cannot be shown there. */
const UNTESTED = [
  { name: "--daemon", reason: "the daemon is the binary executed again, which the kernel of this machine cannot do" },
];

/** The content of the answer, and behind it the status. */
async function get(...args: readonly string[]): Promise<string> {
  const { code, text, stderr } = await curl("--output", "-", "--write-out", " %{http_code}", ...args);
  assertEquals(code, 0, stderr);
  return text;
}

function getSecurely({ url, certificates }: HttpsServer, target: string, ...args: readonly string[]): Promise<string> {
  return get("--cacert", certificates.root, `${url}${target}`, ...args);
}

/** Asks for a file with a certificate that the server gets while it serves. */
async function renewCertificate({ server, certificates: { folder, root } }: HttpsServer): Promise<string> {
  await makeCertificates(folder, "renewed.example");
  Deno.kill(server.pid, "SIGHUP");
  await server.waitForLog((log) => log.includes("reloaded"), START_MS);
  // Without the filter the old listener gets clients until it is closed.
  const again = ["--retry", "10", "--retry-delay", "1", "--retry-all-errors"];
  const connectTo = `::127.0.0.1:${server.port("https")}`;
  return await get(...again, "--cacert", root, "--connect-to", connectTo, "https://renewed.example/a.txt");
}

/** What a test gets: the binary, what runs it, and a folder that is removed after the test. */
interface Machine {
  readonly binary: string;
  readonly emulator: readonly string[];
  readonly folder: string;
}

async function withMachine(test: (machine: Machine) => Promise<void>): Promise<void> {
  const binary = await build(PROJECT, ARM64_TARGET);
  const folder = await Deno.makeTempDir({ prefix: "lisod-arm64-" });
  try {
    await test({ binary, emulator: await emulatorIn(folder), folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("lisod for arm64 tells its version", () =>
  withMachine(async ({ binary, emulator: [program, ...before] }) => {
    const { code, text, stderr } = await run(program, [...before, binary, "--version"]);
    assertEquals(code, 0, stderr);
    assertMatch(text, /^lisod \S+ \(Deno /);
  }));

for (const { name, args } of WAYS) {
  Deno.test(`lisod for arm64 serves by ${name}`, (context) =>
    withMachine(async ({ binary, emulator, folder }) => {
      const cgi = join(folder, "cgi");
      await Deno.mkdir(cgi);
      await Deno.writeTextFile(join(cgi, "script"), SCRIPT, { mode: 0o755 });
      await Deno.writeTextFile(join(cgi, "no-program"), NO_PROGRAM, { mode: 0o755 });
      const options = { binary, through: emulator, startMs: START_MS, files: FILES };
      await using server = await HttpsServer.start({ ...options, args: ["--cgi", cgi, ...args] });
      for (const row of ROWS) {
        const reason = row.onlyThere === undefined ? "" : ` (in the emulator ${row.onlyThere})`;
        await context.step(`${row.name}${reason}`, async () => assertMatch(await row.play(server), row.want));
      }
    }));
}

for (const { name, reason } of UNTESTED) {
  Deno.test({ name: `lisod for arm64, ${name}: untested, for ${reason}`, ignore: true, fn: () => {} });
}
