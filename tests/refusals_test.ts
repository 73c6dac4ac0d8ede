/** What a request is refused for a reason that the operator can mend: told once for each path, in words for him. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { curl, startServer, writeFiles } from "./harness.ts";

const SCRIPT = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nran'\n";

async function makeSite(folder: string): Promise<void> {
  await writeFiles(folder, {
    ...{ "root/index.html": "front", "root/plain/a.txt": "a", "root/bin/run": SCRIPT, "root/bin/data": "data" },
    ...{ "beside/secret.txt": "secret", "root/x.sh": SCRIPT },
  });
  await Deno.chmod(join(folder, "root/bin/run"), 0o755);
  await Deno.chmod(join(folder, "root/bin/data"), 0o640);
  await Deno.symlink("../beside", join(folder, "root/way"));
  await Deno.symlink("/etc/hostname", join(folder, "root/host"));
  await Deno.symlink("/bin/true", join(folder, "root/bin/true"));
  await Deno.symlink("x.sh", join(folder, "root/text"));
}

/** What is asked for, each twice or more, and the one line that the folder at fault, below "HERE", gets. */
const REFUSALS: readonly (readonly [targets: readonly string[], line: string])[] = [
  [["/plain/", "//plain//", "/plain/."], '"HERE/root/plain/" has no index.html, and --listing is off'],
  [
    ["/way/secret.txt", "//way//secret.txt", "/way/"],
    '"HERE/root/way" is a link to "../beside", which leads out of "HERE/root"',
  ],
  [["/host", "//host"], '"HERE/root/host" is a link to "/etc/hostname", which leads out of "HERE/root"'],
  [["/cgi/true", "/cgi/true/x"], '"HERE/root/bin/true" is a link to "/bin/true", which leads out of "HERE/root/bin"'],
  [
    ["/cgi/data", "//cgi//data/"],
    '"HERE/root/bin/data" is not executable (mode 0640), and its extension has no handler',
  ],
  [["/bin/run", "/bin//run"], '"HERE/root/bin/run" is kept for programs, and is sent to nobody'],
  [
    ["/text", "//text"],
    '"HERE/root/text" is a program by a name that leads to it, or by its content, and is sent to nobody',
  ],
];

Deno.test("a refusal that the operator can mend is one WARN for its path, however often it is asked for", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-test-" }));
  try {
    await makeSite(folder);
    const root = join(folder, "root");
    await using server = await startServer({
      root,
      args: ["--cgi", join(root, "bin"), "--cgi-prefix", "/cgi", "--cgi-handler", ".sh=/bin/sh", "--log-flush-ms", "1"],
    });
    const ask = async () => {
      for (
        const target of [...REFUSALS.flatMap(([targets]) => targets), "/cgi/", "/none", "/.hidden", "/plain/none/"]
      ) {
        const { text } = await curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", server.url + target);
        assertEquals([target, text], [target, /none|hidden/.test(target) ? "404" : "403"]);
      }
    };
    const warnings = () =>
      server.logText().split("\n").filter((line) => /\] (WARN|ERROR) /.test(line) && !line.includes("running as root"))
        .map((line) => line.replace(/^\[.*?\] /, "").replaceAll(folder, "HERE"));
    const want = REFUSALS.map(([, line]) => `WARN site: ${line}: 403`);
    await ask();
    await ask();
    await server.waitForLog(() => warnings().length >= want.length);
    assertEquals(warnings(), want);
    Deno.kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes("INFO main: reloaded"));
    await ask();
    await server.waitForLog(() => warnings().length >= 2 * want.length);
    assertEquals(warnings(), [...want, ...want]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
