import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { parseCommandLine } from "../config/config.ts";
import { FolderWalk } from "./folder_walk.ts";
import { surveyFiles, type SurveyUsers } from "./survey_files.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

const WEB = { user: "www-data", uid: 33, gid: 33 };
const CGI = { user: "cgi", uid: 44, gid: 44 };
const ROOT = { user: "root", uid: 0, gid: 0 };
const USERS = { server: WEB, scripts: CGI };

/** By path below the folder: text and mode of a file, mode of a folder, or where a link leads. */
type Tree = Readonly<Record<string, readonly [text: string, mode: number] | number | string>>;

function plant(folder: string, tree: Tree): void {
  const closing: [string, number][] = [];
  for (const [name, what] of Object.entries(tree)) {
    const path = join(folder, name);
    makeFolders(dirname(path));
    if (typeof what === "string") Deno.symlinkSync(what.replace("HERE", folder), path);
    else if (typeof what === "number") {
      makeFolders(path);
      closing.push([path, what]);
    } else {
      Deno.writeTextFileSync(path, what[0].replace("HERE", folder));
      closing.push([path, what[1]]);
    }
  }
  for (const [path, mode] of closing) Deno.chmodSync(path, mode);
}

/** Open to all, whatever the umask is. */
function makeFolders(path: string): void {
  if (existsAsFolder(path)) return;
  makeFolders(dirname(path));
  Deno.mkdirSync(path);
  Deno.chmodSync(path, 0o755);
}

function existsAsFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The findings for `args` in a folder with that in it, with the folder's path as HERE. */
function findingsOf(tree: Tree, args: readonly string[], users: SurveyUsers = USERS): readonly string[] {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lisod-survey-" }));
  try {
    Deno.chmodSync(folder, 0o755);
    plant(folder, { "www/index.html": ["", 0o644], ...tree });
    const environment = { PATH: `${folder}/bin:/usr/bin:/bin` };
    const command = parseCommandLine(["--root", "www", ...args], { cwd: folder, environment, configFiles: NO_FILES });
    assert("config" in command);
    return surveyFiles(command.config, users).map((line) => line.replaceAll(folder, "HERE"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const READ = "chmod a+r, or give it to that user";
const ENTER = "chmod a+x, or give it to that user";
const EMPTY = ["", 0o644] as const;
const SECRET = ["", 0o600] as const;
const PHP = "--cgi-handler=.php=/bin/sh";

/** What is below "www", options, and the findings about --root. */
const IN_ROOT: readonly (readonly [name: string, tree: Tree, args: readonly string[], want: readonly string[]])[] = [
  [
    "nothing wrong",
    { open: EMPTY, "d/index.html": EMPTY, inside: "open", ".hidden": SECRET, "a.php": EMPTY },
    [PHP],
    [],
  ],
  ["a file for its owner alone", { private: SECRET }, [], [
    `HERE/www/private": cannot be read by www-data (mode 0600): ${READ}`,
  ]],
  ["a name of two lines, for its owner alone", { "a\nb\x9b": SECRET }, [], [
    `HERE/www/a\\nb\\u009b": cannot be read by www-data (mode 0600): ${READ}`,
  ]],
  ["a hidden one that is served", { ".a": SECRET }, ["--dot-files"], [
    `HERE/www/.a": cannot be read by www-data (mode 0600): ${READ}`,
  ]],
  ["one below .well-known", { ".well-known/a": SECRET, ".well-known/index.html": EMPTY }, [], [
    `HERE/www/.well-known/a": cannot be read by www-data (mode 0600): ${READ}`,
  ]],
  ["a program for its interpreter", { "a.php": SECRET }, [PHP], [
    `HERE/www/a.php": cannot be read by cgi (mode 0600): ${READ}`,
  ]],
  ["a closed folder, and not what is in it", { "d/index.html": SECRET, d: 0o700 }, [], [
    `HERE/www/d": cannot be entered by www-data (mode 0700): ${ENTER}`,
  ]],
  ["a folder that cannot be listed", { "d/a": EMPTY, d: 0o711 }, ["--listing"], [
    `HERE/www/d": cannot be read by www-data (mode 0711): ${READ}`,
  ]],
  ["folders without an index", { "c/a": EMPTY, "d/e/a": EMPTY }, [], [
    'HERE/www/c": and 2 more folders have no index.html, and --listing is off: 403 for the folder itself',
  ]],
  ["the same with --listing", { "c/a": EMPTY, "d/e/a": EMPTY }, ["--listing"], []],
  ["a root that is closed", { "": 0o700 }, [], [`HERE/www": cannot be entered by www-data (mode 0700): ${ENTER}`]],
  ["links", { out: "..", nowhere: "gone", round: "round" }, [], [
    'HERE/www/nowhere": is a link that leads nowhere',
    'HERE/www/out": leads out of the folder, to HERE: it is answered 403',
    'HERE/www/round": is a link that leads round',
  ]],
  [
    "names that are answered 403 or 404",
    {
      ...{ "a.php": EMPTY, "a.php~": EMPTY, "a.php.gz": EMPTY, "back\\slash": EMPTY, "b.txt": "a.php" },
      ...{ "bin/x": EMPTY, "c.txt": "bin/x", "cgi/a": SECRET },
    },
    [PHP, "--cgi", "www/bin", "--listing"],
    [
      'HERE/www/a.php.gz": is a program by a name that leads to it, or compressed: it is answered 403',
      'HERE/www/a.php~": is a backup of a program: it is answered 404',
      'HERE/www/b.txt": is a program by a name that leads to it, or compressed: it is answered 403',
      'HERE/www/back\\slash": has a name that no request can hold: it is answered 404',
      'HERE/www/c.txt": leads to what is kept for programs: it is answered 403',
      'HERE/www/cgi": is never reached, for --cgi answers /cgi',
    ],
  ],
];

for (const [name, tree, args, want] of IN_ROOT) {
  Deno.test(`surveyFiles() tells of a root with ${name}`, () => {
    const below = Object.fromEntries(Object.entries(tree).map(([path, what]) => [join("www", path), what]));
    assertEquals(findingsOf(below, args), want.map((line) => `--root "${line}`));
    const shut = /closed|owner|program|hidden|below|listed/.test(name) && !name.includes("403");
    if (shut) assertEquals(findingsOf(below, args, { server: ROOT, scripts: ROOT }), []);
  });
}

/** What is in "cgi" and "bin", and the findings about --cgi; its programs have "HERE/bin" first in their PATH. */
const IN_PROGRAMS: readonly (readonly [name: string, tree: Tree, want: readonly string[]])[] = [
  ["nothing wrong but a link out", {
    ...{
      "cgi/good": ["#!/bin/sh\n", 0o755],
      "cgi/data.txt": EMPTY,
      "cgi/a.pl": EMPTY,
      "cgi/.x": SECRET,
      "cgi/deep/true": "/bin/true",
    },
    ...{
      "bin/mine": ["", 0o755],
      "cgi/env": ["#!/usr/bin/env -S mine -x\n", 0o755],
      "cgi/near": ["#!./good\n", 0o755],
    },
  }, ['cgi/deep/true": leads out of the folder, to REAL: it is answered 403']],
  ["a script without the right", { "cgi/a": ["#!/bin/sh\n", 0o644] }, [
    `cgi/a": cannot be run by cgi (mode 0644): ${ENTER}`,
  ]],
  ["a script for others to run", { "cgi/a": ["#!/bin/sh\n", 0o750] }, [
    `cgi/a": cannot be run by cgi (mode 0750): ${ENTER}`,
  ]],
  ["a script that its interpreter may not read", { "cgi/a": ["#!/bin/sh\n", 0o711] }, [
    `cgi/a": cannot be read by cgi (mode 0711): ${READ}`,
  ]],
  ["a program for its owner alone", { "cgi/a": ["\x7fELF\0", 0o700] }, [
    `cgi/a": cannot be run by cgi (mode 0700): ${ENTER}`,
  ]],
  ["CRLF", { "cgi/a": ["#!/bin/sh\r\n", 0o755] }, ['cgi/a": its first line ends in CR LF and must end in LF alone']],
  ["no first line", { "cgi/a": ["echo\n", 0o755] }, [
    'cgi/a": may be run, but is no program, and its first line does not begin with #!: it is answered 500',
  ]],
  ["an empty one", { "cgi/a": ["#! \n", 0o755] }, ['cgi/a": its first line names no interpreter after #!']],
  ["an interpreter that is not there", { "cgi/a": ["#!/opt/none/perl -w\n", 0o755] }, [
    'cgi/a": its first line asks for /opt/none/perl, which is not there',
  ]],
  ["one that may not be run", { "bin/sh": ["", 0o700], "cgi/a": ["#!HERE/bin/sh\n", 0o755] }, [
    'cgi/a": its first line asks for HERE/bin/sh, which cgi cannot run: "HERE/bin/sh" cannot be run by cgi (mode 0700)',
  ]],
  ["one in a closed folder", { "home/bin/sh": ["", 0o755], home: 0o700, "cgi/a": ["#!HERE/home/bin/sh\n", 0o755] }, [
    'cgi/a": its first line asks for HERE/home/bin/sh, which cgi cannot run: "HERE/home" cannot be entered by cgi (mode 0700)',
  ]],
  ["a name that is not in PATH", { "cgi/a": ["#!/usr/bin/env none-such\n", 0o755] }, [
    'cgi/a": its first line asks for none-such, which is not in the PATH of programs (HERE/bin:/usr/bin:/bin)',
  ]],
  ["a name in PATH that may not be run", { "bin/mine": ["", 0o644], "cgi/a": ["#!/usr/bin/env mine\n", 0o755] }, [
    'cgi/a": its first line asks for mine, which cgi cannot run: "HERE/bin/mine" cannot be run by cgi (mode 0644)',
  ]],
  ["a name that a later folder of PATH has", { "bin/sh": ["", 0o644], "cgi/a": ["#!/usr/bin/env sh\n", 0o755] }, []],
  ["a handled file", { "cgi/a.pl": SECRET }, [`cgi/a.pl": cannot be read by cgi (mode 0600): ${READ}`]],
  ["a closed folder", { "cgi/d/a": SECRET, "cgi/d": 0o700 }, [
    `cgi/d": cannot be entered by www-data (mode 0700): ${ENTER}`,
    `cgi/d": cannot be entered by cgi (mode 0700): ${ENTER}`,
  ]],
  ["links", { "cgi/out": "../www", "cgi/gone": "none" }, [
    'cgi/gone": is a link that leads nowhere',
    'cgi/out": leads out of the folder, to HERE/www: it is answered 403',
  ]],
];

for (const [name, tree, want] of IN_PROGRAMS) {
  Deno.test(`surveyFiles() tells of programs with ${name}`, () => {
    const got = findingsOf({ "cgi/.keep": EMPTY, ...tree }, ["--cgi", "cgi", "--cgi-handler=.pl=/usr/bin/perl"]);
    const lines = want.map((line) => `--cgi "HERE/${line.replace("REAL", Deno.realPathSync("/bin/true"))}`);
    assertEquals(got, lines);
  });
}

Deno.test("surveyFiles() tells of special files, which are refused", () => {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-survey-" });
  try {
    assert(new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync().success);
    const parts = { cwd: folder, environment: {}, configFiles: NO_FILES };
    const command = parseCommandLine(["--root", folder, "--listing"], parts);
    assert("config" in command);
    const users = { server: ROOT, scripts: ROOT };
    const want = [`--root "${folder}/fifo": is neither a file nor a folder: it is answered 403`];
    assertEquals(surveyFiles(command.config, users), want);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("surveyFiles() tells of a way that either user is kept from, and of means that are missing", () => {
  const tree: Tree = {
    ...{ "a/b/cgi/p": ["#!/bin/sh\n", 0o755], "a/b": 0o700, "spool/x": EMPTY, spool: 0o755, "h/php": ["", 0o744] },
  };
  const args = ["--cgi", "a/b/cgi", "--cgi-spool", "spool", "--cgi-handler", ".php=/nonexistent/php"];
  assertEquals(findingsOf(tree, args), [
    `--cgi "HERE/a/b": cannot be entered by www-data (mode 0700): ${ENTER}`,
    `--cgi "HERE/a/b": cannot be entered by cgi (mode 0700): ${ENTER}`,
    '--cgi-spool "HERE/spool": cannot be written to by www-data (mode 0755): chmod a+w, or give it to that user',
  ]);
  assertEquals(
    findingsOf({ way: "away/www", "away/www/a": EMPTY, away: 0o700 }, ["--cgi", "way", "--cgi-spool", "/tmp"]),
    [
      `--cgi "HERE/away": cannot be entered by www-data (mode 0700): ${ENTER}`,
      `--cgi "HERE/away": cannot be entered by cgi (mode 0700): ${ENTER}`,
    ],
  );
});

Deno.test("surveyFiles() tells of a handler that is a script whose own interpreter is not there", () => {
  const folder = Deno.makeTempDirSync();
  Deno.chmodSync(folder, 0o755);
  const handler = `${folder}/php`;
  const table = [
    ["#!/nonexistent/sh\n", "its first line asks for /nonexistent/sh, which is not there"],
    ["#!/bin/sh\r\n", "its first line ends in CR LF and must end in LF alone"],
  ];
  for (const [text, fault] of table) {
    Deno.writeTextFileSync(handler, text);
    Deno.chmodSync(handler, 0o755);
    const args = ["--cgi-spool", "/tmp", `--cgi-handler=.php=${handler}`];
    assertEquals(findingsOf({}, args), [`--cgi-handler "${handler}": ${fault}`]);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("surveyFiles() tells what SIGHUP will not be able to read as another user, and nothing for root", () => {
  const tree: Tree = {
    ...{ "keys/site.key": SECRET, "keys/site.crt": EMPTY, "pages/404.html": SECRET, "pages/note.txt": SECRET },
    ...{ "passwords/a": EMPTY, passwords: 0o700, "log/x": EMPTY, log: 0o700 },
  };
  const args = [
    ...["--https", "0", "--key", "keys/site.key", "--certificate", "keys/site.crt", "--error-pages", "pages"],
    ...["--auth", "Realm:passwords/a:/x", "--log", "log/a.log", "--access-log", "/dev/stdout"],
  ];
  assertEquals(findingsOf(tree, [...args, "--user", "www-data"]), [
    '--key "HERE/keys/site.key": cannot be read by www-data (mode 0600): SIGHUP will keep what was read as root',
    '--auth "HERE/passwords": cannot be entered by www-data (mode 0700): SIGHUP will keep what was read as root',
    '--error-pages "HERE/pages/404.html": cannot be read by www-data (mode 0600): SIGHUP will keep what was read as root',
    '--log "HERE/log": cannot be entered by www-data (mode 0700): the log cannot be opened again after a rename',
  ]);
  assertEquals(findingsOf(tree, args, { server: ROOT, scripts: ROOT }), []);
});

Deno.test("surveyFiles() counts what is too much to name", () => {
  const names = Array.from({ length: 25 }, (_, index) => [`www/${index + 10}`, SECRET] as const);
  const findings = findingsOf(Object.fromEntries(names), []);
  assertEquals([findings.length, findings.at(-1)], [21, "--root: 5 more of the kind"]);
});

Deno.test("FolderWalk stops after so many entries, and says so", () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "lisod-survey-" }));
  try {
    plant(folder, { "a/b/c": EMPTY, "a/d": EMPTY, e: EMPTY, up: "." });
    const walked = (maxEntries: number) => {
      const walk = new FolderWalk(maxEntries);
      const names = [...walk.entries(folder, () => true)].map(({ segments }) => segments.join("/"));
      return [names, walk.cutAt];
    };
    assertEquals(walked(6), [["a", "a/b", "a/b/c", "a/d", "e", "up"], null]);
    assertEquals(walked(3), [["a", "a/b", "a/b/c"], 3]);
    assertEquals([...new FolderWalk().entries(folder, () => false)].map(({ path }) => path.slice(folder.length)), [
      ...["/a", "/e", "/up"],
    ]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
