import { assertEquals } from "@std/assert";
import { parseUpstream, protocolFault } from "./upstream.ts";

Deno.test("parseUpstream() takes sockets by path, and by host and port", () => {
  const rows: readonly (readonly [text: string, address: unknown])[] = [
    ["fastcgi:unix:/run/php/php-fpm.sock", { transport: "unix", path: "/run/php/php-fpm.sock" }],
    ["fastcgi:127.0.0.1:9000", { transport: "tcp", hostname: "127.0.0.1", port: 9000 }],
    ["fastcgi:[::1]:9000", { transport: "tcp", hostname: "::1", port: 9000 }],
    ["fastcgi:app.example.org:65535", { transport: "tcp", hostname: "app.example.org", port: 65_535 }],
  ];
  for (const [text, address] of rows) {
    assertEquals(parseUpstream(text), { protocol: "fastcgi", address, basePath: "", text });
    const scgi = text.replace("fastcgi", "scgi");
    assertEquals(parseUpstream(scgi), { protocol: "scgi", address, basePath: "", text: scgi });
  }
});

Deno.test("parseUpstream() takes HTTP with a path before the rest, and on a socket", () => {
  const tcp = (hostname: string, port: number) => ({ transport: "tcp", hostname, port });
  const rows: readonly (readonly [text: string, address: unknown, basePath: string])[] = [
    ["http://127.0.0.1:3000", tcp("127.0.0.1", 3000), ""],
    ["http://127.0.0.1:3000/", tcp("127.0.0.1", 3000), ""],
    ["http://[::1]:3000/a/b%20c/", tcp("::1", 3000), "/a/b%20c"],
    ["http://app.example.org/a", tcp("app.example.org", 80), "/a"],
    ["http://[::1]/", tcp("::1", 80), ""],
    ["http:unix:/run/a.sock", { transport: "unix", path: "/run/a.sock" }, ""],
  ];
  for (const [text, address, basePath] of rows) {
    assertEquals(parseUpstream(text), { protocol: "http", address, basePath, text });
  }
});

Deno.test("parseUpstream() gives null for anything else", () => {
  const texts = [
    ...[
      "http://",
      "http:///a",
      "http://a:0/",
      "http://a:1/?q",
      "http://a:1/#f",
      "http://a:1/ b",
      "http://u@a:1/",
      "https://a:1/",
    ],
    ...["http:unix:a", "http://::1/", "http://a:1\\b"],
    ...["", "fastcgi", "fastcgi:", "fastcgi:unix:", "fastcgi:unix:run/x", "fastcgi:unix:/", "fastcgi:unix:/a\0b"],
    ...["fastcgi:127.0.0.1", "fastcgi:127.0.0.1:0", "fastcgi:127.0.0.1:65536", "fastcgi:::1:9000", "fastcgi:[x]:1"],
    ...[
      "fastcgi:a b:1",
      "fastcgi:a:1/",
      "FASTCGI:a:1",
      "/usr/bin/php-cgi",
      "http:a:1",
      `fastcgi:unix:/${"x".repeat(107)}`,
    ],
  ];
  assertEquals(texts.filter((text) => parseUpstream(text) !== null), []);
});

Deno.test("protocolFault() says what a text without a protocol of upstreams lacks, and nothing of others", () => {
  const missing = "not an upstream, which begins with its protocol";
  const rows: readonly (readonly [text: string, problem: string | null])[] = [
    ["https://host", "upstreams are not spoken to over TLS"],
    ["HTTPS://host:8443/a", "upstreams are not spoken to over TLS"],
    ["ws://host/", '"ws" is no protocol of upstreams'],
    ["HTTP://host/", '"HTTP" is no protocol of upstreams'],
    ["uwsgi:127.0.0.1:3031", '"uwsgi" is no protocol of upstreams'],
    ...["", "host", "host/", "localhost:3000", "127.0.0.1:3000/a", "[::1]:3000", "//host", "unix:/run/a.sock"]
      .map((text) => [text, missing] as const),
    ...["http://host/", "http://", "http:host", "fastcgi:", "scgi:a"].map((text) => [text, null] as const),
  ];
  for (const [text, problem] of rows) assertEquals(protocolFault(text)?.problem ?? null, problem, text);
});
