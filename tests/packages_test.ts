/**
 * Programs of Debian packages as they are packaged, each by its configuration of examples/, over HTTP and HTTPS, beside a real
 * Apache with the snippet of the package: both answer alike.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startApache } from "./apache.ts";
import { freePort } from "./front.ts";
import { curl, run, runLisod, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";

const EXAMPLES = join(import.meta.dirname ?? ".", "..", "examples");

interface Packaged {
  /** That of its file in examples/. */
  readonly name: string;
  /** Lines for Apache: what the package says, or what Debian's own configuration has. */
  readonly apache: readonly string[];
  /** Environment of its programs, by the folder of the test. */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
  /** What of the example is the machine's own: text, and in place of it another one, by the folder of the test. */
  readonly own?: (folder: string) => readonly [text: string, own: string];
  /** Files of packages in whose place both servers see others, of the folder of the test; takes root. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Run once by bash where those are seen, with FOLDER. */
  readonly begin?: string;
  /** Makes what it shows. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** Paths, with a text of each answer; a number is a status other than 200. */
  readonly asks: (
    folder: string,
  ) => readonly (readonly [path: string, want: string | number, ...args: readonly string[]])[];
}

async function testPackage(
  { name, apache, environment = () => ({}), own, mounts = {}, begin, prepare, asks }: Packaged,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-package-" }));
  try {
    await writeFiles(folder, { "www/index.html": "front" });
    await Deno.chmod(folder, 0o755);
    await prepare?.(folder);
    const variables = Object.entries(environment(folder));
    const config = join(folder, "lisod.conf");
    const example = await Deno.readTextFile(join(EXAMPLES, `${name}.conf`));
    await Deno.writeTextFile(config, own === undefined ? example : example.replace(...own(folder)));
    const through = namespaceOf(folder, mounts);
    if (begin !== undefined) await must("env", [`FOLDER=${folder}`, ...through, "bash", "-c", begin]);
    const asUser = Deno.uid() === 0 ? ["--user", "www-data"] : [];
    const env = variables.flatMap(([key, value]) => ["--cgi-env", `${key}=${value}`]);
    const checked = await runLisod("--root", join(folder, "www"), "--http", "0", "--config", config, ...env, "--check");
    assertEquals(checked.code, 0, checked.stderr);
    await using https = await HttpsServer.start({
      root: join(folder, "www"),
      through,
      args: ["--config", config, ...env, ...asUser],
    });
    const lines = [
      ...apache.map((line) => line.replace(/DOKUWIKI|MUNIN/, (word) => `${folder}/${word.toLowerCase()}.apache`)),
      ...variables.map(([key, value]) => `SetEnv ${key} ${value}`),
    ];
    const peer = await startApache({ folder, lines, through });
    const found: string[] = [];
    try {
      for (const [path, want, ...args] of asks(folder)) {
        const fetch = (base: string) => ask(base, path, [...args, "--cacert", https.certificates.root]);
        // What they note at the first time, such as who has seen a page, is the same for all after it.
        await fetch(`http://localhost:${peer.port}`);
        const theirs = await fetch(`http://localhost:${peer.port}`);
        const ours = [await fetch(`http://localhost:${https.server.port()}`), await fetch(https.url)];
        const problems = ours.flatMap((answer) => differences(answer, theirs, want));
        if (problems.length > 0) found.push(`${path}: ${problems.join("; ")}`);
      }
    } finally {
      await peer.stop();
    }
    assertEquals(found, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A program that runs another one in a mount namespace of its own, where these files are others. */
function namespaceOf(folder: string, mounts: NonNullable<Packaged["mounts"]>): readonly string[] {
  const binds = Object.entries(mounts).map(([place, name]) => `mount --bind "${folder}/${name}" "${place}"`);
  if (binds.length === 0) return [];
  return ["unshare", "--mount", "sh", "-c", `${binds.join(" && ")} && exec "$@"`, "sh"];
}

/** What is wrong with an answer, beside that of Apache and what it is to have. */
function differences(answer: Asked, theirs: Asked, want: string | number): readonly string[] {
  const parts = (["status", "type", "location"] as const).flatMap((name) => {
    return answer[name] === theirs[name] ? [] : [`${name} ${answer[name]}, not ${theirs[name]}`];
  });
  const at = [...answer.text].findIndex((character, index) => character !== theirs.text[index]);
  const isSame = answer.text === theirs.text;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 40), at + 80));
  const isWanted = typeof want === "number" ? answer.status === want : answer.text.includes(want);
  return [
    ...parts,
    ...(isSame ? [] : [`${around(answer.text)}, not ${around(theirs.text)}`]),
    ...(isWanted ? [] : [`not ${want}, but ${answer.status} ${JSON.stringify(answer.text.slice(-700))}`]),
  ];
}

interface Asked {
  readonly status: number;
  readonly type: string;
  readonly location: string;
  readonly text: string;
}

/** The answer without what differs from one server, or one moment, to the next. */
async function ask(base: string, path: string, args: readonly string[]): Promise<Asked> {
  const told = "\n%{http_code} %{redirect_url} %{content_type}";
  const { stdout } = await curl("--path-as-is", "--write-out", told, ...args, base + path);
  const text = new TextDecoder("latin1").decode(stdout);
  const [, content = "", status = "", location = "", type = ""] = /^(.*)\n(\d+) (\S*) (.*)$/s.exec(text) ?? [];
  const own = (part: string) =>
    part.replaceAll(base, "BASE").replaceAll(new URL(base).host, "HOST").replaceAll("https:", "http:");
  // Pages of errors, and of redirects, are each server's own.
  const isProgram = Number(status) < 300;
  return {
    status: Number(status),
    // What is said of characters is each server's own.
    type: isProgram ? type.toLowerCase().replace(/;.*$/, "") : "",
    location: own(location),
    text: isProgram ? MOMENTS.reduce((plain, pattern) => plain.replace(pattern, "..."), own(content)) : "",
  };
}

const MOMENTS = [
  ...[/\d\d:\d\d:\d\d/g, /(?:\d+ (?:second|minute)s?(?:, )?)+ ago/g, /nonce="[^"]*"/g, /'\d+:\d+'/g, /&amp;\d{10}/g],
  ...[/generated [^<]*/gi, /[0-9a-f]{32,}/g],
];

const OLD = new Date("2020-01-01T00:00:00Z");

const PACKAGES: readonly Packaged[] = [
  {
    name: "awstats",
    apache: ["Include /usr/share/doc/awstats/examples/apache.conf"],
    environment: (folder) => ({ AWSTATS_ENABLE_CONFIG_DIR: folder }),
    prepare: async (folder) => {
      const line =
        '192.0.2.1 - - [01/Feb/2024:10:00:00 +0000] "GET /seen.html HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Firefox/102.0"\n';
      const config = ["LogFile=FOLDER/access.log", "LogFormat=1", 'SiteDomain="seen.example"', "DirData=FOLDER"];
      await writeFiles(folder, {
        "access.log": line.repeat(3),
        "awstats.seen.conf": [...config, "DNSLookup=0", ""].join("\n").replaceAll("FOLDER", folder),
      });
      const program = "/usr/lib/cgi-bin/awstats.pl";
      await must("perl", [program, "-config=seen", `-configdir=${folder}`, "-update"]);
    },
    asks: (folder) => [
      [`/cgi-bin/awstats.pl?config=seen&configdir=${folder}&month=02&year=2024`, "seen.example"],
      [`/cgi-bin/awstats.pl?config=seen&configdir=${folder}&month=02&year=2024&output=urldetail`, "/seen.html"],
      ["/awstats-icon/other/vv.png", "PNG"],
      ["/awstatsclasses/none.jar", 404],
      ["/awstats-icon/none", 404],
    ],
  },
  {
    name: "dwww",
    apache: ["Include /etc/apache2/conf-available/dwww.conf"],
    asks: () => [
      ["/dwww/", "dwww"],
      ["/dwww", 301],
      ["/dwww/dwww.css", "body"],
      ["/cgi-bin/dwww/usr/share/doc/dwww/copyright?type=text/plain", "copyright"],
      ["/cgi-bin/dwww?search=dwww&searchtype=p", "dwww"],
    ],
  },
  {
    name: "cvsweb",
    apache: ["Alias /cvsweb/ /usr/share/cvsweb/"],
    mounts: { "/etc/cvsweb/cvsweb.conf": "cvsweb.conf" },
    prepare: async (folder) => {
      const config = await Deno.readTextFile("/etc/cvsweb/cvsweb.conf");
      await writeFiles(folder, {
        "cvsweb.conf": config.replace("'/var/lib/cvs'", `'${folder}/cvs'`),
        "work/seen.txt": "what is in it\n",
      });
      const cvs = async (...args: readonly string[]) => await must("cvs", ["-d", `${folder}/cvs`, ...args]);
      await cvs("init");
      // Its age in seconds would change from one server's page to the other's.
      await Deno.utime(`${folder}/work/seen.txt`, OLD, OLD);
      await must("sh", [
        "-c",
        `cd "${folder}/work" && cvs -Q -d "${folder}/cvs" import -d -m seen module vendor start`,
      ]);
      if (Deno.uid() === 0) await must("chown", ["-R", "www-data:", `${folder}/cvs`]);
    },
    asks: () => [
      ["/cvsweb/css/cvsweb.css", "body"],
      ["/cvsweb/icons/back.gif", "GIF"],
      ["/cgi-bin/cvsweb/", "module"],
      ["/cgi-bin/cvsweb", 301],
      ["/cgi-bin/cvsweb/module/", "seen.txt"],
      ["/cgi-bin/cvsweb/module/seen.txt", "seen"],
      ["/cgi-bin/cvsweb/~checkout~/module/seen.txt?rev=1.1", "what is in it"],
      ["/cgi-bin/cvsweb/none/", 301],
    ],
  },
  {
    name: "munin",
    apache: ["Include MUNIN"],
    mounts: {
      "/etc/munin/munin.conf": "munin.conf",
      "/etc/munin/plugins": "plugins",
      "/var/lib/munin": "lib",
      "/var/log/munin": "log",
      "/var/cache/munin/www": "html",
    },
    prepare: async (folder) => {
      const port = freePort();
      const snippet = await Deno.readTextFile("/etc/munin/apache24.conf");
      const onDemand = snippet.replace(/^Alias (\/munin .*)$/m, "# $1").replace(/^#(?=ScriptAlias \/munin )/m, "");
      const node = [
        "host 127.0.0.1",
        `port ${port}`,
        "allow ^.*$",
        "host_name seen.example",
        "user root",
        "group root",
      ];
      await writeFiles(folder, {
        "munin.apache": onDemand,
        "munin.conf": [
          ...["html_strategy cgi", "graph_strategy cgi", "cgiurl_graph /munin-cgi/munin-cgi-graph", "[seen.example]"],
          ...["address 127.0.0.1", `port ${port}`, "use_node_name yes", ""],
        ].join("\n"),
        "node.conf": [...node, `log_file ${folder}/node.log`, `pid_file ${folder}/node.pid`, "background 0", ""].join(
          "\n",
        ),
        "plugins/seen":
          '#!/bin/sh\n[ "$1" = config ] && exec echo "graph_title Seen\nseen.label seen"\necho "seen.value 7"\n',
        ...{ "lib/cgi-tmp/x": "", "log/munin-cgi-html.log": "", "log/munin-cgi-graph.log": "", "html/x": "" },
      });
      await Deno.chmod(`${folder}/plugins/seen`, 0o755);
      await must("chown", ["-R", "munin:www-data", ...["lib", "log", "html"].map((name) => `${folder}/${name}`)]);
      await must("chmod", ["-R", "g+w", `${folder}/lib`, `${folder}/log`]);
    },
    begin: `munin-node --config "$FOLDER/node.conf" & node=$!
mkdir -p /run/munin && chown munin /run/munin
port=$(sed -n 's/^port //p' "$FOLDER/node.conf")
for round in $(seq 1000); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; done
for part in update limits html; do su munin -s /bin/sh -c /usr/share/munin/munin-$part; done
kill $node && chgrp -R www-data "$FOLDER/lib" && chmod -R g+rwX "$FOLDER/lib"`,
    asks: () => [
      ["/munin/static/style-new.css", "body"],
      ["/munin/", "example"],
      ["/munin/example/seen.example/index.html", "Seen"],
      ["/munin-cgi/munin-cgi-graph/example/seen.example/seen-day.png", "PNG"],
      ["/munin-cgi/munin-cgi-graph/example/none/none-day.png", 404],
      ["/munin-cgi/none", 404],
    ],
  },
  {
    name: "dokuwiki",
    apache: ["Include DOKUWIKI"],
    mounts: {
      "/etc/dokuwiki/local.php": "local.php",
      "/var/lib/dokuwiki/data/pages": "pages",
      "/var/lib/dokuwiki/data/media": "media",
    },
    prepare: async (folder) => {
      const local = await Deno.readTextFile("/etc/dokuwiki/local.php");
      await writeFiles(folder, {
        "local.php": `${local}\n$conf['userewrite'] = 1;\n$conf['useslash'] = 1;\n$conf['useacl'] = 0;\n`,
        "pages/start.txt": "====== Seen ======\n[[sub:page|a link]]\n",
        "pages/sub/page.txt": "====== A page ======\n{{seen.txt}}\n",
        "media/seen.txt": "what is in it",
      });
      const snippet = await Deno.readTextFile("/etc/dokuwiki/apache.conf");
      await writeFiles(folder, { "dokuwiki.apache": snippet.replace(/#(?=Rewrite)/g, "") });
      if (Deno.uid() === 0) {
        for (const name of ["pages", "media"]) await must("chown", ["-R", "www-data:", `${folder}/${name}`]);
      }
    },
    asks: () => [
      ["/dokuwiki", 301],
      ["/dokuwiki/", "Seen"],
      ["/dokuwiki/start", "Seen"],
      ["/dokuwiki/sub/page", "A page"],
      ["/dokuwiki/sub:page?do=backlink", "start"],
      ["/dokuwiki/doku.php?id=sub:page", "A page"],
      ["/dokuwiki/none/such", "This topic does not exist yet"],
      ["/dokuwiki/_media/seen.txt", "what is in it"],
      ["/dokuwiki/_export/raw/sub/page", "====== A page"],
      ["/dokuwiki/lib/tpl/dokuwiki/images/logo.png", "PNG"],
      ["/dokuwiki/lib/exe/css.php?t=dokuwiki", "{"],
      ["/dokuwiki/feed.php", "rdf"],
      ["/dokuwiki/bin/indexer.php", 403],
    ],
  },
  {
    name: "mapserver",
    apache: ["<Directory /usr/lib/cgi-bin>", "Options +SymLinksIfOwnerMatch", "</Directory>"],
    environment: (folder) => ({ MAPSERVER_CONFIG_FILE: `${folder}/mapserver.conf` }),
    own: (folder) => ["/etc/mapserver.conf", `${folder}/mapserver.conf`],
    prepare: (folder) =>
      writeFiles(folder, {
        "mapserver.conf": `CONFIG\n  ENV\n    MS_MAP_PATTERN "^${folder}/.*"\n  END\nEND\n`,
        "seen.map": `MAP
  NAME "seen"
  SIZE 80 60
  EXTENT 0 0 80 60
  IMAGETYPE png
  LAYER
    NAME "box"
    TYPE polygon
    STATUS default
    FEATURE POINTS 10 10 10 50 70 50 70 10 10 10 END END
    CLASS STYLE COLOR 200 30 30 END END
  END
END
`,
      }),
    asks: (folder) => [
      [`/cgi-bin/mapserv?map=${folder}/seen.map&mode=map`, "PNG"],
      [`/cgi-bin/mapserv?map=${folder}/seen.map&mode=browse`, ""],
      ["/cgi-bin/mapserv", "QUERY_STRING"],
      ["/cgi-bin/mapserv?map=/etc/passwd", "fails to validate"],
    ],
  },
  {
    name: "adminer",
    apache: ["Include /etc/apache2/conf-available/adminer.conf"],
    asks: () => [
      ["/adminer", 301],
      ["/adminer/", "Adminer"],
      ["/adminer/conf.php?username=", 403],
      ["/adminer/?file=default.css&version=4.8.1", "body"],
    ],
  },
  {
    name: "gitweb",
    apache: ["Define ENABLE_GITWEB", "Include /etc/apache2/conf-available/gitweb.conf"],
    environment: (folder) => ({ GITWEB_CONFIG: `${folder}/gitweb.conf` }),
    prepare: async (folder) => {
      await writeFiles(folder, {
        "gitweb.conf": `$projectroot = "${folder}/git";\n$feature{"pathinfo"}{"default"} = [1];\n`,
      });
      await makeRepository(`${folder}/git/seen.git`);
    },
    asks: () => [
      ["/gitweb", 301],
      ["/gitweb/", "seen.git"],
      ["/gitweb/gitweb.cgi/seen.git", "a commit to be seen"],
      ["/gitweb/gitweb.cgi/seen.git/blob_plain/HEAD:/folder/seen.txt", "what is in it"],
      ["/gitweb/?p=seen.git;a=log", "a commit to be seen"],
      ["/gitweb/static/gitweb.css", "body"],
      ["/gitweb/none.git", 404],
    ],
  },
  {
    name: "cgit",
    apache: ["Include /etc/apache2/conf-available/cgit.conf"],
    environment: (folder) => ({ CGIT_CONFIG: `${folder}/cgitrc` }),
    prepare: async (folder) => {
      const lines = ["css=/cgit-css/cgit.css", "virtual-root=/cgit/", "enable-http-clone=1"];
      const repository = ["repo.url=seen", `repo.path=${folder}/seen.git`, "repo.desc=to be seen", ""];
      await writeFiles(folder, { cgitrc: [...lines, ...repository].join("\n") });
      await makeRepository(`${folder}/seen.git`);
    },
    asks: () => [
      ["/cgit/", "to be seen"],
      ["/cgit/seen/", "a commit to be seen"],
      ["/cgit/seen/tree/folder/seen.txt", "what is in it"],
      ["/cgit/seen/plain/folder/seen.txt", "what is in it"],
      ["/cgit/seen/HEAD", "ref: refs/heads/main"],
      ["/cgit-css/cgit.css", "div#cgit"],
      ["/cgit/none/", 404],
    ],
  },
];

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr, text } = await run(program, args);
  assertEquals(code, 0, `${program} ${args.join(" ")}: ${stderr}${text}`);
}

/** A bare repository with one commit, that the user who runs the programs may read. */
async function makeRepository(path: string): Promise<void> {
  const work = `${path}.work`;
  // So old that what is said of its age is the same for minutes.
  const date = "2024-02-01T10:00:00Z";
  const own = [
    `GIT_COMMITTER_DATE=${date}`,
    "git",
    "-C",
    work,
    "-c",
    "user.name=Eva",
    "-c",
    "user.email=eva@seen.example",
  ];
  const git = (...args: readonly string[]) => must("env", [...own, ...args]);
  await writeFiles(work, { "folder/seen.txt": "what is in it\n" });
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "a commit to be seen", `--date=${date}`);
  await must("git", ["clone", "--quiet", "--bare", work, path]);
  if (Deno.uid() === 0) await must("chown", ["-R", "www-data:", path]);
}

for (const packaged of PACKAGES) {
  // Mounts take root.
  const ignore = packaged.mounts !== undefined && Deno.uid() !== 0;
  Deno.test({
    name: `lisod serves ${packaged.name} of Debian as Apache does`,
    ignore,
    fn: () => testPackage(packaged),
  });
}
