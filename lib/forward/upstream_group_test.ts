import { assertEquals } from "@std/assert";
import { groupFault, parseUpstreamGroup } from "./upstream_group.ts";

function read(text: string): string {
  const group = parseUpstreamGroup(text);
  if (group === null) return "null";
  const { members, protocol, balance, host, checkTarget, tellsProxy } = group;
  const names = members.map(({ upstream, isBackup }) => (isBackup ? "backup " : "") + upstream.text).join(" | ");
  return [names, protocol, balance, host, checkTarget ?? "no check", ...(tellsProxy ? ["proxy"] : [])].join("; ");
}

Deno.test("parseUpstreamGroup() takes one or several upstreams, and words behind them", () => {
  const rows: readonly (readonly [text: string, want: string])[] = [
    ["http://a/", "http://a/; http; least; client; no check"],
    ["http://a/,http://b:81/x,y", "http://a/ | http://b:81/x,y; http; least; client; no check"],
    ["http://a/,backup:http://b/ balance=client", "http://a/ | backup http://b/; http; client; client; no check"],
    [
      "backup:http:unix:/run/a,b.sock,http://[::1]:80/  balance=round host=upstream check=/up?x=1 proxy=v2 ",
      "backup http:unix:/run/a,b.sock | http://[::1]:80/; http; round; upstream; /up?x=1; proxy",
    ],
    [
      "fastcgi:a:1,fastcgi:unix:/run/x balance=least",
      "fastcgi:a:1 | fastcgi:unix:/run/x; fastcgi; least; client; no check",
    ],
    ["scgi:a:1 balance=round", "scgi:a:1; scgi; round; client; no check"],
    ["fastcgi:unix:/run/a b.sock balance=round", "fastcgi:unix:/run/a b.sock; fastcgi; round; client; no check"],
  ];
  for (const [text, want] of rows) assertEquals(read(text), want, text);
});

Deno.test("parseUpstreamGroup() gives null for anything else", () => {
  const texts = [
    ...[
      "",
      " ",
      "balance=round",
      "http://a/,",
      ",http://a/",
      "http://a/, http://b/",
      "http://a/ http://b/",
      "http://a/,https://b/",
      "https://a/,http://b/",
    ],
    ...["http://a/,fastcgi:a:1", "http://a/,http://a/", "backup:http://a/", "backup:http://a/,backup:http://b/"],
    ...[
      "http://a/ balance=",
      "http://a/ balance=random",
      "http://a/ balance=round balance=round",
      "http://a/ weight=2",
    ],
    ...[
      "http://a/ host=other",
      "http://a/ check=up",
      "http://a/ check=/a#b",
      "http://a/ proxy=v1",
      "http://a/ balance",
    ],
    ...[
      "fastcgi:a:1 check=/",
      "scgi:a:1 host=upstream",
      "fastcgi:a:1 proxy=v2",
      "http://a/ BALANCE=round",
      "http://a/ toString=x",
    ],
  ];
  for (const text of texts) assertEquals(read(text), "null", text);
});

Deno.test("groupFault() finds the first upstream without a protocol of upstreams", () => {
  const tls = "upstreams are not spoken to over TLS";
  for (const text of ["https://a/", "http://a/,https://b/", "http://a/,backup:https://b/ balance=round"]) {
    assertEquals(groupFault(text)?.problem, tls, text);
  }
  for (const text of ["http://a/ balance=random", "http://a/,fastcgi:a:1"]) assertEquals(groupFault(text), null, text);
});
