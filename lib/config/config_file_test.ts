import { assertEquals, assertThrows } from "@std/assert";
import { parseConfigFile } from "./config_file.ts";
import { UsageError } from "../start_error.ts";

function parse(text: string): [string, string][] {
  const settings = parseConfigFile({ path: "/etc/lisod.conf", text });
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
  const settings = parseConfigFile({ path: "/etc/lisod.conf", text: "# the site\n\nroot = www" });
  assertEquals(settings.get("root"), [{ label: "/etc/lisod.conf:3: root", text: "www", folder: "/etc" }]);
});

Deno.test("parseConfigFile() names file and line when a line is not right", () => {
  const cases: [string, string][] = [
    ["htpp = 80", '/etc/lisod.conf:1 "htpp": unknown option: see lisod --help'],
    ["root = /srv\n\nconstructor = 1", '/etc/lisod.conf:3 "constructor": unknown option: see lisod --help'],
    ["HTTP = 80", '/etc/lisod.conf:1 "HTTP": unknown option: see lisod --help'],
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
  ];
  for (const [text, want] of cases) assertEquals(assertThrows(() => parse(text), UsageError).message, want);
});
