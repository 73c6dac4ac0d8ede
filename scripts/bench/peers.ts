/**
 * The servers of the bench: what each is, needs and is started with. Their configuration files stand in conf/.
 */
import { RUNTIME_ENVIRONMENT } from "../../lib/process/daemon.ts";
import { LIGHTTPD_DEFLATE, LIGHTTPD_TLS, UWSGI_PYTHON } from "./packages.ts";
import type { Switch } from "./switches.ts";

export type PeerName =
  | "lisod"
  | "lisod-before"
  | "lisod-plain"
  | "nginx"
  | "nginx-tuned"
  | "nginx-gzip"
  | "haproxy"
  | "lighttpd"
  | "apache"
  | "gunicorn"
  | "uwsgi"
  | "deno-serve"
  | "bare-loop";

/** That run at once where a row asks for many. */
const MOST_SCRIPTS = 256;

/** Where a server runs and what it is given; all paths are absolute. */
export interface Place {
  /** The server's own folder for configuration, pid, sockets and logs. */
  readonly folder: string;
  /** The folder that holds the site: www/, cgi/ and the certificate. */
  readonly site: string;
  readonly root: string;
  readonly certificate: string;
  readonly key: string;
  readonly log: string;
  readonly configuration: string;
  /** Of a FastCGI helper. */
  readonly socket: string;
  /** Of the HTTP upstream, of php-fpm and of the WebSocket server: they run beside the load, and are nobody's. */
  readonly upstreamPort: number;
  readonly phpSocket: string;
  readonly websocketPort: number;
  /** The blog's own; whoever runs the scripts can make it. */
  readonly blogData: string;
  readonly httpPort: number;
  /** For HTTP/2 in cleartext, of those that speak nothing else on its port. */
  readonly clearHttp2Port: number;
  readonly httpsPort: number;
  readonly switches: ReadonlySet<Switch>;
}

/** `Name`: text for a server that is no part of the bench. */
export interface Peer<Name extends string = PeerName> {
  readonly name: Name;
  /** As the report calls it. */
  readonly title: string;
  /** Prints the version; its standard output or error is kept. */
  readonly versionCommand: readonly string[];
  readonly supports: ReadonlySet<Switch>;
  /** What must be installed beside it for a switch, for ensurePrograms(). */
  readonly needs: Partial<Readonly<Record<Switch, readonly string[]>>>;
  /** File name in conf/; null when everything stands in the command. */
  readonly template: string | null;
  /** Switches of the template that are always on. */
  readonly always: readonly string[];
  /** Whether it speaks HTTP/2 in cleartext on a port of its own alone, and not beside HTTP/1.1. */
  readonly hasClearHttp2Port: boolean;
  /** The server in the foreground. */
  command(place: Place): readonly string[];
  /** A process that the server needs beside it; null when there is none. */
  helper(place: Place): readonly string[] | null;
}

/** A binary of the server under test. */
export interface LisodBinary {
  readonly name: "lisod" | "lisod-before" | "lisod-plain";
  readonly path: string;
  /** What its `--help` shows, see lisodSwitches(). */
  readonly supports: ReadonlySet<Switch>;
}

/** The server under test, or an earlier build of it to compare with. */
export function lisodPeer({ name, path, supports }: LisodBinary): Peer {
  return {
    name,
    title: TITLES[name],
    versionCommand: [path, "--version"],
    supports,
    needs: {},
    template: null,
    always: [],
    hasClearHttp2Port: false,
    command: (place) => ["env", ...RUNTIME_VARIABLES, path, ...lisodArguments(place, name === "lisod-plain")],
    helper: () => null,
  };
}

const TITLES: Readonly<Record<LisodBinary["name"], string>> = {
  "lisod": "lisod",
  "lisod-before": "lisod before",
  "lisod-plain": "lisod, plain",
};

/** As a daemon and the service have them. */
const RUNTIME_VARIABLES = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);

/** `isPlain`: without what a row is about. */
function lisodArguments(place: Place, isPlain: boolean): readonly string[] {
  const { switches } = place;
  return [
    ...["--foreground", "--listen", "127.0.0.1", "--root", place.root],
    ...["--http", String(place.httpPort), "--log", place.log],
    // All clients of the bench have one address; the idle ones are up to 10,000, beside 64.
    ...["--max-per-address", "12000", "--max-connection-count", "12000"],
    ...(switches.has("access_log") ? [] : ["--access-log", "off"]),
    ...(switches.has("tls") ? ["--https", String(place.httpsPort)] : []),
    ...(switches.has("tls") ? ["--key", place.key, "--certificate", place.certificate] : []),
    ...(switches.has("cgi") ? ["--cgi", `${place.site}/cgi`] : []),
    ...(switches.has("blog") ? ["--cgi-env", "BLOG_DEMO=1", "--cgi-env", `BLOG_DATA=${place.blogData}`] : []),
    ...(switches.has("workers") ? ["--workers", "2"] : []),
    ...(!isPlain && switches.has("status") ? ["--status", "/status/"] : []),
    ...(!isPlain && switches.has("many_places") ? ["--config", `${place.site}/places.conf`] : []),
    ...(isPlain && switches.has("http2") ? ["--http2", "off"] : []),
    ...(switches.has("native_off") ? ["--native", "off"] : []),
    ...(switches.has("warm") ? ["--cgi-warm", "on", "--cgi-env", "BLOG_FULL_IMPORTS=1"] : []),
    ...(switches.has("warm") ? ["--cgi-env", "BLOG_KEEP_PAGES=0"] : []),
    ...(switches.has("forward") ? ["--forward", `/forward=http://127.0.0.1:${place.upstreamPort}/`] : []),
    ...(switches.has("php") ? ["--cgi-handler", `.php=fastcgi:unix:${place.phpSocket}`] : []),
    ...(switches.has("websocket") ? ["--forward", `/socket=http://127.0.0.1:${place.websocketPort}/socket`] : []),
    ...(switches.has("many_scripts") ? ["--cgi-max", String(MOST_SCRIPTS), "--script-share-percent", "100"] : []),
    ...(switches.has("gzip") ? ["--compress", switches.has("cgi") ? "all" : "static"] : []),
  ];
}

const NGINX: Peer = {
  name: "nginx",
  title: "nginx",
  versionCommand: ["nginx", "-v"],
  supports: new Set([
    ...["access_log", "tls", "http2", "cgi", "blog", "both_cores", "workers", "native_off", "forward", "php"] as const,
    ...["gzip", "websocket", "many_files", "many_scripts", "many_open"] as const,
  ]),
  needs: { cgi: ["fcgiwrap"] },
  template: "nginx.conf",
  always: [],
  hasClearHttp2Port: true,
  command: (place) => ["nginx", "-c", place.configuration, "-e", `${place.folder}/nginx.error.log`],
  helper: ({ socket, switches }) => {
    const processes = String(switches.has("many_scripts") ? MOST_SCRIPTS : 32);
    return switches.has("cgi") ? ["fcgiwrap", "-c", processes, "-s", `unix:${socket}`] : null;
  },
};

/** Everybody but lisod. */
export function listPeers(): readonly Peer[] {
  return [
    NGINX,
    {
      ...NGINX,
      name: "nginx-tuned",
      title: "nginx, tuned",
      supports: new Set(["access_log", "both_cores", "workers"]),
      always: ["tuned"],
    },
    {
      ...NGINX,
      name: "nginx-gzip",
      title: "nginx, gzip on",
      supports: new Set(["gzip"]),
      always: ["gzip_on"],
    },
    HAPROXY,
    LIGHTTPD,
    APACHE,
    keptPeer("gunicorn", (socket, folder) => ["-w", "2", "--chdir", folder, "-b", `unix:${socket}`, "applications"]),
    keptPeer("uwsgi", (socket, folder) => [
      ...["--plugin", "python3", "--processes", "2", "--master", "--die-on-term", "--disable-logging"],
      ...["--chdir", folder, "--socket", socket, "--chmod-socket=666", "--module", "applications"],
    ]),
    denoServePeer(Deno.execPath()),
    bareLoopPeer(Deno.execPath()),
  ];
}

/** nginx before two processes of a server that keeps the applications of cgi/applications.py, of which it has the Python name. */
function keptPeer(name: "gunicorn" | "uwsgi", words: (socket: string, folder: string) => readonly string[]): Peer {
  return {
    ...NGINX,
    name,
    title: `nginx with ${name}`,
    supports: new Set(["cgi", "warm"]),
    needs: { warm: [name === "uwsgi" ? UWSGI_PYTHON : name] },
    always: [name],
    helper: ({ socket, site }) => [name, ...words(socket, `${site}/cgi`)],
  };
}

/** Its one file comes from memory, where it has read it at its start. */
const HAPROXY: Peer = {
  name: "haproxy",
  title: "HAProxy",
  versionCommand: ["haproxy", "-v"],
  supports: new Set(["http2"]),
  needs: {},
  template: "haproxy.conf",
  always: [],
  hasClearHttp2Port: false,
  command: (place) => ["haproxy", "-db", "-f", place.configuration],
  helper: () => null,
};

const LIGHTTPD: Peer = {
  name: "lighttpd",
  title: "lighttpd",
  versionCommand: ["lighttpd", "-v"],
  supports: new Set([
    ...["access_log", "tls", "http2", "cgi", "blog", "native_off", "warm", "gzip"] as const,
    ...["many_files", "many_scripts", "many_open"] as const,
  ]),
  needs: { tls: [LIGHTTPD_TLS], gzip: [LIGHTTPD_DEFLATE] },
  template: "lighttpd.conf",
  always: [],
  hasClearHttp2Port: false,
  command: (place) => ["lighttpd", "-D", "-f", place.configuration],
  helper: () => null,
};

const APACHE: Peer = {
  name: "apache",
  title: "Apache",
  versionCommand: ["apache2", "-v"],
  supports: new Set(["access_log", "tls", "http2", "cgi", "blog", "native_off"]),
  needs: {},
  template: "apache.conf",
  always: [],
  hasClearHttp2Port: false,
  command: (place) => ["apache2", "-D", "FOREGROUND", "-f", place.configuration],
  helper: () => null,
};

/** deno_serve.ts run by the deno at `path`. */
function denoServePeer(path: string): Peer {
  return { ...scriptPeer([path, "run"], "deno_serve.ts"), name: "deno-serve", title: "Deno.serve" };
}

/** bare_loop.ts run by the deno at `path`, with the memory settings that scripts/build gives lisod. */
function bareLoopPeer(path: string): Peer {
  const run = [path, "run", "--v8-flags=--max-semi-space-size=4,--max-old-space-size=1024"];
  return { ...scriptPeer(run, "bare_loop.ts"), name: "bare-loop", title: "bare loop" };
}

/** A server in a file of this folder, run by `deno`, which are the words before its permissions. */
function scriptPeer(deno: readonly string[], file: string): Omit<Peer, "name" | "title"> {
  return {
    versionCommand: [deno[0], "--version"],
    supports: new Set(["tls", "native_off"]),
    needs: {},
    template: null,
    always: [],
    hasClearHttp2Port: false,
    command: ({ httpPort, root, httpsPort, certificate, key, switches }) => [
      ...[...deno, "--no-prompt", "--allow-net", "--allow-read"],
      ...[`${import.meta.dirname}/${file}`, String(httpPort), root],
      ...(switches.has("tls") ? [String(httpsPort), certificate, key] : []),
    ],
    helper: () => null,
  };
}
