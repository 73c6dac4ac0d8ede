import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../start_error.ts";
import { readMounts } from "./mounts_config.ts";
import { Settings } from "./settings.ts";

function read(given: Readonly<Record<string, readonly string[]>>, place: readonly string[] | null = null) {
  const settings = Object.entries(given).map(([name, texts]) => {
    return [name, texts.map((text) => ({ label: `--${name}`, text, folder: "/home" }))] as const;
  });
  const prefix = place === null ? null : { segments: place };
  return readMounts(new Settings(new Map(settings)), { place: prefix, requiresProgram: false })
    .map(({ prefix, source }) => {
      const at = `/${prefix.segments.join("/")}`;
      if (source.kind === "redirect") return `${at} ${source.redirect.status} ${source.redirect.base}`;
      if (source.kind === "forward") return `${source.path.argument} ${at} forward ${source.group.text}`;
      if (source.kind === "status") return `${source.path.argument} ${at} status`;
      const { kind, path, isRequired, webSocket } = source;
      const { framing, allowsAnyOrigin } = webSocket ?? {};
      const talks = webSocket === undefined ? "" : `, ${framing}${allowsAnyOrigin ? ", any origin" : ""}`;
      return `${path.argument} ${at} ${kind} ${path.value}${isRequired ? "" : ", if there"}${talks}`;
    });
}

const MOUNTED: readonly (readonly [given: Parameters<typeof read>[0], want: readonly string[]])[] = [
  [{}, []],
  [{ root: ["www"] }, ["--root / files /home/www"]],
  [{ cgi: ["bin"] }, ["--cgi /cgi programs /home/bin, if there"]],
  [{ cgi: ["bin"], "cgi-prefix": ["/a/b/"] }, ["--cgi /a/b programs /home/bin, if there"]],
  [{ cgi: ["bin"], "cgi-prefix": ["/"] }, ["--cgi / programs /home/bin, if there"]],
  [
    { forward: ["/app/=fastcgi:127.0.0.1:9000", "/=fastcgi:unix:/run/a=b.sock"] },
    ["--forward /app forward fastcgi:127.0.0.1:9000", "--forward / forward fastcgi:unix:/run/a=b.sock"],
  ],
  [{ root: ["www"], status: ["/status/"] }, ["--root / files /home/www", "--status /status status"]],
  [
    { websocket: ["/a=b", "/c/=binary /d e", "/f=any-origin  binary g=h", "/i=./binary"] },
    [
      "--websocket /a programs /home/b, text",
      "--websocket /c programs /d e, binary",
      "--websocket /f programs /home/g=h, binary, any origin",
      "--websocket /i programs /home/binary, text",
    ],
  ],
  [{ redirect: ["/a/=/b", "/c=308 https://d/c"] }, ["/a 301 /b", "/c 308 https://d/c"]],
  [
    { alias: ["/icons/=/usr/share/icons", "/a/b=docs=x"], "script-alias": ["/cgi-bin=/usr/lib/cgi-bin"] },
    [
      "--alias /icons files /usr/share/icons",
      "--alias /a/b files /home/docs=x",
      "--script-alias /cgi-bin programs /usr/lib/cgi-bin",
    ],
  ],
];

for (const [given, want] of MOUNTED) {
  Deno.test(`readMounts() mounts ${JSON.stringify(given)}`, () => assertEquals(read(given), want));
}

Deno.test("readMounts() mounts what a place says at its prefix", () => {
  assertEquals(read({ root: ["www"] }, ["a", "b"]), ["--root /a/b files /home/www"]);
  assertEquals(read({ cgi: ["bin"] }, ["a"]), ["--cgi /a programs /home/bin"]);
  assertEquals(read({ redirect: ["302 /b"] }, ["a"]), ["/a 302 /b"]);
  assertEquals(read({ forward: ["fastcgi:a:1"] }, ["a"]), ["--forward /a forward fastcgi:a:1"]);
  assertThrows(
    () => read({ forward: ["fastcgi:a:1", "fastcgi:a:2"] }, ["a"]),
    UsageError,
    "name several upstreams in one",
  );
  for (const text of ["/a=fastcgi:a:1", "fastcgi:a", "/usr/bin/php-cgi"]) {
    assertThrows(() => read({ forward: [text] }, ["a"]), UsageError, `--forward "${text}": not an upstream`);
  }
  assertEquals(read({ websocket: ["binary b"] }, ["a"]), ["--websocket /a programs /home/b, binary"]);
  assertThrows(() => read({ websocket: ["b", "c"] }, ["a"]), UsageError, "a place has one program");
  for (const [name, text] of [["root", "www"], ["redirect", "/b"], ["forward", "fastcgi:a:1"], ["websocket", "b"]]) {
    assertThrows(
      () => read({ cgi: ["bin"], [name]: [text] }, ["a"]),
      UsageError,
      "a place is files, programs, a redirect, an upstream, a WebSocket program or the status",
    );
  }
  assertEquals(read({ status: ["on"] }, ["a"]), ["--status /a status"]);
  assertThrows(() => read({ status: ["/a/"] }, ["a"]), UsageError, `--status "/a/": unknown: give on`);
  assertThrows(() => read({ redirect: ["/b", "/c"] }, ["a"]), UsageError, "a place moves to one other");
  for (const text of ["/a", "/a/b", "b", "304 /b"]) {
    assertThrows(() => read({ redirect: [text] }, ["a"]), UsageError, `--redirect "${text}": not where it has moved`);
  }
});

const REFUSED: readonly (readonly [name: string, texts: readonly string[], others?: Parameters<typeof read>[0]])[] = [
  ...["icons=/x", "/icons", "/icons=", "/a//b=/x", "/a%20b=/x", "/..=/x", "/a?=/x", "/=/x"].map((text) => {
    return ["alias", [text]] as const;
  }),
  ["alias", ["/a=/x", "/a/=/y"]],
  ["script-alias", ["/cgi/=/x"], { cgi: ["bin"] }],
  ["script-alias", ["/a/=/x"], { alias: ["/a=/y"] }],
  ...["/a", "/a=", "/a=b", "a=/b", "/a%20=/b", "/a=304 /b", "/a=/a", "/a=/a/b", "/a=//b", "/=/x"].map((text) => {
    return ["redirect", [text]] as const;
  }),
  ["redirect", ["/a=/x", "/a/=/y"]],
  ...["/a", "/a=", "/a=fastcgi:b", "a=fastcgi:b:1", "/a//b=fastcgi:b:1", "fastcgi:b:1"].map((text) => {
    return ["forward", [text]] as const;
  }),
  ["forward", ["/a=fastcgi:b:1", "/a/=fastcgi:b:2"]],
  ...["status", "/", "/a//b", "/a?b", "on"].map((text) => ["status", [text], { root: ["www"] }] as const),
  ["status", ["/a/"], { alias: ["/a=/y"] }],
  ["forward", ["/=fastcgi:b:1"], { root: ["www"] }],
  ["forward", ["/a=fastcgi:b:1"], { alias: ["/a=/y"] }],
  ...["/a", "/a=", "a=/b", "/a//b=/c", "/=/x"].map((text) => {
    return ["websocket", [text]] as const;
  }),
  ["websocket", ["/a=/x", "/a/=/y"]],
  ["websocket", ["/a=/x"], { forward: ["/a=http://b/"] }],
  ...["cgi", "/cgi//x", "/../x", "/.", "//cgi", "/cgi//", "/a?b", "/a%20b"].map((text) => {
    return ["cgi-prefix", [text], { cgi: ["bin"] }] as const;
  }),
];

for (const [name, texts, others = {}] of REFUSED) {
  Deno.test(`readMounts() refuses --${name} ${texts.join(" and ")} beside ${Object.keys(others).join() || "nothing"}`, () => {
    assertThrows(() => read({ ...others, [name]: texts }), UsageError, `--${name} "${texts.at(-1)}"`);
  });
}

Deno.test("readMounts() says of an upstream by HTTPS, or by no protocol, what it may be", () => {
  const tls = "upstreams are not spoken to over TLS: give http:// where the way to it is safe, else let a program";
  const accepted = "give fastcgi:unix:/run/php/php-fpm.sock, scgi:127.0.0.1:9000 or http://127.0.0.1:3000/";
  const rows: readonly (readonly [upstream: string, want: string])[] = [
    ["https://host", tls],
    ["http://a/,https://b/", tls],
    ["gopher://host", `"gopher" is no protocol of upstreams: ${accepted}`],
    ["127.0.0.1:3000", `not an upstream, which begins with its protocol: ${accepted}`],
  ];
  for (const [upstream, want] of rows) {
    assertThrows(() => read({ forward: [`/=${upstream}`] }), UsageError, `--forward "/=${upstream}": ${want}`);
    assertThrows(() => read({ forward: [upstream] }, ["a"]), UsageError, `--forward "${upstream}": ${want}`);
  }
});
