import { assertEquals, assertThrows } from "@std/assert";
import { parseConfigFile } from "./config_file.ts";
import { UsageError } from "../start_error.ts";
import { configFilesOf, NO_FILES } from "../../tests/config_texts.ts";

function parse(text: string): [string, string][] {
  const [{ settings }] = parseConfigFile({ path: "/etc/lisod.conf", text }, NO_FILES);
  return [...settings].flatMap(([name, given]) => given.map((setting): [string, string] => [name, setting.text]));
}

Deno.test("parseConfigFile() reads one option a line", () => {
  const cases: [string, [string, string][]][] = [
    ["", []],
    ["\n \n\t\n", []],
    ["# root = /srv\n  # another", []],
    ["root = /srv/www", [["root", "/srv/www"]]],
    ["root=/srv/www\n", [["root", "/srv/www"]]],
    ["  root\t=  /srv/my site  \n", [["root", "/srv/my site"]]],
    ["root = /a\r\nhttp = 80\r\n", [["root", "/a"], ["http", "80"]]],
    // A value may hold what begins a comment, a quote or a second sign of equality.
    ["root = /srv/#1", [["root", "/srv/#1"]]],
    ["root = /srv # the site", [["root", "/srv # the site"]]],
    ['root = "/srv"', [["root", '"/srv"']]],
    ["cgi-env = A=b=c", [["cgi-env", "A=b=c"]]],
    ["cgi-env = A= ", [["cgi-env", "A="]]],
    ["header = A: 1\nheader = B: 2", [["header", "A: 1"], ["header", "B: 2"]]],
    ["max-body-bytes = 1M", [["max-body-bytes", "1M"]]],
    ["listing", [["listing", "true"]]],
    ["listing = on", [["listing", "true"]]],
    ["listing=off", [["listing", "false"]]],
    // Settings says that this is one too many.
    ["root = /a\nroot = /b", [["root", "/a"], ["root", "/b"]]],
  ];
  for (const [text, want] of cases) assertEquals(parse(text), want, text);
});

Deno.test("parseConfigFile() labels a setting with file and line, and lets paths start in the file's folder", () => {
  const [{ settings }] = parseConfigFile({ path: "/etc/lisod.conf", text: "# the site\n\nroot = www" }, NO_FILES);
  assertEquals(settings.get("root"), [{ label: "/etc/lisod.conf:3: root", text: "www", folder: "/etc" }]);
});

Deno.test("parseConfigFile() names file and line when a line is not right", () => {
  const cases: [string, string][] = [
    ["htpp = 80", '/etc/lisod.conf:1 "htpp": unknown option: did you mean http? Else see lisod --help'],
    ["root = /srv\n\nconstructor = 1", '/etc/lisod.conf:3 "constructor": unknown option: see lisod --help'],
    ["HTTP = 80", '/etc/lisod.conf:1 "HTTP": unknown option: did you mean http? Else see lisod --help'],
    ["--htp = 80", '/etc/lisod.conf:1 "--htp": unknown option: did you mean http? Else see lisod --help'],
    ["chekc = on", '/etc/lisod.conf:1 "chekc": unknown option: see lisod --help'],
    [
      "[/a/]\nlistning = on",
      '/etc/lisod.conf:2 "listning": unknown option: did you mean listing? Else see lisod --help',
    ],
    ["--http = 80", '/etc/lisod.conf:1 "--http": unknown option: give http without dashes'],
    ["http 80", '/etc/lisod.conf:1 "http 80": not a setting: write option = value'],
    ["= 80", '/etc/lisod.conf:1 "= 80": not a setting: write option = value'],
    ["http", "/etc/lisod.conf:1: http: its value is missing: give a PORT"],
    ["http =", "/etc/lisod.conf:1: http: its value is missing: give a PORT"],
    ["listing = yes", '/etc/lisod.conf:1: listing "yes": neither on nor off: give on or off'],
    ["listing =", '/etc/lisod.conf:1: listing "": neither on nor off: give on or off'],
    ["listing = true", '/etc/lisod.conf:1: listing "true": neither on nor off: give on or off'],
    ...["config = /b", "check", "help = on", "version"].map((line): [string, string] => {
      const [name] = line.split(" ");
      return [line, `/etc/lisod.conf:1 "${name}": not an option for a file: give --${name} on the command line`];
    }),
    ...["[]", "[ ]", "[a", "[a] b"].map((line): [string, string] => [
      line,
      `/etc/lisod.conf:1 "${line}": not a section: write [example.org], [*.example.org], [/prefix/] or [example.org /prefix/]`,
    ]),
    ["[a b:80]", '/etc/lisod.conf:1 "[a b:80]": "b:80" is not the name of a host: write [example.org]'],
    ["[a /b /c]", '/etc/lisod.conf:1 "[a /b /c]": "/b" is not the name of a host: write [example.org]'],
    ["[*.*.a]", '/etc/lisod.conf:1 "[*.*.a]": "*.*.a" is not the name of a host: write [example.org]'],
    ["[*]", '/etc/lisod.conf:1 "[*]": "*" is not the name of a host: write [example.org]'],
    ["[/a//b]", '/etc/lisod.conf:1 "[/a//b]": not a prefix of paths: write [example.org]'],
    ["[/a%20]", '/etc/lisod.conf:1 "[/a%20]": not a prefix of paths: write [example.org]'],
    [
      "[a]\n[b]\n[A]",
      '/etc/lisod.conf:3 "[A]": already begun as /etc/lisod.conf:1: [a]: write all of it in one section',
    ],
    ["[a b /p]\n[b. a /p/]", '/etc/lisod.conf:2 "[b. a /p/]": already begun as /etc/lisod.conf:1: [a b /p]: write'],
    ["[a]\nhttp = 80", '/etc/lisod.conf:2 "http": not an option of a site: write it before the first section'],
    ["[/p]\nuser = a", '/etc/lisod.conf:2 "user": not an option of a place: write it before the first section'],
    [
      "[/p]\nalias = /a=/b",
      '/etc/lisod.conf:2 "alias": not an option of a place: write it before the first section, or in one of a host alone',
    ],
  ];
  for (const [text, want] of cases) {
    const { message } = assertThrows(() => parse(text), UsageError);
    assertEquals(message.slice(0, want.length), want);
  }
});

/** Hosts and prefix of each section, with names and values. */
function sections(texts: Readonly<Record<string, string>>): readonly string[] {
  const files = configFilesOf(texts);
  return parseConfigFile(files.load("/etc/a.conf", "--config"), files).map(({ hosts, prefix, settings }) => {
    const given = [...settings].flatMap(([name, each]) =>
      each.map(({ text, folder }) => `${name}=${text} in ${folder}`)
    );
    return [[...hosts, prefix === null ? "" : `/${prefix.segments.join("/")}`].join(" ").trim(), ...given].join("; ");
  });
}

Deno.test("parseConfigFile() puts settings into the section that they stand in", () => {
  assertEquals(
    sections({ "/etc/a.conf": "listing\n[A.Example. *.b]\nroot=x\n[/p/q/]\ncharset=off\n[ [::1]  /p ]\nroot=y\n" }),
    [
      "; listing=true in /etc",
      "a.example *.b; root=x in /etc",
      "/p/q; charset=off in /etc",
      "[::1] /p; root=y in /etc",
    ],
  );
});

Deno.test("parseConfigFile() reads what a file includes in the section of include, which goes on after it", () => {
  const texts = {
    "/etc/a.conf": "include = b/*.conf\nlisting\n[a]\ninclude = /etc/c\nindex=i",
    "/etc/b/1.conf": "root = www\n[b]\nroot = b",
    "/etc/b/2.conf": "dot-files",
    "/etc/c": "charset = off\n[/p]\nlisting",
  };
  assertEquals(sections(texts), [
    "; root=www in /etc/b; dot-files=true in /etc/b; listing=true in /etc",
    "b; root=b in /etc/b",
    "a; charset=off in /etc; index=i in /etc",
    "a /p; listing=true in /etc",
  ]);
  const loop = { "/etc/a.conf": "include = a.conf" };
  assertThrows(() => sections(loop), UsageError, '/etc/a.conf:1: include "a.conf": files include each other');
  const wild = { "/etc/a.conf": "include = */x.conf" };
  assertThrows(() => sections(wild), UsageError, '/etc/a.conf:1: include "*/x.conf": a folder is named by * or ?');
});
