/** What holds in the places of a configuration, and what is refused, from the text of its file. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { configFilesOf } from "../../tests/config_texts.ts";
import { UsageError } from "../start_error.ts";
import { type Config, parseCommandLine } from "./config.ts";

function configOf(text: string): Config {
  const configFiles = configFilesOf({ "/etc/a.conf": text });
  const command = parseCommandLine(["--config", "/etc/a.conf"], { cwd: "/", environment: {}, configFiles });
  assert(command.kind === "serve");
  return command.config;
}

/** Each site with its places: what is mounted where, and what `show` says of how it is served. */
function show(
  text: string,
  of: (place: Config["sites"][number]["places"][number]) => string = () => "",
): readonly string[] {
  return configOf(text).sites.flatMap(({ hosts, places }) =>
    places.map((place) => {
      const { prefix, mount, source } = place;
      const [at, from] = [prefix, mount].map(({ segments }) => `/${segments.join("/")}`);
      const to = source.kind === "redirect" ? source.redirect.base : source.path.value;
      return `${hosts.join()} ${at} ${source.kind} ${to} at ${from} ${of(place)}`.trim();
    })
  );
}

const LISTING = "root = /r\n[/a/]\nlisting\n[/a/b/]\ncharset = off\n[/a/c/]\nlisting = off\n";
const SITES = "root = /r\n[a a2]\n[*.b]\nroot = /b\n";

const TABLE: readonly (readonly [name: string, text: string, want: readonly string[]])[] = [
  ["a root alone", "root = /r", ["/ files /r at /"]],
  ["a root in the place of all", "[/]\nroot = /r", ["/ files /r at /"]],
  ["mounts of places, the longer ones last", "root = /r\n[/a/b]\nroot = /ab\n[/a/]\ncgi = bin\n", [
    "/ files /r at /",
    "/a programs /etc/bin at /a",
    "/a/b files /ab at /a/b",
  ]],
  ["a place without a mount of its own", "root = /r\nalias = /a=/x\n[/a/b]\nlisting", [
    "/ files /r at /",
    "/a files /x at /a",
    "/a/b files /x at /a",
  ]],
  ["sites, and a place of each", SITES + "[/p/]\nroot = /p\n[a2 /q/]\nroot = /q\n[a *.b /s/]\nroot = /s\n", [
    "a,a2 / files /r at /",
    "a,a2 /p files /p at /p",
    "a,a2 /s files /s at /s",
    "a,a2 /q files /q at /q",
    "*.b / files /b at /",
    "*.b /p files /p at /p",
    "*.b /s files /s at /s",
  ]],
  [
    "a place of a site in place of that of every site",
    SITES + "alias = /p=/bp\n[/p/]\nroot = /p\n[a /p/]\nroot = /ap",
    [
      "a,a2 / files /r at /",
      "a,a2 /p files /ap at /p",
      "*.b / files /b at /",
      "*.b /p files /bp at /p",
    ],
  ],
  ["a host that has moved", "root = /r\n[a]\n[b]\n[b /]\nredirect = https://a/", [
    "a / files /r at /",
    "b / redirect https://a/ at /",
  ]],
  ["programs at a prefix of their own for a site", "root = /r\ncgi = /c\n[a]\n[b]\ncgi = /d\ncgi-prefix = /bin/", [
    "a / files /r at /",
    "a /cgi programs /c at /cgi",
    "b / files /r at /",
    "b /cgi programs /c at /cgi",
    "b /bin programs /d at /bin",
  ]],
];

for (const [name, text, want] of TABLE) {
  Deno.test(`readSites() has ${name}`, () => assertEquals(show(text), want));
}

Deno.test("readSites() tells a place what is said nearest around it, by prefix before site", () => {
  const listing = (text: string) =>
    show(text, ({ files }) => files.listing ? "listed" : "").map((line) => /listed$/.test(line));
  assertEquals(listing(LISTING), [false, true, true, false]);
  assertEquals(listing("root = /r\nlisting\n[a]\nlisting = off\n[/p/]\nlisting\n[a /p/q/]\nlisting = off"), [
    false,
    true,
    false,
  ]);
  assertEquals(listing("root = /r\n[/p/]\nlisting = off\n[a]\nlisting"), [true, false]);
});

Deno.test("readSites() adds handlers, variables and types to those around, and off takes handlers away", () => {
  const text = "root = /r\ncgi-handler = .php=/php\ncgi-env = A=1\nmedia-type = .x=a/b\n" +
    "[/a/]\ncgi-handler = .pl=/perl\ncgi-env = B=2\ncgi-env = A=3\nmedia-type = .x=c/d\n[/a/off/]\ncgi-handler = off\n";
  const said = show(
    text,
    ({ programs: { handlers, told }, files }) =>
      JSON.stringify([Object.keys(handlers), told.environment, files.mediaTypes, files.indexNames]),
  );
  assertEquals(said.map((line) => JSON.parse(line.slice(line.indexOf("[")))), [
    [[".php"], { A: "1" }, [[".x", "a/b"]], ["index.html", "index.php"]],
    [[".php", ".pl"], { A: "3", B: "2" }, [[".x", "a/b"], [".x", "c/d"]], ["index.html", "index.php", "index.pl"]],
    [[], { A: "3", B: "2" }, [[".x", "a/b"], [".x", "c/d"]], ["index.html"]],
  ]);
});

Deno.test("readSites() takes for each prefix the access rules and the realm of the narrowest section that names it", () => {
  const text = "root = /r\nallow = 10.0.0.0/8\ndeny = 10.1.0.0/16\nauth = A:/u:/m\nallow = ::1:/x\n" +
    "[a]\nallow = 192.0.2.0/24\n[b]\n[b /m/]\nauth = B:/v\n";
  const access = configOf(text).sites.map(({ rules, realms }) => [
    rules.map(({ isAllowed, prefix, range: { bits } }) =>
      `${isAllowed ? "+" : "-"}${bits} /${prefix.segments.join("/")}`
    ),
    realms.map(({ name, prefix }) => `${name} /${prefix.segments.join("/")}`),
  ]);
  assertEquals(access, [
    [["+24 /", "+128 /x"], ["A /m"]],
    [["+8 /", "-16 /", "+128 /x"], ["B /m"]],
  ]);
});

Deno.test("readSites() lets clients of the machine alone see the status, unless rules of its very prefix say otherwise", () => {
  const table: readonly (readonly [text: string, want: readonly string[]])[] = [
    ["status = /s/\n", ["+127.0.0.0/8", "+::1"]],
    ["status = /s/\nallow = 10.0.0.0/8\n", ["+127.0.0.0/8", "+::1"]],
    ["status = /s/\nallow = 10.0.0.0/8:/s\n", ["+10.0.0.0/8"]],
    ["[/s/]\nstatus = on\nallow = 192.0.2.7\n", ["+192.0.2.7"]],
    ["status = /s/\n[/s/]\ndeny = 192.0.2.7\n", ["-192.0.2.7"]],
    ["[/s/]\nstatus = on\n[/s/json/]\nallow = 192.0.2.7\n", ["+127.0.0.0/8", "+::1"]],
    ["[/s/]\nroot = /x\n", []],
  ];
  for (const [text, want] of table) {
    const { sites: [{ rules }] } = configOf(`root = /r\n${text}`);
    const told = rules.filter(({ prefix: { segments } }) => segments.join("/") === "s");
    assertEquals([text, told.map(({ isAllowed, text }) => (isAllowed ? "+" : "-") + text)], [text, want]);
  }
});

Deno.test("readSites() takes a fallback from around, with the prefix that it was given for", () => {
  const text = "root = /r\n[/a/]\nfallback = /a/index.php?p={path}\n[/a/b/]\nlisting\n[/a/b/c/]\nfallback = off\n";
  const { sites: [{ places }] } = configOf(text);
  const prefixes = places.map(({ settings: { fallback } }) => fallback?.prefix.segments.join("/") ?? null);
  assertEquals(prefixes, [null, "a", "a", null]);
});

Deno.test("readSites() says how programs of a place run where that or one around it does, and not at the top", () => {
  const text =
    "root = /r\nscript-ms = 9s\ncgi-limit-files = 64\n[/a/]\nscript-ms = 1s\ncgi-user = nobody\n[/a/b/]\nlisting\n[/c/]\nlisting\n";
  const { sites: [{ places }] } = configOf(text);
  assertEquals(
    places.map(({ programs: { run } }) =>
      run === null ? null : [run.user?.value, run.times.scriptMs, run.resources.fileCount]
    ),
    [
      null,
      ["nobody", 1000, 64],
      null,
      ["nobody", 1000, 64],
    ],
  );
});

Deno.test("readSites() says what answers of a place say where that or one around it does, a field in place of one around", () => {
  const text =
    "root = /r\nheader = A: 1\nheader = always B: 1\n[/a/]\nheader = a: 2\nheader = C: 1\n[/a/b/]\nheader = B: 3\nerror-pages = e\n[/c/]\nlisting\n";
  const { sites: [{ places }] } = configOf(text);
  const said = places.map(({ said }) =>
    said === null ? null : [said.fields.fields, said.fields.alwaysFields, said.errorPagesFolder?.value]
  );
  assertEquals(said, [
    null,
    [[["a", "2"], ["C", "1"]], [["B", "1"]], undefined],
    null,
    [[["a", "2"], ["C", "1"], ["B", "3"]], [], "/etc/e"],
  ]);
});

Deno.test("readSites() counts requests together where one section says how many, and where none does with the server's", () => {
  const text =
    "root = /r\nmax-rate = 9\n[/a/]\nmax-rate = 5\n[/a/b/]\nlisting\n[/a/b/c/]\nmax-rate = 0\n[/d/]\nlisting\n";
  const { sites: [{ places }] } = configOf(text);
  const [whole, a, d, b, c] = places.map(({ settings: { rate } }) => rate);
  assertEquals([whole, a, d, c], [null, { perSecond: 5 }, null, { perSecond: 0 }]);
  assert(a === b);
});

Deno.test("readSites() takes rewrites of all sections, those of the longest prefix first, then those that name the host", () => {
  const text = "root = /r\nrewrite = /*=/top\n[a]\nrewrite = /:x=/site\n[/p/]\nrewrite = /p/:x=/common\n" +
    "[a /p/]\nrewrite = /p/*=/own\nrewrite = /p/x=/own2\n[/p/q/]\nrewrite = /p/q/*=/deep\n";
  const { sites: [{ rewrites }] } = configOf(text);
  assertEquals(rewrites.map(({ template }) => template.fill({}, "").path), [
    "/deep",
    "/own",
    "/own2",
    "/common",
    "/site",
    "/top",
  ]);
});

Deno.test("readSites() gives each site its own key and certificate, else those of the top with their passphrase", () => {
  const text =
    "root = /r\nhttps = 1\nkey = k\ncertificate = c\nkey-passphrase = p\n[a]\n[b]\nkey = bk\ncertificate = bc\n";
  const pairs = configOf(text).sites.map(({ credentials }) =>
    Object.values(credentials ?? {}).map((file) => file?.value)
  );
  assertEquals(pairs, [["/etc/k", "/etc/c", "/etc/p"], ["/etc/bk", "/etc/bc", undefined]]);
});

Deno.test("readSites() gives places that are served alike one record of how", () => {
  const { sites: [{ places }] } = configOf("root = /r\n[/a/]\nroot = /a\nallow = ::1\n[/b/]\ncgi = /b\n");
  assertEquals(places.map(({ files }) => files === places[0].files), [true, true, true]);
});

const REFUSED: readonly (readonly [text: string, want: string])[] = [
  ["[a]\nlisting", "/etc/a.conf:1: [a]: no folder to serve: give it a root"],
  ["root = /r\n[a]\n[b a]", '/etc/a.conf:3: [b a] "a": already named by /etc/a.conf:2: [a]: name a host in one site'],
  ["root = /r\n[a A.]", '/etc/a.conf:2: [a A.] "a": already named by itself: name a host in one site'],
  ["root = /r\n[a /p]", '/etc/a.conf:2: [a /p] "a": not a site: begin it by [a]'],
  [
    "root = /r\n[/p]\nallow = ::1:/q",
    '/etc/a.conf:3: allow "::1:/q": not an address range: give one such as 192.0.2.0/24 (',
  ],
  [
    "root = /r\n[/p]\nauth = A:/u:/q",
    '/etc/a.conf:3: auth "A:/u:/q": not a realm and a file: give one such as Members:',
  ],
  [
    "root = /r\n[/p]\nroot = /a\ncgi = /b",
    '/etc/a.conf:4: cgi "/b": together with /etc/a.conf:3: root: a place is files, programs',
  ],
  ["root = /r\n[a]\nkey = k", '/etc/a.conf:3: key "k": --certificate is missing: give both in one section'],
  [
    "root = /r\nhttps = 1\n[a]\nkey = k\ncertificate = c\n[b]",
    '/etc/a.conf:2: https "1": --key is missing for b: give --key FILE',
  ],
  ["root = /r\nuser = a\n[/p]\ncgi-user = b", '/etc/a.conf:4: cgi-user "b": --user gives up the right to it'],
  ["root = /r\n[/p]\nmax-line-bytes = 9", '/etc/a.conf:3 "max-line-bytes": not an option of a place'],
  ["root = /r\n[/p]\nhsts = 1", '/etc/a.conf:2: [/p] "hsts": --https is missing: give --https too'],
  [
    "root = /r\n[/p]\nrewrite = /q/*=/x",
    '/etc/a.conf:3: rewrite "/q/*=/x": not a pattern below the place, and a path of the site',
  ],
  ["root = /r\n[/p]\nrewrite = /px=/x", '/etc/a.conf:3: rewrite "/px=/x": not a pattern below the place'],
  ["root = /r\n[/p]\ncharset = a b", '/etc/a.conf:3: charset "a b": not a name'],
];

for (const [text, want] of REFUSED) {
  Deno.test(`readSites() refuses ${JSON.stringify(text)}`, () => {
    const { message } = assertThrows(() => configOf(text), UsageError);
    assertEquals(message.slice(0, want.length), want);
  });
}
