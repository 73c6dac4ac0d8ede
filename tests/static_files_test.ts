/**
 * lib/static/static_files.ts on a real folder with hostile content. Needs --allow-read and --allow-write for a temporary
 * folder, --allow-run for mkfifo and prlimit, --allow-sys=uid,seteuid for the file that may not be read.
 */
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { countDescriptors } from "./descriptors.ts";
import type { Field } from "../lib/http/header_fields.ts";
import { HttpError, Refusal } from "../lib/http/message.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { ReadBuffers } from "../lib/static/file_body.ts";
import type { PathPrefix } from "../lib/http/path_prefix.ts";
import {
  ask,
  BIG_BYTES,
  decode,
  encode,
  makeRequest,
  pattern,
  readAll,
  respond,
  type Site,
  withSite,
} from "./static_site.ts";

function run(...command: readonly string[]): void {
  const { success, stderr } = new Deno.Command(command[0], { args: command.slice(1) }).outputSync();
  assert(success, decode(stderr));
}

interface HostileCase {
  readonly name: string;
  /** Makes what the path then asks for. */
  make(site: Site): void;
  readonly path: string;
  readonly status: number;
  readonly text?: string;
}

const LONGEST_NAME = "n".repeat(255);
const HOSTILE: readonly HostileCase[] = [
  { name: "a FIFO", make: ({ root }) => run("mkfifo", `${root}/fifo`), path: "/fifo", status: 403 },
  {
    name: "a symlink to a FIFO outside",
    make: ({ root, outside }) => {
      run("mkfifo", `${outside}/fifo`);
      Deno.symlinkSync(`${outside}/fifo`, `${root}/f`);
    },
    path: "/f",
    status: 403,
  },
  { name: "a device", make: ({ root }) => Deno.symlinkSync("/dev/zero", `${root}/zero`), path: "/zero", status: 403 },
  {
    name: "a symlink to a name that is not UTF-8",
    // The runtime cannot make one.
    make: ({ root }) =>
      void new Deno.Command("sh", {
        args: ["-c", 'f=$(printf "odd\\377"); >"$1/$f"; ln -s "$f" "$1/link.txt"', "sh", root],
      }).outputSync(),
    path: "/link.txt",
    status: 404,
  },
  {
    name: "a symlink out",
    make: ({ root }) => Deno.symlinkSync("../outside/secret.txt", `${root}/out.txt`),
    path: "/out.txt",
    status: 403,
  },
  {
    name: "an absolute symlink out",
    make: ({ root, outside }) => Deno.symlinkSync(`${outside}/secret.txt`, `${root}/out.txt`),
    path: "/out.txt",
    status: 403,
  },
  {
    name: "a symlink out through a folder whose name begins like the root's",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}2`);
      Deno.writeTextFileSync(`${root}2/secret.txt`, "secret");
      Deno.symlinkSync("../root2/secret.txt", `${root}/out.txt`);
    },
    path: "/out.txt",
    status: 403,
  },
  {
    name: "a file in a linked folder outside",
    make: ({ root }) => Deno.symlinkSync("../outside", `${root}/dir`),
    path: "/dir/secret.txt",
    status: 403,
  },
  {
    name: "a linked folder outside, without slash",
    make: ({ root }) => Deno.symlinkSync("../outside", `${root}/dir`),
    path: "/dir",
    status: 403,
  },
  {
    name: "a linked folder outside",
    make: ({ root }) => Deno.symlinkSync("../outside", `${root}/dir`),
    path: "/dir/",
    status: 403,
  },
  {
    name: "an index that is a symlink out",
    make: ({ root }) => Deno.symlinkSync("../outside/secret.txt", `${root}/index.html`),
    path: "/",
    status: 403,
  },
  { name: "a symlink loop", make: ({ root }) => Deno.symlinkSync("loop", `${root}/loop`), path: "/loop", status: 403 },
  { name: "a dead symlink", make: ({ root }) => Deno.symlinkSync("no", `${root}/dead`), path: "/dead", status: 404 },
  {
    name: "a link to the process's own folder",
    make: ({ root }) => Deno.symlinkSync("/proc/self", `${root}/self`),
    path: "/self/environ",
    status: 403,
  },
  {
    name: "a symlink inside",
    make: ({ root }) => {
      Deno.writeTextFileSync(`${root}/real.txt`, "inside");
      Deno.symlinkSync("real.txt", `${root}/link.txt`);
    },
    path: "/link.txt",
    status: 200,
    text: "inside",
  },
  {
    name: "a file in a linked folder inside",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}/real`);
      Deno.writeTextFileSync(`${root}/real/a.txt`, "inside");
      Deno.symlinkSync(`${root}/real`, `${root}/dir`);
    },
    path: "/dir/a.txt",
    status: 200,
    text: "inside",
  },
  { name: "nothing there", make: () => {}, path: "/no.txt", status: 404 },
  { name: "a name that is too long", make: () => {}, path: `/${"n".repeat(256)}`, status: 404 },
  { name: "a path that is too long", make: () => {}, path: "/a".repeat(4000), status: 404 },
  {
    name: "a slash after a file",
    make: ({ root }) => Deno.writeTextFileSync(`${root}/a.txt`, "a"),
    path: "/a.txt/",
    status: 404,
  },
  {
    name: "a path below a file",
    make: ({ root }) => Deno.writeTextFileSync(`${root}/a.txt`, "a"),
    path: "/a.txt/b",
    status: 404,
  },
  { name: "a folder without index", make: ({ root }) => Deno.mkdirSync(`${root}/d`), path: "/d/", status: 403 },
  { name: "a missing folder", make: () => {}, path: "/no/", status: 404 },
  {
    name: "an index that is a folder",
    make: ({ root }) => Deno.mkdirSync(`${root}/index.html`),
    path: "/",
    status: 403,
  },
  {
    name: "a dot file",
    make: ({ root }) => Deno.writeTextFileSync(`${root}/.env`, "secret"),
    path: "/.env",
    status: 404,
  },
  {
    name: "a file in a dot folder",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}/.git`);
      Deno.writeTextFileSync(`${root}/.git/config`, "secret");
    },
    path: "/.git/config",
    status: 404,
  },
  {
    name: "a well-known file",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}/.well-known`);
      Deno.writeTextFileSync(`${root}/.well-known/security.txt`, "known");
    },
    path: "/.well-known/security.txt",
    status: 200,
    text: "known",
  },
  {
    name: "a dot file below the well-known folder",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}/.well-known`);
      Deno.writeTextFileSync(`${root}/.well-known/.env`, "secret");
    },
    path: "/.well-known/.env",
    status: 404,
  },
  {
    name: "a well-known folder that is not at the top",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}/a/.well-known`, { recursive: true });
      Deno.writeTextFileSync(`${root}/a/.well-known/x`, "secret");
    },
    path: "/a/.well-known/x",
    status: 404,
  },
  { name: "dot segments", make: () => {}, path: "/../outside/secret.txt", status: 404 },
  { name: "dot segments at the end", make: () => {}, path: "/..", status: 404 },
  { name: "a NUL", make: () => {}, path: "/a\0.txt", status: 404 },
  {
    name: "no slash at the start",
    make: ({ root }) => {
      Deno.mkdirSync(`${root}2`);
      Deno.writeTextFileSync(`${root}2/secret.txt`, "secret");
    },
    path: "2/secret.txt",
    status: 404,
  },
  { name: "an asterisk", make: () => {}, path: "*", status: 404 },
  ...[LONGEST_NAME, "a\nb", "100%", "%41", 'a"b', "<b>", "a b", "a?b", "a\\b", "ümläut \u{1f600}", "a.."].map((
    name,
  ) => ({
    name: `the name ${JSON.stringify(name).slice(0, 40)}`,
    make: ({ root }: Site) => Deno.writeTextFileSync(`${root}/${name}`, `content of ${name}`),
    path: `/${name}`,
    status: 200,
    text: `content of ${name}`,
  })),
];

for (const { name, make, path, status, text = "" } of HOSTILE) {
  Deno.test(`createStaticHandler() answers ${status} when the path names ${name}`, () =>
    withSite(async (site) => {
      make(site);
      const handler = site.handler();
      for (const method of ["GET", "HEAD", "GET"]) {
        const answer = await ask(handler, path, [], { method });
        assertEquals([answer.status, answer.text], [status, method === "HEAD" ? "" : text], method);
      }
    }));
}

Deno.test("createStaticHandler() answers 403 when the path names a socket", () =>
  withSite(async (site) => {
    const listener = Deno.listen({ transport: "unix", path: `${site.root}/socket` });
    assertEquals((await ask(site.handler(), "/socket")).status, 403);
    listener.close();
  }));

Deno.test({
  name: "createStaticHandler() answers 403 when a file or a folder may not be read",
  // Only root can become somebody else for a moment and come back.
  ignore: Deno.uid() !== 0,
  fn: () =>
    withSite(async (site) => {
      Deno.chmodSync(site.root.replace(/\/root$/, ""), 0o755);
      Deno.writeTextFileSync(`${site.root}/a.txt`, "a");
      Deno.chmodSync(`${site.root}/a.txt`, 0);
      Deno.mkdirSync(`${site.root}/d`);
      Deno.writeTextFileSync(`${site.root}/d/a.txt`, "a");
      Deno.chmodSync(`${site.root}/d`, 0);
      Deno.mkdirSync(`${site.root}/only-entered`, { mode: 0o711 });
      const handler = site.handler({ listing: true });
      assert(process.seteuid !== undefined);
      process.seteuid(65_534);
      try {
        const table = { "/a.txt": "/a.txt", "/d/a.txt": "/d", "/d/": "/d", "/only-entered/": "/only-entered" };
        for (const [path, culprit] of Object.entries(table)) {
          const error = await assertRejects(async () => await handler(makeRequest(path)), Refusal);
          // For the operator: somebody should look at it.
          assertEquals([error.status, error.path], [403, site.root + culprit]);
        }
      } finally {
        process.seteuid(0);
      }
    }),
});

Deno.test("createStaticHandler() gives no cause to log when there is nothing", () =>
  withSite(async (site) => {
    for (const path of ["/no", "/no/", "/n/o"]) {
      assertEquals(
        (await assertRejects(async () => await site.handler()(makeRequest(path)), HttpError)).cause,
        undefined,
      );
    }
  }));

Deno.test("createStaticHandler() never answers with what a symlink led to before it was turned inwards", () =>
  withSite(async (site) => {
    const link = `${site.root}/link.txt`;
    Deno.writeTextFileSync(`${site.root}/a.txt`, "inside");
    const turn = (target: string) => {
      Deno.removeSync(link);
      Deno.symlinkSync(target, link);
    };
    Deno.symlinkSync("../outside/secret.txt", link);
    const { realPathSync, statSync } = Deno;
    try {
      // The first call comes right after the file was opened.
      Deno.realPathSync = (path) => {
        turn("a.txt");
        return realPathSync(path);
      };
      assertEquals((await ask(site.handler(), "/link.txt")).text, "inside");
      // Turned outwards again right before each opening.
      Deno.statSync = (path) => {
        if (path === link) turn("../outside/secret.txt");
        return statSync(path);
      };
      assertEquals((await ask(site.handler(), "/link.txt")).status, 403);
    } finally {
      Object.assign(Deno, { realPathSync, statSync });
    }
    assertEquals((await ask(site.handler(), "/link.txt")).text, "inside");
  }));

Deno.test("createStaticHandler() answers 403 when a known file becomes a FIFO or a symlink out before it is opened", () =>
  withSite(async (site) => {
    const path = `${site.root}/a.bin`;
    const handler = site.handler();
    const before = countDescriptors();
    for (const replace of [() => run("mkfifo", path), () => Deno.symlinkSync("../outside/secret.txt", path)]) {
      Deno.writeFileSync(path, pattern(BIG_BYTES));
      assertEquals((await ask(handler, "/a.bin")).length, BIG_BYTES);
      Deno.removeSync(path);
      replace();
      // Within fileCacheMs: the facts are taken as known, and only the opened file shows the change.
      assertEquals((await ask(handler, "/a.bin")).status, 403);
      Deno.removeSync(path);
      site.nowMs += DEFAULT_LIMITS.fileCacheMs;
    }
    assertEquals(countDescriptors(), before);
  }));

Deno.test("createStaticHandler() answers 403 when a folder is turned outwards while it is listed", () =>
  withSite(async (site) => {
    Deno.mkdirSync(`${site.root}/d`);
    const { readDir } = Deno;
    let swaps = 0;
    try {
      Deno.readDir = (path) => {
        swaps++;
        Deno.removeSync(`${site.root}/d`);
        Deno.symlinkSync("../outside", `${site.root}/d`);
        return readDir(path);
      };
      assertEquals((await ask(site.handler({ listing: true }), "/d/")).status, 403);
    } finally {
      Deno.readDir = readDir;
    }
    assertEquals(swaps, 1);
  }));

Deno.test("createStaticHandler() answers 403 when the runtime refuses a path", () =>
  withSite(async (site) => {
    const { statSync } = Deno;
    try {
      // As for a link to /proc, when the program has less than all permissions.
      Deno.statSync = () => {
        throw new Deno.errors.NotCapable("Requires all access");
      };
      assertEquals((await ask(site.handler(), "/a.txt")).status, 403);
    } finally {
      Deno.statSync = statSync;
    }
  }));

Deno.test("createStaticHandler() answers 503 with Retry-After when the descriptors have run out", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.txt`, "a");
    const handler = site.handler();
    const setLimit = (limit: string) => run("prlimit", `--pid=${Deno.pid}`, `--nofile=${limit}:`);
    const limitLine = Deno.readTextFileSync("/proc/self/limits").match(/^Max open files +(\d+)/m);
    assert(limitLine !== null);
    const fillers: Deno.FsFile[] = [];
    // Room for the pipes of prlimit itself, which has to set the limit back.
    setLimit(String(countDescriptors() + 32));
    try {
      try {
        for (;;) fillers.push(Deno.openSync(`${site.root}/a.txt`));
      } catch (error) {
        assertStringIncludes(String(error), "os error 24");
      }
      const answer = await ask(handler, "/a.txt");
      assertEquals([answer.status, answer.fields.get("retry-after")], [503, "1"]);
    } finally {
      for (const file of fillers) file.close();
      setLimit(limitLine[1]);
    }
    assertEquals((await ask(handler, "/a.txt")).text, "a");
  }));

Deno.test("createStaticHandler() gives the fields of a file, and the same for HEAD", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.html`, "<p>a");
    Deno.writeFileSync(`${site.root}/big.bin`, pattern(BIG_BYTES));
    Deno.utimeSync(`${site.root}/a.html`, 784_111_777, 784_111_777);
    const handler = site.handler();
    for (const [path, length] of [["/a.html", 4], ["/big.bin", BIG_BYTES]] as const) {
      const get = await ask(handler, path);
      assertEquals([get.status, get.length, get.fields.get("accept-ranges")], [200, length, "bytes"]);
      assertMatch(get.fields.get("etag") ?? "", /^"[^"]+"$/);
      const head = await ask(site.handler(), path, [], { method: "HEAD" });
      assertEquals({ ...head, fields: [...head.fields] }, { ...get, text: "", fields: [...get.fields] });
    }
    const { fields } = await ask(handler, "/a.html");
    assertEquals(fields.get("content-type"), "text/html; charset=utf-8");
    assertEquals(fields.get("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    const course = await ask(site.handler({ rules: "course" }), "/a.html");
    assertEquals(course.fields.get("content-type"), "text/html");
  }));

Deno.test("createStaticHandler() serves index.html when the path ends with a slash", () =>
  withSite(async (site) => {
    Deno.mkdirSync(`${site.root}/d`);
    Deno.writeTextFileSync(`${site.root}/index.html`, "top");
    Deno.writeTextFileSync(`${site.root}/d/index.html`, "below");
    const handler = site.handler({ listing: true });
    assertEquals((await ask(handler, "/")).text, "top");
    assertEquals((await ask(handler, "/d/")).text, "below");
  }));

// RFC 9110 10.2.2, 15.4.2; a Location must never lead to another host.
const REDIRECTS: readonly (readonly [target: string, location: string])[] = [
  ["/d", "/d/"],
  ["/d?a=b", "/d/?a=b"],
  ["/d?a=/b?c", "/d/?a=/b?c"],
  ["/%64", "/%64/"],
  ["/x/../d", "/x/../d/"],
  ["//d", "/d/"],
  ["//evil.example/../d", "/evil.example/../d/"],
  ["///d", "/d/"],
  ["/\\evil.example/d", "/evil.example/d/"],
  ["http://host.example/d?q", "/d/?q"],
  ["HTTPS://host.example:80//d", "/d/"],
];
for (const [target, location] of REDIRECTS) {
  Deno.test(`createStaticHandler() redirects to ${location} when the target is ${target}`, () =>
    withSite(async (site) => {
      Deno.mkdirSync(`${site.root}/d`);
      for (const method of ["GET", "HEAD"]) {
        const { status, fields, length } = await ask(site.handler(), "/d", [], { method, target });
        assertEquals([status, fields.get("location"), length], [301, location, 0]);
      }
    }));
}

Deno.test("createStaticHandler() reads the content of a POST away and answers 200 when the course's rules hold", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.txt`, "a");
    Deno.mkdirSync(`${site.root}/d`);
    const handler = site.handler({ rules: "course" });
    for (const path of ["/a.txt", "/d", "/d/"]) {
      let isRead = false;
      const body = {
        length: null,
        async *[Symbol.asyncIterator]() {
          yield encode("content");
          isRead = true;
        },
        close: () => Promise.resolve(),
      };
      const response = await respond(handler, { ...makeRequest(path, [], { method: "POST" }), body });
      assertEquals([response.status, response.body.length, isRead], [200, 0, true]);
    }
    for (const path of ["/no", "/no/", "/.env"]) {
      assertEquals((await ask(handler, path, [], { method: "POST", content: "x" })).status, 404, path);
    }
  }));

Deno.test("createStaticHandler() answers 405 with Allow when the method is not for files", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.txt`, "a");
    const post = await ask(site.handler(), "/a.txt", [], { method: "POST", content: "x" });
    assertEquals([post.status, post.fields.get("allow")], [405, "GET, HEAD, OPTIONS"]);
    const put = await ask(site.handler({ rules: "course" }), "/a.txt", [], { method: "PUT", content: "x" });
    assertEquals([put.status, put.fields.get("allow")], [405, "GET, HEAD, POST"]);
  }));

for (const size of ["small", "big"] as const) {
  Deno.test(`createStaticHandler() answers conditions and ranges when the file is ${size}`, () =>
    withSite(async (site) => {
      const bytes = pattern(size === "small" ? 1000 : BIG_BYTES);
      const last = bytes.length - 1;
      Deno.writeFileSync(`${site.root}/a.bin`, bytes);
      const handler = site.handler();
      const before = countDescriptors();
      const { etag, modified } = await ask(handler, "/a.bin").then(({ fields }) => ({
        etag: fields.get("etag") ?? "",
        modified: fields.get("last-modified") ?? "",
      }));
      for (const field of [["If-None-Match", etag], ["If-Modified-Since", modified]] as const) {
        const { status, fields, length } = await ask(handler, "/a.bin", [field]);
        assertEquals([status, [...fields], length], [304, [["ETag", etag]], 0], field[0]);
      }
      assertEquals((await ask(handler, "/a.bin", [["If-Match", '"x"']])).status, 412);
      const none = await ask(handler, "/a.bin", [["Range", `bytes=${last + 1}-`]]);
      assertEquals([none.status, none.fields.get("content-range")], [416, `bytes */${last + 1}`]);
      const flood = Array.from({ length: DEFAULT_LIMITS.maxRangeCount + 50 }, (_, i) => `${2 * i}-${2 * i}`).join();
      const parts = await ask(handler, "/a.bin", [["Range", `bytes=${flood}`]]);
      assertEquals([parts.status, parts.text.split("Content-Range: ").length - 1], [206, DEFAULT_LIMITS.maxRangeCount]);

      // RFC 9110 14.2: only GET has ranges.
      for (const range of ["bytes=0-1", `bytes=${last + 1}-`]) {
        const head = await ask(handler, "/a.bin", [["Range", range]], { method: "HEAD" });
        assertEquals([head.status, head.length, head.fields.get("content-range")], [200, last + 1, null]);
      }

      const one = await respond(handler, makeRequest("/a.bin", [["Range", `bytes=500-${last - 1}`]]));
      assertEquals([one.status, one.fields.get("content-range")], [206, `bytes 500-${last - 1}/${last + 1}`]);
      assertEquals(await readAll(one.body), bytes.subarray(500, last));
      await one.body.close();

      const two = await respond(handler, makeRequest("/a.bin", [["Range", "bytes=-1,0-99"]]));
      assertEquals(two.status, 206);
      const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(two.fields.get("content-type") ?? "") ?? [];
      const part = (first: number, last: number) => [
        ...encode(`\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n`),
        ...encode(`Content-Range: bytes ${first}-${last}/${bytes.length}\r\n\r\n`),
        ...bytes.subarray(first, last + 1),
      ];
      const want = new Uint8Array([...part(last, last), ...part(0, 99), ...encode(`\r\n--${boundary}--\r\n`)]);
      assertEquals(await readAll(two.body), want);
      assertEquals(two.body.length, want.length);
      await two.body.close();
      assertEquals(countDescriptors(), before);
    }));
}

Deno.test("createStaticHandler() serves the end of a file when it is longer than 4 GiB", () =>
  withSite(async (site) => {
    const length = 5 * 2 ** 30;
    using file = Deno.openSync(`${site.root}/big.bin`, { write: true, create: true });
    file.truncateSync(length);
    file.seekSync(length - 3, Deno.SeekMode.Start);
    file.writeSync(encode("end"));
    const handler = site.handler();
    assertEquals((await ask(handler, "/big.bin", [], { method: "HEAD" })).length, length);
    const { status, text, fields } = await ask(handler, "/big.bin", [["Range", "bytes=-3"]]);
    assertEquals([status, text, fields.get("content-range")], [
      206,
      "end",
      `bytes ${length - 3}-${length - 1}/${length}`,
    ]);
  }));

Deno.test("createStaticHandler() answers 200 without content when the file is empty", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.txt`, "");
    for (const maxCachedFileBytes of [DEFAULT_LIMITS.maxCachedFileBytes, -1]) {
      const { status, text, length } = await ask(site.handler({ limits: { maxCachedFileBytes } }), "/a.txt");
      assertEquals([status, text, length], [200, "", 0]);
    }
  }));

Deno.test("createStaticHandler() keeps the contents apart when many big files are read at once", () =>
  withSite(async (site) => {
    const handler = site.handler({ limits: { maxFileBufferBytes: 2 ** 20 } });
    const contents = Array.from({ length: 6 }, (_, i) => pattern(700_000 + i, i + 1));
    contents.forEach((bytes, i) => Deno.writeFileSync(`${site.root}/${i}.bin`, bytes));
    const got = await Promise.all(contents.map(async (_, i) => {
      const { body } = await respond(handler, makeRequest(`/${i}.bin`));
      const bytes = await readAll(body);
      await body.close();
      return bytes;
    }));
    for (const [i, bytes] of got.entries()) assertEquals(bytes, contents[i]);
  }));

/** What somebody may do to a file while it is sent; it has BIG_BYTES bytes of pattern 1. */
const CHANGES: readonly { name: string; wholeAfter: boolean; change: (path: string) => void }[] = [
  { name: "cut", wholeAfter: false, change: (path) => Deno.truncateSync(path, BIG_BYTES / 2) },
  { name: "emptied", wholeAfter: false, change: (path) => Deno.truncateSync(path, 0) },
  { name: "grown", wholeAfter: false, change: (path) => Deno.writeFileSync(path, pattern(9), { append: true }) },
  { name: "rewritten", wholeAfter: false, change: (path) => Deno.writeFileSync(path, pattern(BIG_BYTES, 2)) },
  {
    name: "rewritten longer",
    wholeAfter: false,
    change: (path) => Deno.writeFileSync(path, pattern(BIG_BYTES + 9, 2)),
  },
  { name: "removed", wholeAfter: true, change: (path) => Deno.removeSync(path) },
  { name: "renamed", wholeAfter: true, change: (path) => Deno.renameSync(path, `${path}.old`) },
  { name: "closed to all", wholeAfter: true, change: (path) => Deno.chmodSync(path, 0) },
  {
    name: "replaced",
    wholeAfter: true,
    change: (path) => {
      Deno.writeFileSync(`${path}.new`, pattern(BIG_BYTES, 2));
      Deno.renameSync(`${path}.new`, path);
    },
  },
];

for (const { name, wholeAfter, change } of CHANGES) {
  Deno.test(`the body ${wholeAfter ? "is whole" : "throws"} when its file is ${name} while it is sent`, () =>
    withSite(async (site) => {
      const path = `${site.root}/big.bin`;
      const handler = site.handler();
      const whole = pattern(BIG_BYTES, 1);
      Deno.writeFileSync(path, whole);
      // Older than the clock of the file system is coarse.
      Deno.utimeSync(path, 1e9, 1e9);
      await ask(handler, "/missing");
      const before = countDescriptors();
      const { body } = await respond(handler, makeRequest("/big.bin"));
      const chunks = body[Symbol.asyncIterator]();
      let received = 0;
      const accept = (chunk: Uint8Array) => {
        assert(chunk.every((byte, at) => byte === whole[received + at]), `another state from byte ${received} on`);
        received += chunk.length;
      };
      accept((await chunks.next()).value);
      change(path);
      const rest = async () => {
        for (let next = await chunks.next(); !next.done; next = await chunks.next()) accept(next.value);
      };
      if (wholeAfter) await rest();
      else await assertRejects(rest, Error, `"${path}" changed while it was sent`);
      assertEquals(received === BIG_BYTES, wholeAfter);
      await body.close();
      assertEquals(countDescriptors(), before);
    }));
}

Deno.test("the body gives its descriptor back exactly once however it is used", () =>
  withSite(async (site) => {
    Deno.writeFileSync(`${site.root}/big.bin`, pattern(BIG_BYTES));
    const handler = site.handler();
    await ask(handler, "/big.bin");
    const before = countDescriptors();
    const open = async () => {
      const { body } = await respond(handler, makeRequest("/big.bin"));
      assertEquals(countDescriptors(), before + 1);
      return body;
    };
    const never = await open();
    await never.close();
    assertEquals(countDescriptors(), before, "never iterated");
    // A second close must not close a descriptor of the same number that somebody else has got by now.
    const other = await open();
    await never.close();
    assertEquals(countDescriptors(), before + 1);
    assertEquals((await readAll(other)).length, BIG_BYTES);
    assertEquals(countDescriptors(), before, "iterated to the end");
    await other.close();
    const left = await open();
    for await (const _ of left) break;
    assertEquals(countDescriptors(), before, "left early");
    const reading = await open();
    const pending = reading[Symbol.asyncIterator]().next();
    await reading.close();
    await pending;
    assertEquals(countDescriptors(), before, "closed while it was read");
    assertEquals((await readAll(reading)).length, 0);
  }));

Deno.test("createStaticHandler() answers a small file from memory until fileCacheMs is over", () =>
  withSite(async (site) => {
    const path = `${site.root}/a.txt`;
    Deno.writeTextFileSync(path, "old");
    const handler = site.handler();
    const first = await respond(handler, makeRequest("/a.txt"));
    assertEquals(decode(first.body.bytes ?? new Uint8Array()), "old");
    // Of another length: both may be written within one tick of the file system's clock.
    Deno.writeTextFileSync(path, "newer");
    site.nowMs += DEFAULT_LIMITS.fileCacheMs - 1;
    assertEquals((await ask(handler, "/a.txt")).text, "old");
    assert(await respond(handler, makeRequest("/a.txt", [["Host", "a"]])) === first, "a hit makes nothing new");
    site.nowMs += 1;
    const changed = await ask(handler, "/a.txt");
    assertEquals(changed.text, "newer");
    assertNotEquals(changed.fields.get("etag"), first.fields.get("etag"));
    Deno.removeSync(path);
    site.nowMs += DEFAULT_LIMITS.fileCacheMs;
    assertEquals((await ask(handler, "/a.txt")).status, 404);
    site.nowMs -= 1;
    assertEquals((await ask(handler, "/a.txt")).status, 404, "nothing is kept of what is gone");
    Deno.writeTextFileSync(path, "back");
    assertEquals((await ask(handler, "/a.txt")).text, "back", "404 is not remembered");
  }));

Deno.test("createStaticHandler() keeps a file in memory when it is small, or asked for again and not too large", () =>
  withSite(async (site) => {
    const handler = site.handler({ limits: { maxCachedFileBytes: 100_000 } });
    // By request: whether the answer came from memory.
    const cases = [[65_536, [true, true, true]], [100_000, [false, true, true]], [100_001, [
      false,
      false,
      false,
    ]]] as const;
    for (const [length, want] of cases) {
      const content = pattern(length);
      Deno.writeFileSync(`${site.root}/${length}.bin`, content);
      const got: boolean[] = [];
      for (const _ of want) {
        const { body } = await respond(handler, makeRequest(`/${length}.bin`));
        got.push(body.bytes !== undefined);
        assertEquals(await readAll(body), content);
        await body.close();
      }
      assertEquals(got, [...want], `${length} bytes`);
    }
  }));

Deno.test("createStaticHandler() looks at the disk each time, yet reads once, when fileCacheMs is 0", () =>
  withSite(async (site) => {
    const path = `${site.root}/a.txt`;
    Deno.writeTextFileSync(path, "old");
    const handler = site.handler({ limits: { fileCacheMs: 0 } });
    const first = await respond(handler, makeRequest("/a.txt"));
    assert(await respond(handler, makeRequest("/a.txt")) === first);
    // Of another length: both may be written within one tick of the file system's clock.
    Deno.writeTextFileSync(path, "newer");
    assertEquals((await ask(handler, "/a.txt")).text, "newer");
    Deno.chmodSync(path, 0o600);
    assert(await respond(handler, makeRequest("/a.txt")) !== first);
  }));

Deno.test("createStaticHandler() looks at the disk when the clock was set back", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.txt`, "old");
    const handler = site.handler();
    await ask(handler, "/a.txt");
    // Of another length: both may be written within one tick of the file system's clock.
    Deno.writeTextFileSync(`${site.root}/a.txt`, "newer");
    site.nowMs -= 1;
    assertEquals((await ask(handler, "/a.txt")).text, "newer");
  }));

for (const [size, length] of [["small", 1000], ["big", BIG_BYTES]] as const) {
  Deno.test(`createStaticHandler() looks at a ${size} file again when it was young, for its facts prove nothing`, () =>
    withSite(async (site) => {
      const path = `${site.root}/a.bin`;
      const handler = site.handler();
      Deno.writeFileSync(path, pattern(length, 1));
      const { mtime } = Deno.statSync(path);
      assert(mtime !== null);
      site.nowMs = mtime.getTime() + 1;
      const young = (await ask(handler, "/a.bin")).fields.get("etag") ?? "";
      // Of what is small, the tag is of what was sent.
      assertEquals(young.startsWith("W/"), size === "big");
      // As if it had been written twice within one tick of the file system's clock.
      Deno.writeFileSync(path, pattern(length, 2));
      Deno.utimeSync(path, mtime, mtime);
      site.nowMs += DEFAULT_LIMITS.fileCacheMs;
      const response = await respond(handler, makeRequest("/a.bin"));
      assertEquals(await readAll(response.body), pattern(length, 2));
      await response.body.close();
      site.nowMs += 2000;
      const grown = (await ask(handler, "/a.bin")).fields.get("etag") ?? "";
      assertEquals(grown.startsWith("W/"), false);
      // Whoever has the first content is not told that it is the second: RFC 9110 13.1.2 compares weakly.
      const again = await ask(handler, "/a.bin", [["If-None-Match", young]]);
      assertEquals([again.status, again.text === decode(pattern(length, 2))], [200, true]);
      assertEquals((await ask(handler, "/a.bin", [["If-None-Match", grown]])).status, 304);
    }));
}

Deno.test("createStaticHandler() judges a big file by what is open when it has changed since it was looked at", () =>
  withSite(async (site) => {
    const path = `${site.root}/big.bin`;
    Deno.writeFileSync(path, pattern(BIG_BYTES));
    const handler = site.handler();
    const { fields } = await ask(handler, "/big.bin");
    const etag = fields.get("etag") ?? "";
    Deno.writeFileSync(path, pattern(BIG_BYTES + 7, 2));
    const whole = await respond(handler, makeRequest("/big.bin"));
    assertEquals(whole.body.length, BIG_BYTES + 7);
    assertNotEquals(whole.fields.get("etag"), etag);
    assertEquals(await readAll(whole.body), pattern(BIG_BYTES + 7, 2));
    const before = countDescriptors();
    assertEquals((await ask(handler, "/big.bin", [["If-Match", etag]])).status, 412);
    assertEquals((await ask(handler, "/big.bin", [["Range", "bytes=-7"], ["If-Range", etag]])).status, 200);
    assertEquals(countDescriptors(), before);
  }));

Deno.test("createStaticHandler() never mixes two states of a file when it is written while it is read into memory", () =>
  withSite(async (site) => {
    const path = `${site.root}/a.bin`;
    const [old, changed] = [pattern(BIG_BYTES, 1), pattern(BIG_BYTES, 2)];
    Deno.writeFileSync(path, old);
    const handler = site.handler({ limits: { maxCachedFileBytes: BIG_BYTES } });
    await ask(handler, "/a.bin");
    const pending = respond(handler, makeRequest("/a.bin"));
    // The read is under way now, on another thread.
    Deno.writeFileSync(path, changed);
    const { fields, body } = await pending;
    assertEquals(await readAll(body), changed);
    await body.close();
    site.nowMs += DEFAULT_LIMITS.fileCacheMs;
    assertEquals((await ask(handler, "/a.bin")).fields.get("etag"), fields.get("etag"));
  }));

Deno.test("ReadBuffers.lend() gives small buffers when the large ones take all memory, and large ones again after", () => {
  const buffers = new ReadBuffers(2 * ReadBuffers.LARGE_BYTES);
  const lent = Array.from({ length: 3 }, () => buffers.lend(BIG_BYTES));
  const { LARGE_BYTES, SMALL_BYTES } = ReadBuffers;
  assertEquals(lent.map(({ length }) => length), [LARGE_BYTES, LARGE_BYTES, SMALL_BYTES]);
  assertEquals(buffers.lend(100).length, 100);
  for (const buffer of lent) buffers.giveBack(buffer);
  assert(buffers.lend(BIG_BYTES) === lent[1], "one that was given back");
});

Deno.test("createStaticHandler() follows the root anew when it is a symlink that is swapped", () =>
  withSite(async (site) => {
    const current = `${site.outside}/current`;
    for (const name of ["one", "two"]) {
      Deno.mkdirSync(`${site.root}/${name}`);
      Deno.writeTextFileSync(`${site.root}/${name}/a.txt`, name);
    }
    Deno.symlinkSync(`${site.root}/one`, current);
    const handler = site.handler({ root: current });
    assertEquals((await ask(handler, "/a.txt")).text, "one");
    Deno.removeSync(current);
    Deno.symlinkSync(`${site.root}/two`, current);
    site.nowMs += DEFAULT_LIMITS.fileCacheMs;
    assertEquals((await ask(handler, "/a.txt")).text, "two");
  }));

Deno.test("createStaticHandler() drops what is least wanted when the cache is full", () =>
  withSite(async (site) => {
    for (const name of "abc") Deno.writeTextFileSync(`${site.root}/${name}`, name);
    const handler = site.handler({ limits: { maxCachedFileCount: 2 } });
    const [a, b] = [await respond(handler, makeRequest("/a")), await respond(handler, makeRequest("/b"))];
    await respond(handler, makeRequest("/a"));
    await respond(handler, makeRequest("/c"));
    assert(await respond(handler, makeRequest("/a")) === a, "asked for twice");
    assert(await respond(handler, makeRequest("/b")) !== b, "asked for once");
  }));

/** a.css in three codings, each with the name of its coding as content. */
function makeSiblings({ root }: Site): void {
  const names = { "a.css": "plain", "a.css.br": "br", "a.css.zst": "zstd", "a.css.gz": "gzip" };
  for (const [name, content] of Object.entries(names)) Deno.writeTextFileSync(`${root}/${name}`, content);
  for (const name of Object.keys(names)) Deno.utimeSync(`${root}/${name}`, 1_000_000_000, 1_000_000_000);
}

Deno.test("createStaticHandler() serves precompressed siblings by Accept-Encoding", () =>
  withSite(async (site) => {
    makeSiblings(site);
    const handler = site.handler();
    const etags = new Set<string | null>();
    for (const [accept, text] of [["br", "br"], ["zstd", "zstd"], ["gzip", "gzip"], ["identity", "plain"]]) {
      const { status, fields, text: got } = await ask(handler, "/a.css", [["Accept-Encoding", accept]]);
      const coding = text === "plain" ? null : text;
      assertEquals([status, got, fields.get("content-encoding"), fields.get("vary")], [
        ...[200, text, coding, "Accept-Encoding"],
      ]);
      assertEquals(fields.get("content-type"), "text/css; charset=utf-8");
      const etag = fields.get("etag");
      etags.add(etag);
      const again = await ask(handler, "/a.css", [["Accept-Encoding", accept], ["If-None-Match", etag ?? ""]]);
      assertEquals([again.status, [...again.fields]], [304, [["ETag", etag ?? ""], ["Vary", "Accept-Encoding"]]]);
    }
    assertEquals(etags.size, 4);
    assertEquals((await ask(handler, "/a.css")).text, "plain");
    const part = await ask(handler, "/a.css", [["Accept-Encoding", "gzip"], ["Range", "bytes=1-2"]]);
    assertEquals([part.status, part.text, part.fields.get("content-encoding")], [206, "zi", "gzip"]);
    const none = await ask(handler, "/a.css", [["Accept-Encoding", "*;q=0"]]);
    assertEquals([none.status, none.fields.get("vary")], [406, "Accept-Encoding"]);
    const itself = await ask(handler, "/a.css.gz");
    assertEquals([itself.fields.get("content-type"), itself.fields.get("vary")], ["application/gzip", null]);
  }));

Deno.test("createStaticHandler() answers rightly when more values of Accept-Encoding come than it remembers", () =>
  withSite(async (site) => {
    makeSiblings(site);
    const handler = site.handler();
    for (let i = 0; i < 100; i++) {
      assertEquals((await ask(handler, "/a.css", [["Accept-Encoding", `x${i}, gzip`]])).text, "gzip");
      assertEquals((await ask(handler, "/a.css", [["Accept-Encoding", `x${i}`]])).text, "plain");
    }
  }));

interface SiblingCase {
  readonly name: string;
  /** Done when there is no sibling any more. */
  spoil(site: Site): void;
}

const SPOILT_SIBLINGS: readonly SiblingCase[] = [
  { name: "is gone", spoil: () => {} },
  {
    name: "is older",
    spoil: ({ root }) => {
      Deno.writeTextFileSync(`${root}/a.css.br`, "br");
      Deno.utimeSync(`${root}/a.css.br`, 999_999_999, 999_999_999);
    },
  },
  { name: "is a folder", spoil: ({ root }) => Deno.mkdirSync(`${root}/a.css.br`) },
  { name: "is a FIFO", spoil: ({ root }) => run("mkfifo", `${root}/a.css.br`) },
  { name: "leads out", spoil: ({ root }) => Deno.symlinkSync("../outside/secret.txt", `${root}/a.css.br`) },
  { name: "is a loop", spoil: ({ root }) => Deno.symlinkSync("a.css.br", `${root}/a.css.br`) },
];
for (const { name, spoil } of SPOILT_SIBLINGS) {
  Deno.test(`createStaticHandler() serves the file itself when its sibling ${name}`, () =>
    withSite(async (site) => {
      makeSiblings(site);
      const handler = site.handler();
      const accept: readonly Field[] = [["Accept-Encoding", "br"]];
      assertEquals((await ask(handler, "/a.css", accept)).text, "br");
      for (const ending of ["br", "zst", "gz"]) Deno.removeSync(`${site.root}/a.css.${ending}`);
      spoil(site);
      site.nowMs += DEFAULT_LIMITS.fileCacheMs;
      const { text, fields } = await ask(handler, "/a.css", accept);
      assertEquals([text, fields.get("vary"), fields.get("content-encoding")], ["plain", null, null]);
    }));
}

Deno.test("createStaticHandler() notices a sibling that is made later", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/a.css`, "plain");
    const handler = site.handler();
    const accept: readonly Field[] = [["Accept-Encoding", "gzip"]];
    assertEquals((await ask(handler, "/a.css", accept)).fields.get("vary"), null);
    Deno.writeTextFileSync(`${site.root}/a.css.gz`, "gzip");
    site.nowMs += DEFAULT_LIMITS.fileCacheMs;
    assertEquals((await ask(handler, "/a.css", accept)).text, "gzip");
    assertEquals((await ask(handler, "/a.css")).fields.get("vary"), "Accept-Encoding");
  }));

Deno.test("createStaticHandler() lists nothing that is kept for programs, and answers 403 for it", () =>
  withSite(async (site) => {
    for (const folder of ["bin", "bin/deep", "open"]) Deno.mkdirSync(`${site.root}/${folder}`);
    for (const name of ["bin/run", "bin/deep/run", "one", "a.txt", "open/b.sh"]) {
      Deno.writeTextFileSync(`${site.root}/${name}`, "source");
    }
    Deno.symlinkSync("../bin/run", `${site.root}/open/link`);
    Deno.symlinkSync("../bin", `${site.root}/open/folder`);
    const isProgramPlace = (path: string) => path === `${site.root}/one` || `${path}/`.startsWith(`${site.root}/bin/`);
    const isProgram = (path: string) => path.endsWith(".sh") || isProgramPlace(path);
    const programs = { isProgramPlace, isProgram, isBackup: () => false };
    const handler = site.handler({ listing: true, programs });
    const linksOf = async (path: string) =>
      [...(await ask(handler, path)).text.matchAll(/<a href="(?!\?)([^"]+)"/g)].map(([, link]) => link);
    assertEquals(await linksOf("/"), ["open/", "a.txt"]);
    assertEquals(await linksOf("/open/"), ["/", "../", "b.sh"]);
    for (
      const path of ["/bin", "/bin/", "/bin/run", "/bin/deep/", "/one", "/open/link", "/open/folder/", "/open/b.sh"]
    ) {
      assertEquals([path, (await ask(handler, path)).status], [path, 403]);
    }
  }));

Deno.test("createStaticHandler() lists files and folders, and nothing that it would not serve, when listing is on", () =>
  withSite(async (site) => {
    const { root } = site;
    Deno.mkdirSync(`${root}/d/sub`, { recursive: true });
    for (const name of ["b.txt", ".hidden", "<i>&.txt"]) Deno.writeTextFileSync(`${root}/d/${name}`, "12345");
    run("mkfifo", `${root}/d/fifo`);
    const symlinks = { out: "../../outside", dead: "no", loop: "loop", "in.txt": "b.txt", up: "../d/sub" };
    for (const [name, target] of Object.entries(symlinks)) Deno.symlinkSync(target, `${root}/d/${name}`);
    const names = (text: string) => [...text.matchAll(/<td><a href="([^"]*)"/g)].map(([, href]) => href);
    const { status, text, fields, length } = await ask(site.handler({ listing: true }), "/d/");
    assertEquals([status, fields.get("content-type")], [200, "text/html; charset=utf-8"]);
    assertEquals(names(text), ["../", "sub/", "up/", "%3Ci%3E%26.txt", "b.txt", "in.txt"]);
    assertEquals((await ask(site.handler({ listing: true }), "/d/", [], { method: "HEAD" })).length, length);
    const all = await ask(site.handler({ listing: true, servesDotFiles: true }), "/d/");
    assertStringIncludes(all.text, 'href=".hidden"');
    const cut = await ask(site.handler({ listing: true, limits: { maxListedFileCount: 2 } }), "/d/");
    assertEquals(names(cut.text).length, 3);
    assertStringIncludes(cut.text, "first 2 entries");
    for (const [path, want] of [["/no/", 404], ["/d/b.txt/", 404], ["/d/out/", 403], ["/d", 301]] as const) {
      assertEquals((await ask(site.handler({ listing: true }), path)).status, want, path);
    }
  }));

/** Names of a folder, what each is, and whether a request by its name gets more than a refusal. */
const NAMES: readonly (readonly [name: string, isReachable: boolean, kind?: string])[] = [
  ["plain.txt", true],
  ["back\\slash", false],
  ["a%5cb", true],
  ["100%", true],
  ["a?b#c;d&e+f", true],
  ["a\nb", true],
  [" ", true],
  ["caf\u00e9", true],
  ["\ufeffmark", true],
  [".dot", false],
  ["...", false],
  [".well-known", false, "folder"],
  ["folder", true, "folder"],
  ["fol\\der", false, "folder"],
  ["taken", false, "folder"],
  ["run.sh", true, "program"],
  ["run.sh.gz", false],
  ["run.sh.bak", false],
  ["run.sh.bak.gz", false],
  ["other.sh.gz", true],
  ["to-program", false, "to run.sh"],
  ["to-backup", false, "to run.sh.bak"],
  ["to-plain", true, "to plain.txt"],
  ["to-back", true, "to back\\slash"],
  ["to-hidden", true, "to .dot"],
  ["out", false, "to ../../outside/secret.txt"],
  ["nowhere", false, "to nothing"],
  ["closed.txt", false, "closed"],
  ["closed", false, "closed folder"],
  ["unlisted", false, "folder that can only be entered"],
  ["indexed", true, "folder that can only be entered, with an index"],
];

function makeEntry(path: string, kind: string): void {
  if (kind.startsWith("to ")) return Deno.symlinkSync(kind.slice(3), path);
  if (kind.includes("folder")) {
    Deno.mkdirSync(path);
    if (kind.includes("index")) Deno.writeTextFileSync(`${path}/index.html`, "index");
    if (kind.includes("entered")) Deno.chmodSync(path, 0o711);
  } else Deno.writeTextFileSync(path, "content");
  if (kind.includes("closed")) Deno.chmodSync(path, 0);
}

Deno.test({
  name: "createStaticHandler() lists exactly the names that a request can reach",
  // Only root can become somebody else for a moment, to whom something is closed.
  ignore: Deno.uid() !== 0,
  fn: () =>
    withSite(async (site) => {
      for (const folder of [site.root.replace(/\/root$/, ""), site.root]) Deno.chmodSync(folder, 0o755);
      Deno.mkdirSync(`${site.root}/d`);
      for (const [name, , kind = "file"] of NAMES) makeEntry(`${site.root}/d/${name}`, kind);
      const programs = {
        isProgramPlace: () => false,
        isProgram: (path: string) => path.endsWith(".sh"),
        isBackup: (path: string) => path.endsWith(".sh.bak"),
      };
      const handler = site.handler({
        listing: true,
        programs,
        takenNames: ({ segments }: PathPrefix) => segments.join("/") === "d" ? ["taken"] : [],
      });
      assert(process.seteuid !== undefined);
      process.seteuid(65_534);
      try {
        const page = (await ask(handler, "/d/")).text;
        const links = [...page.matchAll(/<td><a href="([^"]+?)\/?"/g)].map(([, link]) => decodeURIComponent(link));
        const reachable = NAMES.filter(([, isReachable]) => isReachable).map(([name]) => name);
        assertEquals(links.filter((name) => name !== "..").toSorted(), reachable.toSorted());
        for (const [name, isReachable, kind = "file"] of NAMES) {
          // By whoever decides about the path before: the reader of the target, the other place, who runs programs.
          if (name.includes("\\") || name === "taken" || kind === "program") continue;
          const { status } = await ask(handler, `/d/${name}${kind.includes("folder") ? "/" : ""}`);
          assertEquals([name, status < 400], [name, isReachable]);
        }
      } finally {
        process.seteuid(0);
      }
    }),
});

Deno.test("createStaticHandler() lists .well-known at the top, for it is served", () =>
  withSite(async (site) => {
    Deno.mkdirSync(`${site.root}/.well-known`);
    const { text } = await ask(site.handler({ listing: true }), "/");
    assertEquals([...text.matchAll(/<td><a href="([^"]+)"/g)].map(([, link]) => link), [".well-known/"]);
  }));

Deno.test("createStaticHandler() lists a folder as it was at most --file-cache-ms ago, and one that has gone never", () =>
  withSite(async (site) => {
    const folder = `${site.root}/d`;
    Deno.mkdirSync(folder);
    const handler = site.handler({ listing: true });
    const names = async () =>
      [...(await ask(handler, "/d/")).text.matchAll(/<td><a href="([^"]*)"/g)].map(([, href]) => href);
    assertEquals(await names(), ["../"]);
    Deno.writeTextFileSync(`${folder}/a.txt`, "a");
    site.nowMs += 999;
    assertEquals(await names(), ["../"]);
    site.nowMs += 1;
    assertEquals(await names(), ["../", "a.txt"]);
    Deno.writeTextFileSync(`${folder}/index.html`, "index");
    assertEquals((await ask(handler, "/d/")).text, "index");
    Deno.removeSync(folder, { recursive: true });
    site.nowMs += 1000;
    assertEquals((await ask(handler, "/d/")).status, 404);
    assertEquals((await ask(handler, "/d/")).status, 404);
  }));

/** What becomes of the folder `d` while it is read, and the status of its listing. */
const FATES: readonly (readonly [fate: string, change: (folder: string) => void, status: number])[] = [
  ["stays", () => {}, 200],
  ["is removed", (folder) => Deno.removeSync(folder, { recursive: true }), 404],
  ["is renamed", (folder) => Deno.renameSync(folder, `${folder}2`), 404],
  ["is replaced", (folder) => {
    Deno.renameSync(folder, `${folder}2`);
    Deno.mkdirSync(folder);
  }, 403],
  ["cannot be read any more", () => {
    throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  }, 403],
  ["is found to be gone", () => {
    throw new Deno.errors.NotFound("No such file or directory (os error 2)");
  }, 404],
];

for (const [fate, change, want] of FATES) {
  Deno.test(`createStaticHandler() answers ${want} when a folder ${fate} while it is read for its listing`, () =>
    withSite(async (site) => {
      const folder = `${site.root}/d`;
      Deno.mkdirSync(folder);
      for (const name of ["a.txt", "b.txt"]) Deno.writeTextFileSync(`${folder}/${name}`, name);
      const readNames = async function* () {
        yield await Promise.resolve(["a.txt"]);
        change(folder);
        yield ["b.txt"];
      };
      const answer = await ask(site.handler({ listing: true, readNames }), "/d/");
      assertEquals(answer.status, want);
      assertEquals(answer.text.includes("</html>"), want === 200);
    }));
}

Deno.test("createStaticHandler() serves dot files when it is told to, and still no dot segments", () =>
  withSite(async (site) => {
    Deno.writeTextFileSync(`${site.root}/.env`, "shown");
    const handler = site.handler({ servesDotFiles: true });
    assertEquals((await ask(handler, "/.env")).text, "shown");
    for (const path of ["/./.env", "/../outside/secret.txt", "/d/.."]) {
      assertEquals((await ask(handler, path)).status, 404, path);
    }
  }));
