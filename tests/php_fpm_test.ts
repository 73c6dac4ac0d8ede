/** PHP behind Debian's php-fpm: what real programs are told, take and say there. */
import { assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { curl, startServer, type TestServer, writeFiles } from "./harness.ts";
import { type PhpFpm, startPhpFpm } from "./php_fpm.ts";

const FILES = {
  "variables.php": `<?php header("Content-Type: application/json"); echo json_encode($_SERVER);`,
  "index.php": `<?php echo "front controller: ", $_SERVER["REQUEST_URI"], " ", $_SERVER["SCRIPT_NAME"];`,
  "blog/index.php": `<?php echo "blog index";`,
  "style.css": "body{}",
  "upload.php":
    `<?php $f = $_FILES["f"]; echo $f["error"], " ", filesize($f["tmp_name"]), " ", hash_file("sha256", $f["tmp_name"]);`,
  "body.php": `<?php $in = fopen("php://input", "r"); $h = hash_init("sha256"); $n = hash_update_stream($h, $in);
    echo $_SERVER["CONTENT_LENGTH"], " ", $n, " ", hash_final($h);`,
  "errors.php": `<?php error_log("said to the log"); http_response_code(404); echo "gone";`,
  "fatal.php": `<?php undefined_function();`,
  "redirect.php": `<?php header("Location: /elsewhere.php"); setcookie("a", "b");`,
  "stream.php": `<?php for ($i = 0; $i < 100000 && !connection_aborted(); $i++) { echo str_repeat("x", 8192); flush(); }
    file_put_contents(__DIR__ . "/aborted", (string) connection_aborted());`,
  "ignore.php": `<?php echo getmypid();`,
  "sleep.php": `<?php sleep(30);`,
  "off/plain.php": "not to be seen",
};

const POOL = [
  "php_admin_value[upload_max_filesize] = 100M",
  "php_admin_value[post_max_size] = 100M",
  "php_admin_flag[log_errors] = on",
  "php_admin_flag[display_errors] = off",
];

interface Running extends AsyncDisposable {
  readonly server: TestServer;
  readonly php: PhpFpm;
  readonly folder: string;
}

async function start(args: readonly string[] = [], pool: readonly string[] = []): Promise<Running> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-php-" });
  await writeFiles(`${folder}/www`, FILES);
  const php = await startPhpFpm(folder, [...POOL, ...pool]);
  const server = await startServer({
    root: `${folder}/www`,
    args: [`--cgi-handler=.php=fastcgi:unix:${php.socket}`, ...args],
  });
  return {
    ...{ server, php, folder },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await php[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("--cgi-handler .php=fastcgi:... tells php-fpm the file, the path after it and all that CGI tells", async () => {
  await using running = await start();
  const { server: { url }, folder } = running;
  const { text } = await curl(`${url}/variables.php/a%20b/c?x=1&y=%2F`, "-A", "test");
  const variables = JSON.parse(text);
  const names = ["SCRIPT_FILENAME", "SCRIPT_NAME", "PATH_INFO", "PHP_SELF", "QUERY_STRING", "REQUEST_URI"];
  assertEquals(names.map((name) => variables[name]), [
    ...[`${folder}/www/variables.php`, "/variables.php", "/a b/c", "/variables.php/a b/c", "x=1&y=%2F"],
    "/variables.php/a%20b/c?x=1&y=%2F",
  ]);
  assertEquals(
    [variables.DOCUMENT_ROOT, variables.HTTP_USER_AGENT, variables.REMOTE_ADDR, "HTTPS" in variables],
    [`${folder}/www`, "test", "127.0.0.1", false],
  );
});

Deno.test("--cgi-handler .php=fastcgi:... with --fallback serves pretty URLs, indexes, files, and no source", async () => {
  await using running = await start(["--fallback=/index.php"]);
  const { server: { url } } = running;
  assertEquals((await curl(`${url}/2026/11/a-post/?p=1`)).text, "front controller: /2026/11/a-post/?p=1 /index.php");
  assertEquals((await curl(`${url}/`)).text, "front controller: / /index.php");
  assertEquals((await curl(`${url}/blog/`)).text, "blog index");
  assertEquals((await curl(`${url}/style.css`)).text, "body{}");
  assertEquals(
    (await curl(`${url}/redirect.php`, "-w", "%{http_code} %{redirect_url}")).text,
    `302 ${url}/elsewhere.php`,
  );
});

Deno.test("--cgi-handler .php=fastcgi:... takes an upload of 50 MB, also in chunks, byte for byte", async () => {
  await using running = await start();
  const { server: { url }, folder } = running;
  const bytes = new Uint8Array(50_000_000).map((_, at) => (at * 2_654_435_761) >>> 13);
  await Deno.writeFile(`${folder}/upload`, bytes);
  const hash = createHash("sha256").update(bytes).digest("hex");
  assertEquals((await curl(`${url}/upload.php`, "-F", `f=@${folder}/upload`)).text, `0 50000000 ${hash}`);
  const raw = ["--data-binary", `@${folder}/upload`, "-H", "Content-Type: application/octet-stream"];
  assertEquals((await curl(`${url}/body.php`, ...raw)).text, `50000000 50000000 ${hash}`);
  const chunked = [...raw, "-H", "Transfer-Encoding: chunked"];
  assertEquals((await curl(`${url}/body.php`, ...chunked)).text, `50000000 50000000 ${hash}`);
});

Deno.test("--cgi-handler .php=fastcgi:... writes what PHP says to the log, and passes on the status", async () => {
  await using running = await start();
  const { server } = running;
  assertEquals((await curl(`${server.url}/errors.php`, "-w", " %{http_code}")).text, "gone 404");
  assertMatch((await curl(`${server.url}/fatal.php`, "-w", "%{http_code}")).text, /500$/);
  await server.waitForLog((log) => log.includes("undefined_function"));
  assertMatch(server.logText(), /WARN errors\.php fastcgi:unix:\S+: PHP message: said to the log/);
});

Deno.test("--cgi-handler .php=fastcgi:... ends a script whose client has gone, and its process serves on", async () => {
  await using running = await start([], ["php_admin_flag[ignore_user_abort] = on"]);
  const { server: { url }, folder } = running;
  using watcher = Deno.watchFs(`${folder}/www`);
  const { code } = await curl(
    `${url}/stream.php`,
    "--max-filesize",
    "1000",
    "--range",
    "0-999",
    "--output",
    "/dev/null",
    "-m",
    "1",
  );
  assertEquals(code === 0, false);
  for await (const { paths } of watcher) if (paths.some((path) => path.endsWith("/aborted"))) break;
  for (let count = 0; count < 6; count++) assertMatch((await curl(`${url}/ignore.php`)).text, /^\d+$/);
});

Deno.test("--cgi-handler .php=fastcgi:... serves more clients at once than there are processes", async () => {
  await using running = await start();
  const { server: { url } } = running;
  const answers = await Promise.all(Array.from({ length: 40 }, () => curl(`${url}/ignore.php`)));
  assertEquals(answers.filter(({ text }) => !/^\d+$/.test(text)), []);
  assertEquals(new Set(answers.map(({ text }) => text)).size <= 3, true);
});

Deno.test("--cgi-handler .php=fastcgi:... answers 504 for a script that says nothing for too long", async () => {
  await using running = await start(["--script-ms=300ms"]);
  assertEquals((await curl(`${running.server.url}/sleep.php`, "-o", "/dev/null", "-w", "%{http_code}")).text, "504");
});
