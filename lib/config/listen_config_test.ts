import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../start_error.ts";
import { type ListenConfig, readListenConfig, refuseTwice } from "./listen_config.ts";
import { Settings } from "./settings.ts";

/** Of options `NAME=VALUE` in /srv; `handed`: LISTEN_FDS and LISTEN_FDNAMES. */
function listenConfigOf(options: readonly string[], handed: readonly string[] = []): ListenConfig {
  const given = options.map((option) => {
    const [name, text] = [option.replace(/=.*$/s, ""), option.replace(/^[^=]*=/s, "")];
    return { name, setting: { label: `--${name}`, text, folder: "/srv" } };
  });
  const byName = new Map(
    [...Map.groupBy(given, ({ name }) => name)].map(([name, all]) => [name, all.map(({ setting }) => setting)]),
  );
  const [LISTEN_FDS, LISTEN_FDNAMES] = handed;
  const config = readListenConfig(new Settings(byName), { LISTEN_FDS, LISTEN_FDNAMES });
  refuseTwice(config);
  return config;
}

/** In some words each: `http * 8080`, `unix /run/a 660 www-data:adm`, `handed 3 http`. */
function wordsOf({ http, https, socketFiles, handedSockets }: ListenConfig): readonly string[] {
  return [
    ...http.map(({ hostname, port }) => `http ${hostname ?? "*"} ${port}`),
    ...https.map(({ hostname, port }) => `https ${hostname ?? "*"} ${port}`),
    ...socketFiles.map(({ path, mode, owner, group }) => {
      return `unix ${path} ${mode.toString(8)} ${owner?.value ?? "-"}:${group?.value ?? "-"}`;
    }),
    ...handedSockets.map(({ descriptor, name }) => `handed ${descriptor} ${name}`),
  ];
}

Deno.test("readListenConfig() says where to listen", () => {
  const table: readonly (readonly [options: readonly string[], want: readonly string[]])[] = [
    [[], ["http * 8080"]],
    [["http=80"], ["http * 80"]],
    [["https=443"], ["https * 443"]],
    [["listen=192.0.2.1", "listen=::1", "http=80", "https=443"], [
      ...["http 192.0.2.1 80", "http ::1 80", "https 192.0.2.1 443", "https ::1 443"],
    ]],
    [["listen=[::1]"], ["http ::1 8080"]],
    [["listen=localhost"], ["http localhost 8080"]],
    [["listen=fe80::1%eth0"], ["http fe80::1%eth0 8080"]],
    // What has a port of its own stands by itself.
    [["listen=localhost:81"], ["http localhost 81"]],
    [["listen=81"], ["http * 81"]],
    [["listen=http:81"], ["http * 81"]],
    [["listen=*:81"], ["http * 81"]],
    [["listen=https:*:444"], ["https * 444"]],
    [["listen=https:[::1]:444", "https=443"], ["https * 443", "https ::1 444"]],
    [["listen=http:[2001:db8::1]:0", "listen=[2001:db8::1]:0"], ["http 2001:db8::1 0", "http 2001:db8::1 0"]],
    [["listen=127.0.0.1:81", "http=80"], ["http * 80", "http 127.0.0.1 81"]],
    [["listen=127.0.0.1:81", "listen=192.0.2.1"], ["http 192.0.2.1 8080", "http 127.0.0.1 81"]],
    [["listen=unix:/run/a"], ["unix /run/a 660 -:-"]],
    [["listen=http:unix:a", "http=80"], ["http * 80", "unix /srv/a 660 -:-"]],
    [["listen=unix:/run/a:0666"], ["unix /run/a 666 -:-"]],
    [["listen=unix:/run/a:600:www-data"], ["unix /run/a 600 www-data:-"]],
    [["listen=unix:/run/a:0660::adm"], ["unix /run/a 660 -:adm"]],
    [["listen=unix:/run/a:0660:www-data:adm"], ["unix /run/a 660 www-data:adm"]],
    [["listen=unix:/run/a:b"], ["unix /run/a:b 660 -:-"]],
  ];
  for (const [options, want] of table) assertEquals(wordsOf(listenConfigOf(options)), want, options.join(" "));
});

Deno.test("readListenConfig() takes the sockets that were handed over in place of the port of --http", () => {
  const table: readonly (readonly [options: readonly string[], handed: readonly string[], want: readonly string[]])[] =
    [
      [[], ["1", "http"], ["handed 3 http"]],
      [["http=80", "https=443"], ["2", "http:lisod.socket"], ["https * 443", "handed 3 http", "handed 4 lisod.socket"]],
      [["listen=81"], ["1"], ["http * 81", "handed 3 "]],
      [["http=80"], ["0"], ["http * 80"]],
      [["http=80"], ["x", "http"], ["http * 80"]],
    ];
  for (const [options, handed, want] of table) {
    assertEquals(wordsOf(listenConfigOf(options, handed)), want, [...options, ...handed].join(" "));
  }
});

Deno.test("readListenConfig() refuses what is no place to listen at", () => {
  const table: readonly (readonly [options: readonly string[], want: string])[] = [
    [["listen=localhost:http"], '--listen "localhost:http": neither an address'],
    [["listen=http:127.0.0.1"], '--listen "http:127.0.0.1": neither an address'],
    [["listen=[::1"], '--listen "[::1": neither an address'],
    [["listen=127.0.0.1:65536"], '--listen "127.0.0.1:65536": neither an address'],
    [["listen=unix:"], '--listen "unix:": neither an address'],
    [["listen=unix:/run/"], '--listen "unix:/run/": neither an address'],
    [["listen=unix:/a\0b"], '--listen "unix:/a\\u0000b": neither an address'],
    [["listen=https:unix:/run/a"], '--listen "https:unix:/run/a": the runtime speaks TLS on ports alone'],
    [[`listen=unix:/${"a".repeat(99)}`], `its path has more than 99 bytes`],
    [["http=80", "listen=*:80"], '--listen "*:80": already listened on by --http'],
    [["listen=127.0.0.1:80", "listen=https:127.0.0.1:80"], "already listened on by --listen"],
    [["listen=unix:/a", "listen=unix:/b/../a:0600"], '--listen "/a": already listened on by --listen'],
  ];
  for (const [options, want] of table) assertThrows(() => listenConfigOf(options), UsageError, want);
  assertThrows(() => listenConfigOf([], ["2", "http:https"]), UsageError, "the runtime cannot speak TLS on a socket");
});
