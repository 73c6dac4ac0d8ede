import { assertEquals } from "@std/assert";
import { parseUpstream } from "./upstream.ts";

Deno.test("parseUpstream() takes sockets by path, and by host and port", () => {
  const rows: readonly (readonly [text: string, address: unknown])[] = [
    ["fastcgi:unix:/run/php/php-fpm.sock", { transport: "unix", path: "/run/php/php-fpm.sock" }],
    ["fastcgi:127.0.0.1:9000", { transport: "tcp", hostname: "127.0.0.1", port: 9000 }],
    ["fastcgi:[::1]:9000", { transport: "tcp", hostname: "::1", port: 9000 }],
    ["fastcgi:app.example.org:65535", { transport: "tcp", hostname: "app.example.org", port: 65_535 }],
  ];
  for (const [text, address] of rows) {
    assertEquals(parseUpstream(text), { protocol: "fastcgi", address, text });
    const scgi = text.replace("fastcgi", "scgi");
    assertEquals(parseUpstream(scgi), { protocol: "scgi", address, text: scgi });
  }
});

Deno.test("parseUpstream() gives null for anything else", () => {
  const texts = [
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
