import { assert, assertEquals } from "@std/assert";
import { parseCommandLine } from "../config/config.ts";
import { surveyFiles, type SurveyUsers } from "./survey_files.ts";

const WEB = { user: "www-data", uid: 33, gid: 33 };
const CGI = { user: "cgi", uid: 44, gid: 44 };
const ROOT = { user: "root", uid: 0, gid: 0 };

/** The findings for `args` in a folder that `make` fills, with the folder's path as HERE. */
function findingsOf(make: (folder: string) => void, args: readonly string[], users: SurveyUsers): readonly string[] {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-survey-" });
  try {
    Deno.chmodSync(folder, 0o755);
    Deno.mkdirSync(`${folder}/www`);
    Deno.chmodSync(`${folder}/www`, 0o755);
    make(folder);
    const loadConfigFile = (path: string) => ({ path, text: "" });
    const environment = { PATH: `${folder}/bin:/usr/bin:/bin` };
    const command = parseCommandLine(["--root", "www", ...args], { cwd: folder, environment, loadConfigFile });
    assert("config" in command);
    return surveyFiles(command.config, users).map((line) => line.replaceAll(folder, "HERE"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function write(path: string, text: string, mode: number): void {
  Deno.writeTextFileSync(path, text);
  Deno.chmodSync(path, mode);
}

Deno.test("surveyFiles() tells what the server's user cannot reach, and links that lead out or nowhere", () => {
  const make = (folder: string) => {
    write(`${folder}/www/open`, "", 0o644);
    write(`${folder}/www/private`, "", 0o600);
    write(`${folder}/www/.hidden`, "", 0o600);
    write(`${folder}/www/a.php`, "", 0o600);
    Deno.mkdirSync(`${folder}/www/closed`);
    Deno.chmodSync(`${folder}/www/closed`, 0o700);
    Deno.symlinkSync("open", `${folder}/www/inside`);
    Deno.symlinkSync("..", `${folder}/www/out`);
    Deno.symlinkSync("gone", `${folder}/www/nowhere`);
  };
  assertEquals(findingsOf(make, ["--cgi-handler=.php=/bin/sh"], { server: WEB, scripts: CGI }), [
    '--root "HERE/www/a.php": cannot be read by cgi (mode 0600): chmod a+r, or give it to that user',
    '--root "HERE/www/closed": cannot be entered by www-data (mode 0700): chmod a+x, or give it to that user',
    '--root "HERE/www/nowhere": is a link that leads nowhere',
    '--root "HERE/www/out": leads out of the folder, to HERE: it is answered 403',
    '--root "HERE/www/private": cannot be read by www-data (mode 0600): chmod a+r, or give it to that user',
  ]);
  const closed = (folder: string) => Deno.chmodSync(folder, 0o700);
  assertEquals(findingsOf(closed, [], { server: WEB, scripts: CGI }), [
    '--root "HERE": cannot be entered by www-data (mode 0700): chmod a+x, or give it to that user',
  ]);
  assertEquals(findingsOf(closed, [], { server: ROOT, scripts: ROOT }), []);
});

Deno.test("surveyFiles() tells what keeps a program from being run, and leaves its data alone", () => {
  const make = (folder: string) => {
    Deno.mkdirSync(`${folder}/cgi`);
    Deno.chmodSync(`${folder}/cgi`, 0o755);
    Deno.mkdirSync(`${folder}/bin`);
    write(`${folder}/bin/mine`, "", 0o755);
    write(`${folder}/cgi/good`, "#!/bin/sh\n", 0o755);
    write(`${folder}/cgi/env`, "#!/usr/bin/env -S mine -x\n", 0o755);
    write(`${folder}/cgi/data.txt`, "text\n", 0o644);
    write(`${folder}/cgi/a.pl`, "no first line\n", 0o644);
    write(`${folder}/cgi/crlf`, "#!/bin/sh\r\n", 0o755);
    write(`${folder}/cgi/gone`, "#!/opt/none/perl -w\n", 0o755);
    write(`${folder}/cgi/lost`, "#!/usr/bin/env none-such\n", 0o755);
    write(`${folder}/cgi/plain`, "#!/bin/sh\n", 0o644);
  };
  const args = ["--cgi", "cgi", "--cgi-handler=.pl=/usr/bin/perl"];
  assertEquals(findingsOf(make, args, { server: WEB, scripts: CGI }), [
    '--cgi "HERE/cgi/crlf": its first line ends in CR LF and must end in LF alone',
    '--cgi "HERE/cgi/gone": its first line asks for /opt/none/perl, which is not there',
    '--cgi "HERE/cgi/lost": its first line asks for none-such, which is not there',
    '--cgi "HERE/cgi/plain": cannot be run by cgi (mode 0644): chmod a+x, or give it to that user',
  ]);
});

Deno.test("surveyFiles() counts what is too much to name", () => {
  const make = (folder: string) => {
    for (let index = 10; index < 35; index++) write(`${folder}/www/${index}`, "", 0o600);
  };
  const findings = findingsOf(make, [], { server: WEB, scripts: WEB });
  assertEquals([findings.length, findings.at(-1)], [21, "--root: 5 more of the kind"]);
});
