import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { checkConfig } from "./check_config.ts";
import { parseCommandLine } from "../config/config.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

/** The messages of checkConfig for these arguments, with `folder` as the current folder. */
function problemsOf(folder: string, ...args: readonly string[]): string[] {
  const command = parseCommandLine(args, {
    cwd: folder,
    environment: {},
    configFiles: NO_FILES,
  });
  if (command.kind !== "serve") throw new Error(`The command is ${command.kind}`);
  return checkConfig(command.config).map((problem) => problem.message.replaceAll(folder, "HERE"));
}

function withFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-check-" });
  try {
    Deno.mkdirSync(join(folder, "www"));
    Deno.writeTextFileSync(join(folder, "file"), "");
    Deno.writeTextFileSync(join(folder, "file.PHP"), "");
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("checkConfig() finds nothing wrong with what is there, and leaves nothing behind", () =>
  withFolder((folder) => {
    Deno.mkdirSync(join(folder, "pages"));
    Deno.writeTextFileSync(join(folder, "pages/404.html"), "");
    const files = ["--log", "a.log", "--access-log", "b.log", "--lock", "c.lock", "--error-pages", "pages"];
    assertEquals(problemsOf(folder, "--root", "www", ...files), []);
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name).sort(), ["file", "file.PHP", "pages", "www"]);
  }));

Deno.test("checkConfig() tells of everything that is wrong, each under the name that the operator knows", () =>
  withFolder((folder) => {
    const write = "name a file in a folder where the server may write";
    const noKey = '<private key file> "HERE/key": does not exist: name a readable PEM file, see ls -lL HERE/key';
    const cases: [readonly string[], readonly string[]][] = [
      [["--root", "none"], ['--root "HERE/none": does not exist: name a folder that the server may read']],
      [["--root", "file"], ['--root "HERE/file": not a folder: name a folder that the server may read']],
      [
        ["--root", "file/x"],
        ['--root "HERE/file/x": a part of the path is not a folder: name a folder that the server may read'],
      ],
      [["--root", "www", "--lock", "none/l"], [
        '--lock "HERE/none/l": its folder does not exist: make it, or name another',
      ]],
      [["--root", "www", "--lock", "www"], [
        '--lock "HERE/www": is a folder: name a file in a folder that may be written',
      ]],
      [["--root", "www", "--lock", "file/l"], [
        '--lock "HERE/file/l": its folder does not exist: make it, or name another',
      ]],
      [["1", "2", "none/a", "none/l", "none", "cgi", "key", "certificate"], [
        '<www folder> "HERE/none": does not exist: name a folder that the server may read',
        `<log file> "HERE/none/a": its folder does not exist: ${write}`,
        '<lock file> "HERE/none/l": its folder does not exist: make it, or name another',
        noKey,
      ]],
      [["1", "2", "a.log", "c.lock", "www", "cgi", "key", "certificate"], [noKey]],
      [["--root", "www", "--cgi", "none"], [
        '--cgi "HERE/none": does not exist: name a program that the server may run',
      ]],
      [["--root", "www", "--cgi", "file"], [
        '--cgi "HERE/file": not executable: name a program that the server may run',
      ]],
      [["--root", "www", "--cgi", "file.PHP", "--cgi-handler", ".php=/bin/sh"], []],
      ...[["www", "www"], ["www", "."], ["www", "www/.."], ["www/../www/", "/"]].map((
        [root, cgi],
      ): [readonly string[], readonly string[]] => [["--root", root, "--cgi", cgi], [
        `--cgi "${
          cgi === "/" ? "/" : cgi === "www" ? "HERE/www" : "HERE"
        }": holds the root, of which no file would be sent: ` +
        "name a folder beside the root or in it",
      ]]),
      [["--root", ".", "--cgi", "www"], []],
      [["--root", "www", "--cgi", "ww"], ['--cgi "HERE/ww": does not exist: name a program that the server may run']],
      [["--root", "www", "--cgi-handler", ".x=/usr/bin"], [
        '--cgi-handler "/usr/bin": a folder: name the program that runs such files',
      ]],
      [["--root", "www", "--cgi-handler", ".x=/none", "--cgi-spool", "none"], [
        '--cgi-handler "/none": does not exist: name a program that the server may run',
        '--cgi-spool "HERE/none": does not exist: name a folder that the server may write to',
      ]],
      [["--root", "www", "--cgi-handler", ".x=/bin/sh", "--cgi-spool", "none"], [
        '--cgi-spool "HERE/none": does not exist: name a folder that the server may write to',
      ]],
      [["--root", "www", "--cgi-spool", "none"], []],
      [["--root", "www", "--log", "www", "--access-log", "none/b", "--error-pages", "none"], [
        `--log "HERE/www": neither a regular file nor a character device: ${write}`,
        `--access-log "HERE/none/b": its folder does not exist: ${write}`,
        '--error-pages "HERE/none": does not exist: ' +
        "name a readable folder with 404.html, 4xx.html, 5xx.html or error.html",
      ]],
    ];
    for (const [args, want] of cases) assertEquals(problemsOf(folder, ...args), want);
  }));
