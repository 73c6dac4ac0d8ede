/** What the runtime lets the server do once it serves, and what code that got into it could do. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { DaemonSite, kill, waitUntil } from "./daemon.ts";
import { run } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** The permissions that the binary is compiled with. */
const GRANTED = Deno.readTextFileSync(join(PROJECT, "scripts/build")).match(/--allow-[a-z]+(?:=[^"\s]+)?/g) ?? [];

const WRITING = ["write a file", "write a file through node", "change a mode", "remove a file"];

Deno.test("giveUpPermissions() leaves code in the server nothing but what the configuration needs", async () => {
  const https = ["--https=0", "--key=k", "--certificate=c"];
  const table: readonly { readonly args: readonly string[]; readonly want: readonly string[] }[] = [
    { args: [], want: ["read a file"] },
    { args: ["--access-log=off", "--lock=/lock"], want: ["read a file"] },
    { args: ["--log=/log"], want: ["read a file", ...WRITING] },
    { args: ["--access-log=/log"], want: ["read a file", ...WRITING] },
    { args: https, want: ["read a file", "listen"] },
    { args: ["--cgi=/cgi"], want: ["read a file", ...WRITING] },
    {
      args: ["--cgi-handler=.php=/php", "--log=/log", ...https],
      want: ["read a file", ...WRITING, "listen"],
    },
  ];
  for (const { args, want } of table) {
    const probe = join(PROJECT, "tests/permissions_probe.ts");
    const { code, text, stderr } = await run(
      Deno.execPath(),
      ["run", "--quiet", "--no-prompt", ...GRANTED, probe, "--root=/", ...args],
      { env: { NO_COLOR: "1" } },
    );
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(text), want, args.join(" "));
  }
});

Deno.test("lisod serves, reloads and stops with the permissions that its log names", async () => {
  await using site = await DaemonSite.make();
  const script = join(site.folder, "script.sh");
  await Deno.writeTextFile(script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; cat\n");
  const https = [
    "--https",
    "0",
    "--key",
    join(site.folder, "server.key"),
    "--certificate",
    join(site.folder, "server.crt"),
  ];
  const toStderr = ["--http", "0", "--root", site.root, "--lock", site.lock, "--foreground"];
  const table = [
    { args: toStderr, want: "read" },
    { args: site.named().with(-1, "--foreground"), want: "read, write" },
    { args: [...toStderr, ...https], want: "read, net" },
    { args: [...toStderr, "--cgi", script], want: "read, write" },
  ];
  for (const { args, want } of table) {
    const server = new Deno.Command(site.binary, { args: [...args, "--log-flush-ms=1ms"], stderr: "piped" }).spawn();
    const text = { log: "" };
    const copying = server.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (chunk) => void (text.log += chunk) }),
    );
    const log = () => text.log + site.logText();
    await waitUntil(() => log().includes("permissions of the runtime"), "it serves");
    assertStringIncludes(log(), ` INFO main: permissions of the runtime that are left: ${want}\n`);
    const url = `http://127.0.0.1:${/listening on http:\S+:(\d+)/.exec(log())?.[1]}`;
    assertEquals((await (await fetch(`${url}/`)).text()).length > 0, true);
    if (args.includes("--cgi")) {
      const content = new Blob(["chunked content"]).stream();
      const response = await fetch(`${url}/cgi/`, { method: "POST", body: content });
      assertEquals(await response.text(), "chunked content");
    }
    kill(server.pid, "SIGHUP");
    await waitUntil(() => log().includes("INFO main: reloaded"), "it has reloaded");
    kill(server.pid, "SIGTERM");
    assertEquals((await server.status).code, 0);
    await copying;
    assertMatch(log(), / INFO main: stopped\n$/);
    assertEquals(log().match(/ ERROR .*/g), null);
    await Deno.remove(site.log).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
});
