/** What rows may ask servers to be started with: pure. Who can do what stands in peers.ts. */

/**
 * What a row may ask a server to be started with beyond static files over HTTP. "both_cores": it shares them with the load;
 * "workers": it has two; "http2": it speaks that beside HTTP/1.1; "many_places": lisod has a thousand sites and ten thousand places, and to the others it means nothing; "status": lisod shows its status; "warm": lisod keeps its programs warm, and the blog makes its pages anew; "forward": it hands what is below /forward/ on to an nginx of the bench's; "php": it has php-fpm run .php; "gzip": it compresses text, or has it compressed on its disk; "websocket": it hands /socket on to a WebSocket server of the bench's; "native_off": lisod calls no C library, and to the others it means nothing; "many_files": the site has folders of up to 100,000 files; "many_scripts": 256 run at once; "many_open": 10,000 connections stay open, for which a server that other rows share is not used.
 */
export type Switch =
  | "access_log"
  | "tls"
  | "http2"
  | "cgi"
  | "blog"
  | "both_cores"
  | "workers"
  | "native_off"
  | "many_places"
  | "status"
  | "warm"
  | "forward"
  | "php"
  | "gzip"
  | "websocket"
  | "many_files"
  | "many_scripts"
  | "many_open";

/** Switches by the options that `lisod --help` must show before a row that needs them is measured. */
const LISOD_OPTIONS: Readonly<Record<Switch, readonly string[]>> = {
  access_log: ["--log"],
  tls: ["--https", "--key", "--certificate"],
  http2: ["--http2"],
  cgi: ["--cgi"],
  blog: ["--cgi-env"],
  both_cores: [],
  workers: ["--workers"],
  native_off: ["--native"],
  many_places: ["--include"],
  status: ["--status"],
  warm: ["--cgi-warm"],
  forward: ["--forward"],
  php: ["--cgi-handler"],
  gzip: ["--compress"],
  websocket: ["--websocket"],
  many_files: [],
  many_scripts: ["--cgi-max"],
  many_open: [],
};

/** What a lisod whose `--help` prints `help` can be asked for. */
export function lisodSwitches(help: string): ReadonlySet<Switch> {
  const shown = new Set(help.match(/--[a-z2-]+/g) ?? []);
  const all = Object.keys(LISOD_OPTIONS) as readonly Switch[];
  return new Set(all.filter((name) => LISOD_OPTIONS[name].every((option) => shown.has(option))));
}
