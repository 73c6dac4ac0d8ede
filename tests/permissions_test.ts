/** What the runtime lets the server do once it serves, and what code that got into it could do. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LIBC_PATHS } from "../lib/system/libc.ts";
import { DaemonSite, kill, waitUntil } from "./daemon.ts";
import { run, startServer, writeFiles } from "./harness.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
/** The permissions that the binary is compiled with. */
const GRANTED = Deno.readTextFileSync(join(PROJECT, "scripts/build")).match(/--allow-[a-z]+(?:=[^"\s]+)?/g) ?? [];

/** What every server may: with --root=www. */
const READING = ["read the root"];

Deno.test("scripts/build permits the C library in each place where it is looked for", () => {
  assertEquals(GRANTED.find((flag) => flag.startsWith("--allow-ffi")), `--allow-ffi=${LIBC_PATHS.join(",")}`);
});

Deno.test("narrowPermissions() leaves code in the server nothing but what the configuration needs", async () => {
  const https = ["--https=0", "--key=key", "--certificate=crt"];
  const table: readonly { readonly args: readonly string[]; readonly want: readonly string[] }[] = [
    { args: [], want: READING },
    { args: ["--access-log=off", "--lock=lock"], want: READING },
    { args: ["--log=log"], want: [...READING, "write the log"] },
    { args: ["--access-log=log"], want: [...READING, "write the log"] },
    { args: https, want: [...READING, "read the key", "listen"] },
    { args: ["--cgi=cgi", "--cgi-spool=spool"], want: [...READING, "write the spool"] },
    {
      args: ["--cgi-handler=.php=/php", "--cgi-spool=spool", "--log=log", ...https],
      want: [...READING, "read the key", "write the log", "write the spool", "listen"],
    },
    { args: ["--native=off", "--log=log"], want: [...READING, "write the log"] },
    // The runtime asks for it when it starts a program, and when it sends a signal to one.
    {
      args: ["--native=off", "--cgi=cgi", "--cgi-spool=spool"],
      want: [...READING, "write the spool", "run a program", "signal a process"],
    },
  ];
  const folder = await Deno.makeTempDir({ prefix: "lisod-permissions-" });
  try {
    await writeFiles(folder, { "www/index.html": "Site", "spool/readme": "", "key": "Key", "secret": "Secret" });
    for (const { args, want } of table) {
      const { code, text, stderr } = await run(
        Deno.execPath(),
        [
          "run",
          "--quiet",
          "--no-prompt",
          ...GRANTED,
          join(PROJECT, "tests/permissions_probe.ts"),
          "--root=www",
          ...args,
        ],
        { cwd: folder, env: { NO_COLOR: "1" } },
      );
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(text).allowed, want, args.join(" "));
    }
    assertEquals(await Deno.readTextFile(join(folder, "secret")), "Secret");
  } finally {
    await Deno.remove(folder, { recursive: true });
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
  const keys = `${site.folder}/server.key ${site.folder}/server.crt`;
  const toStderr = ["--http", "0", "--root", site.root, "--lock", site.lock, "--foreground"];
  const table = [
    { args: toStderr, want: `read ${site.root}` },
    { args: site.named().with(-1, "--foreground"), want: `read ${site.root} ${site.log}, write ${site.log}` },
    { args: [...toStderr, ...https], want: `read ${site.root} ${keys}, net` },
    { args: [...toStderr, "--cgi", script], want: `read ${site.root} ${script} /tmp, write /tmp` },
    {
      args: [...toStderr, "--native", "off", "--cgi", script],
      want: `read ${site.root} ${script} /tmp, write /tmp, run`,
    },
    { args: [...toStderr, ...https, "--native", "off"], want: `read ${site.root} ${keys}, net` },
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

Deno.test("lisod still reads all that it was given when folders are links, and turned to others while it runs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-links-" });
  try {
    for (const name of ["one", "two"]) {
      await writeFiles(join(folder, name), {
        "www/a.txt": name,
        "www/folder/b.txt": name,
        "cgi/script": `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n${name}'\n`,
        "errors/404.html": `${name} has no such page`,
      });
      await Deno.chmod(join(folder, name, "cgi/script"), 0o755);
      await Deno.symlink("script", join(folder, name, "cgi/link"));
    }
    const now = join(folder, "now");
    await Deno.symlink("one", now);
    await using server = await startServer({
      root: join(now, "www"),
      args: [
        ...["--listing", "--file-cache-ms", "0", "--error-pages", join(now, "errors")],
        // Not /tmp, where all of this lies.
        ...["--cgi", join(now, "cgi"), "--cgi-spool", join(folder, "one")],
      ],
    });
    const ask = async (path: string) => await (await fetch(`${server.url}${path}`)).text();
    const all = async () => [await ask("/a.txt"), await ask("/cgi/script"), await ask("/cgi/link"), await ask("/none")];
    assertEquals(await all(), ["one", "one", "one", "one has no such page"]);
    await Deno.remove(now);
    await Deno.symlink("two", now);
    kill(server.pid, "SIGHUP");
    await server.waitForLog((log) => log.includes("INFO main: reloaded"));
    assertEquals(await all(), ["two", "two", "two", "two has no such page"]);
    assertStringIncludes(await ask("/folder/"), "b.txt");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
