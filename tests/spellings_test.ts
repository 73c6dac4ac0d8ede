/**
 * One path, many spellings: each leads to the same program, file and access rule, and no spelling hands out the source of a
 * program. Against the compiled binary, over HTTP and HTTPS.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { curl, run, writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";

/** Stands in each program, and never in what it prints. */
const SOURCE = "this is the source";
const SCRIPT = `#!/bin/sh
# ${SOURCE}
printf 'Content-Type: text/plain\\n\\nran %s|%s' "$SCRIPT_NAME" "\${PATH_INFO-unset}"
`;

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly location: string;
}

type Ask = (target: string, ...args: readonly string[]) => Promise<Asked>;

/** Makes a tree of files, starts the server over its folder "root", and runs the test by each scheme. */
async function withSite(
  make: (folder: string) => Promise<readonly string[]>,
  test: (ask: Ask) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "lisod-test-" }));
  try {
    const args = await make(folder);
    await using https = await HttpsServer.start({ root: join(folder, "root"), args });
    for (const url of [https.server.url, https.url]) await test((target, ...more) => ask(https, url + target, more));
    assertEquals(https.server.logText().split("\n").filter((line) => line.includes("] ERROR ")), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function ask({ certificates }: HttpsServer, url: string, args: readonly string[]): Promise<Asked> {
  const told = "\n%{http_code} %{redirect_url}";
  const { text } = await curl(
    ...["--path-as-is", "--cacert", certificates.root, "--compressed", "--write-out", told, ...args, url],
  );
  const [, content, status, location] = /^(.*)\n(\d+) (.*)$/s.exec(text) ?? [];
  return { status: Number(status), text: content, location: location.replace(/^https?:\/\/[^/]+/, "") };
}

async function makePrograms(folder: string): Promise<readonly string[]> {
  const root = join(folder, "root");
  const scripts = ["cgi-bin/p", "cgi-bin/deep/q.sh", ".well-known/x.sh", "one.sh", "LOUD.SH", "folder/index.html"];
  await writeFiles(root, Object.fromEntries(scripts.map((name) => [name, SCRIPT])));
  await writeFiles(root, {
    ...{ "index.html": SCRIPT, "a.txt": "a", "plain/b.txt": "b", ".well-known/known": "known", "cgi-bin/data": SOURCE },
    ...{ "a.txt.gz": SCRIPT, "two.sh.gz": "download", ".git/x.sh": SCRIPT },
  });
  await Deno.chmod(join(root, "cgi-bin/p"), 0o755);
  for (const name of ["one.sh", "LOUD.SH"]) await run("gzip", ["--keep", join(root, name)]);
  await Deno.symlink("cgi-bin", join(root, "alias"));
  await Deno.symlink("../one.sh", join(root, "plain/one.txt"));
  await Deno.symlink("../one.sh.gz", join(root, "plain/b.txt.gz"));
  await Deno.symlink("../cgi-bin/p", join(root, "plain/p"));
  return [
    ...["--cgi", join(root, "cgi-bin"), "--cgi-prefix", "/cgi", "--listing"],
    ...["--cgi-handler", ".sh=/bin/sh", "--cgi-handler", ".html=/bin/sh", "--cgi-handler", ".gz=/bin/sh"],
  ];
}

/** What a target gets: the text of a 200, else the status, with the path of a redirect. */
const PROGRAMS: readonly (readonly [target: string, want: string])[] = [
  ["/cgi/p", "ran /cgi/p|unset"],
  ["//cgi/p", "ran /cgi/p|unset"],
  ["/cgi//p", "ran /cgi/p|unset"],
  ["///cgi///p", "ran /cgi/p|unset"],
  ["/./cgi/./p", "ran /cgi/p|unset"],
  ["/x/../cgi/p", "ran /cgi/p|unset"],
  ["/%63gi/%70", "ran /cgi/p|unset"],
  ["//%63%67i//p//a//b/", "ran /cgi/p|//a//b/"],
  ["/cgi/p/", "ran /cgi/p|/"],
  ["/cgi/p;x", "404"],
  ["/cgi;x/p", "404"],
  ["/cgi%2fp", "404"],
  ["/cgi/deep/q.sh", "ran /cgi/deep/q.sh|unset"],
  ["/cgi", "301 /cgi/"],
  ["//cgi", "301 /cgi/"],
  ["/cgi?a=b", "301 /cgi/?a=b"],
  ["/cgi/deep", "301 /cgi/deep/"],
  ["/cgi/", "403"],
  ["/cgi//", "403"],
  ["/cgi/data", "403"],
  // the folder of programs by its other names
  ["/cgi-bin/p", "403"],
  ["//cgi-bin//p", "403"],
  ["/cgi-bin/p/", "403"],
  ["/cgi-bin/data", "403"],
  ["/cgi-bin/deep/q.sh", "403"],
  ["/cgi-bin", "403"],
  ["/cgi-bin/", "403"],
  ["/alias/p", "403"],
  ["/alias/data", "403"],
  ["/alias/deep/q.sh", "403"],
  ["/plain/p", "403"],
  // handlers
  ["/one.sh", "ran /one.sh|unset"],
  ["//one.sh//x", "ran /one.sh|//x"],
  ["/one.sh/", "ran /one.sh|/"],
  ["/LOUD.SH", "ran /LOUD.SH|unset"],
  ["/loud.sh", "404"],
  ["/.well-known/x.sh", "ran /.well-known/x.sh|unset"],
  ["//.well-known//x.sh/y", "ran /.well-known/x.sh|/y"],
  ["/.well-known/known", "known"],
  ["//.well-known//known", "known"],
  ["/.git/x.sh", "404"],
  ["/plain/one.txt", "403"],
  ["/", "ran /index.html|unset"],
  ["//", "ran /index.html|unset"],
  ["/folder/", "ran /folder/index.html|unset"],
  ["/folder//", "ran /folder/index.html|unset"],
  ["/folder", "301 /folder/"],
  // what lies beside them in another coding
  ["/one.sh.gz/../one.sh", "ran /one.sh|unset"],
  ["/a.txt", "a"],
  ["/plain/b.txt", "b"],
  ["//plain//b.txt", "b"],
];

Deno.test("each spelling of a path leads to the same program or file, and none to the source of a program", () =>
  withSite(makePrograms, async (ask) => {
    const got: [string, string][] = [];
    for (const [target] of PROGRAMS) {
      const { status, text, location } = await ask(target);
      got.push([target, status === 200 ? text : `${status} ${location}`.trimEnd()]);
    }
    assertEquals(got, PROGRAMS);
    const { text } = await ask("/plain/");
    assertEquals(["b.txt", "one.txt", "p"].map((name) => text.includes(`"${name}"`)), [true, false, false]);
  }));

Deno.test("a compressed copy is not sent where what it holds is a program", () =>
  withSite(
    async (folder) => (await makePrograms(folder)).slice(0, -2),
    async (ask) => {
      assertEquals((await ask("/one.sh.gz")).status, 403);
      assertEquals((await ask("/LOUD.SH.gz")).status, 403);
      assertEquals((await ask("/plain/b.txt")).text, "b");
      assertEquals((await ask("/two.sh.gz")).text, "download");
    },
  ));

Deno.test("a hidden program runs or is refused when dot files are served", () =>
  withSite(
    async (folder) => [...await makePrograms(folder), "--dot-files"],
    async (ask) => {
      for (const target of ["/.git/x.sh", "//.git//x.sh", "/.well-known/x.sh"]) {
        const { status, text } = await ask(target);
        assertEquals([status, text], [200, `ran ${target.replaceAll("//", "/")}|unset`]);
      }
    },
  ));

Deno.test("one program answers its prefix with and without what follows, and nothing beside it", () =>
  withSite(
    async (folder) => {
      await writeFiles(folder, { "hg": SCRIPT, "root/hgx": "file" });
      await Deno.chmod(join(folder, "hg"), 0o755);
      return ["--cgi", join(folder, "hg"), "--cgi-prefix", "/hg"];
    },
    async (ask) => {
      const want = [["/hg", "unset"], ["/hg?cmd=x", "unset"], ["//hg", "unset"], ["/hg/", "/"], ["/hg//", "//"], [
        "//hg//a",
        "//a",
      ]];
      for (const [target, pathInfo] of want) {
        assertEquals(await ask(target), { status: 200, text: `ran /hg|${pathInfo}`, location: "" }, target);
        assertEquals((await ask(target, "--data", "x")).text, `ran /hg|${pathInfo}`, target);
      }
      assertEquals((await ask("/hgx")).text, "file");
      assertEquals((await ask("/hg;x")).status, 404);
    },
  ));

for (const more of [[], ["--listing"]]) {
  Deno.test(`a slash after the name of a file is 404, and no news: ${more.join(" ") || "no listing"}`, () =>
    withSite(
      async (folder) => {
        await writeFiles(join(folder, "root"), { "hello.txt": "hello", "hello.txt.gz": "gz", "folder/x": "x" });
        return more;
      },
      async (ask) => {
        for (
          const target of ["/hello.txt/", "//hello.txt//", "/hello.txt/x", "/hello.txt/x/", "/hello.txt.gz/", "/none/"]
        ) {
          assertEquals([target, (await ask(target)).status], [target, 404]);
          assertEquals([target, (await ask(target, "--head")).status], [target, 404]);
        }
        assertEquals((await ask("/folder/")).status, more.length === 0 ? 403 : 200);
        assertEquals((await ask("/folder")).location, "/folder/");
      },
    ));
}

Deno.test("no spelling gets around a password or an address rule", () =>
  withSite(
    async (folder) => {
      const users = join(folder, "users");
      await run("htpasswd", ["-bc5", users, "eva", "secret"]);
      await writeFiles(join(folder, "root"), {
        ...{ "members/a.txt": "members", "members/p.sh": SCRIPT, "front/index.html": "front", "b.txt": "b" },
        ...{ "closed/a.txt": "closed" },
      });
      await writeFiles(folder, { "programs/p": SCRIPT });
      await Deno.chmod(join(folder, "programs/p"), 0o755);
      return [
        ...["--cgi", join(folder, "programs"), "--cgi-handler", ".sh=/bin/sh", "--auth", `A:${users}:/members`],
        ...["--auth", `B:${users}:/cgi/p/admin`, "--auth", `C:${users}:/front/index.html`],
        ...["--deny", "0.0.0.0/0:/closed", "--deny", "::/0:/closed/"],
      ];
    },
    async (ask) => {
      const known = ["--user", "eva:secret"];
      for (
        const target of ["/members/a.txt", "/members/p.sh", "/cgi/p/admin/x", "/front/index.html", "/closed/a.txt"]
      ) {
        const open = target.startsWith("/closed/") ? 403 : 200;
        for (const spelling of spellingsOf(target)) {
          assertEquals([spelling, (await ask(spelling)).status], [spelling, open === 403 ? 403 : 401]);
        }
        assertEquals([target, (await ask(target, ...known)).status], [target, open]);
      }
      // the index of a folder is guarded by its own name too
      for (const spelling of ["/front/", "//front//", "/front/.", "/%66ront/"]) {
        assertEquals([spelling, (await ask(spelling)).status], [spelling, 401]);
      }
      assertEquals((await ask("/front/", ...known)).text, "front");
      const { text } = await ask("/cgi/p/adminx");
      assert(text.startsWith("ran"), text);
      assertEquals((await ask("/b.txt")).text, "b");
    },
  ));

/** The same path otherwise: as it is, with doubled slashes, dot segments and escapes. */
function spellingsOf(path: string): readonly string[] {
  const escaped = path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  return [
    ...[path, path.replaceAll("/", "//"), `/.${path}`, `/x/..${path}`, `/%2e%2E${path}`, escaped],
    ...[escaped.toLowerCase(), path.replace("/", "///"), path.replace(/\/(\w+)$/, "/./$1")],
  ];
}
