/**
 * The binary for arm64, run by an emulator: that it starts, that the C library's functions are called as that machine wants
 * them, and that files, TLS and scripts work. Each row is first played to the machine's own binary, which shows that what is
 * wanted is what a machine does; that all else is right is shown by the other tests of it.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { curl, run, type StartOptions } from "./harness.ts";
import { HttpsServer, makeCertificates } from "./https.ts";
import { ARM64_TARGET, build, emulatorIn } from "./targets.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** The emulator translates the runtime before it runs it: some seconds where nobody else wants the processors. */
const START_MS = 60_000;

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
}

const BAD_SCRIPT: Row = {
  name: "a script that cannot be executed",
  play: async ({ server }) => {
    const answer = await get(`${server.url}/cgi/no-program`);
    await server.waitForLog((log) => log.includes("] ERROR "));
    return answer + server.logText();
  },
  want: / 500[^]*\/no\/such\/interpreter", and there is no such program/,
};

const NEW_CERTIFICATE: Row = {
  name: "a new certificate",
  play: async (server) => await renewCertificate(server) + server.server.logText(),
  want: /^a file\n 200(?![^]*The kernel gives some connections to the old listener)/,
};

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
  BAD_SCRIPT,
  NEW_CERTIFICATE,
];

/** What the emulator makes of a row, and why a machine does not. */
interface Fault {
  readonly row: Row;
  readonly want: RegExp;
  readonly reason: string;
}

/** A way to the system, with the arguments that ask for it. */
interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly faults: readonly Fault[];
}

const WAYS: readonly Way[] = [
  {
    name: "the native way",
    args: [],
    faults: [
      {
        row: BAD_SCRIPT,
        want: / 500[^]*no-program\[\d+\] printed nothing/,
        reason: "vfork(2) is a fork(2) there, so posix_spawn(3) does not hear that execve(2) has failed",
      },
      {
        row: NEW_CERTIFICATE,
        want: /^a file\n 200[^]*The kernel gives some connections to the old listener/,
        reason: "setsockopt(2) does not know SO_ATTACH_REUSEPORT_CBPF there",
      },
    ],
  },
  { name: "the runtime's way", args: ["--native", "off"], faults: [] },
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
  // In the emulator the old listener gets clients until it is closed.
  const again = ["--retry", "10", "--retry-delay", "1", "--retry-all-errors"];
  const connectTo = `::127.0.0.1:${server.port("https")}`;
  return await get(...again, "--cacert", root, "--connect-to", connectTo, "https://renewed.example/a.txt");
}

/** Builds the binary and gives the path of it, what runs it, and a folder that is removed after the test. */
async function withBinary(
  test: (binary: string, place: { readonly emulator: readonly string[]; readonly folder: string }) => Promise<void>,
): Promise<void> {
  const binary = await build(PROJECT, ARM64_TARGET);
  const folder = await Deno.makeTempDir({ prefix: "lisod-arm64-" });
  try {
    await test(binary, { emulator: await emulatorIn(folder), folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeScripts(folder: string): Promise<string> {
  const path = join(folder, "cgi");
  await Deno.mkdir(path);
  await Deno.writeTextFile(join(path, "script"), SCRIPT, { mode: 0o755 });
  await Deno.writeTextFile(join(path, "no-program"), NO_PROGRAM, { mode: 0o755 });
  return path;
}

/** Plays all rows to one server, each as a step. */
async function playRows(
  context: Deno.TestContext,
  { options, faults, where }: {
    readonly options: StartOptions;
    readonly faults: readonly Fault[];
    readonly where: string;
  },
): Promise<void> {
  await using server = await HttpsServer.start({ ...options, files: FILES });
  for (const row of ROWS) {
    const fault = faults.find((known) => known.row === row);
    const but = fault === undefined ? "" : `, but ${fault.reason}`;
    const { want } = fault ?? row;
    await context.step(`${where}: ${row.name}${but}`, async () => assertMatch(await row.play(server), want));
  }
}

Deno.test("lisod for arm64 tells its version", () =>
  withBinary(async (binary, { emulator: [program, ...before] }) => {
    const { code, text, stderr } = await run(program, [...before, binary, "--version"]);
    assertEquals(code, 0, stderr);
    assertMatch(text, /^lisod \S+ \(.*Deno /);
  }));

for (const way of WAYS) {
  Deno.test(`lisod for arm64 serves as the machine's own by ${way.name}`, (context) =>
    withBinary(async (binary, { emulator, folder }) => {
      const args = ["--cgi", await writeScripts(folder), ...way.args];
      await playRows(context, { options: { args }, faults: [], where: "own" });
      const options = { args, binary, through: emulator, startMs: START_MS };
      await playRows(context, { options, faults: way.faults, where: "arm64" });
    }));
}

for (const { name, reason } of UNTESTED) {
  Deno.test({ name: `lisod for arm64, ${name}: untested, for ${reason}`, ignore: true, fn: () => {} });
}
