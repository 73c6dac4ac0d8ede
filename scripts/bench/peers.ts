/**
 * The servers of the bench: what each is, needs and is started with. Their configuration files stand in conf/.
 */
import { RUNTIME_ENVIRONMENT } from "../../lib/process/daemon.ts";
import { LIGHTTPD_TLS, UWSGI_PYTHON } from "./packages.ts";

export type PeerName =
  | "lisod"
  | "lisod-before"
  | "lisod-one-place"
  | "nginx"
  | "nginx-tuned"
  | "lighttpd"
  | "apache"
  | "gunicorn"
  | "uwsgi"
  | "deno-serve"
  | "bare-loop";

/**
 * What a row may ask a server to be started with beyond static files over HTTP. "both_cores": it shares them with the load;
 * "workers": it has two; "http2": it speaks that beside HTTP/1.1; "many_places": lisod has a thousand sites and ten thousand places, and to the others it means nothing; "warm": lisod keeps its programs warm, and the blog makes its pages anew; "native_off": lisod calls no C library, and to the others it means nothing.
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
  | "warm";

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
  /** The blog's own; whoever runs the scripts can make it. */
  readonly blogData: string;
  readonly httpPort: number;
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
  /** The server in the foreground. */
  command(place: Place): readonly string[];
  /** A process that the server needs beside it; null when there is none. */
  helper(place: Place): readonly string[] | null;
}

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
  warm: ["--cgi-warm"],
};

/** What a lisod whose `--help` prints `help` can be asked for. */
export function lisodSwitches(help: string): ReadonlySet<Switch> {
  const shown = new Set(help.match(/--[a-z2-]+/g) ?? []);
  const all: readonly Switch[] = [
    "access_log",
    "tls",
    "http2",
    "cgi",
    "blog",
    "both_cores",
    "workers",
    "native_off",
    "many_places",
    "warm",
  ];
  return new Set(all.filter((name) => LISOD_OPTIONS[name].every((option) => shown.has(option))));
}

/** A binary of the server under test. */
export interface LisodBinary {
  readonly name: "lisod" | "lisod-before" | "lisod-one-place";
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
    command: (place) => ["env", ...RUNTIME_VARIABLES, path, ...lisodArguments(place, name !== "lisod-one-place")],
    helper: () => null,
  };
}

const TITLES: Readonly<Record<LisodBinary["name"], string>> = {
  "lisod": "lisod",
  "lisod-before": "lisod before",
  "lisod-one-place": "lisod, one place",
};

/** As a daemon and the service have them. */
const RUNTIME_VARIABLES = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);

function lisodArguments(place: Place, hasPlaces: boolean): readonly string[] {
  const { switches } = place;
  return [
    ...["--foreground", "--listen", "127.0.0.1", "--root", place.root],
    ...["--http", String(place.httpPort), "--log", place.log],
    // All clients of the bench have one address; the idle ones are 5,000 and one.
    ...["--max-per-address", "12000", "--max-connection-count", "12000"],
    ...(switches.has("access_log") ? [] : ["--access-log", "off"]),
    ...(switches.has("tls") ? ["--https", String(place.httpsPort)] : []),
    ...(switches.has("tls") ? ["--key", place.key, "--certificate", place.certificate] : []),
    ...(switches.has("cgi") ? ["--cgi", `${place.site}/cgi`] : []),
    ...(switches.has("blog") ? ["--cgi-env", "BLOG_DEMO=1", "--cgi-env", `BLOG_DATA=${place.blogData}`] : []),
    ...(switches.has("workers") ? ["--workers", "2"] : []),
    ...(hasPlaces && switches.has("many_places") ? ["--config", `${place.site}/places.conf`] : []),
    ...(switches.has("native_off") ? ["--native", "off"] : []),
    ...(switches.has("warm") ? ["--cgi-warm", "on", "--cgi-env", "BLOG_FULL_IMPORTS=1"] : []),
    ...(switches.has("warm") ? ["--cgi-env", "BLOG_KEEP_PAGES=0"] : []),
  ];
}

const NGINX: Peer = {
  name: "nginx",
  title: "nginx",
  versionCommand: ["nginx", "-v"],
  supports: new Set(["access_log", "tls", "http2", "cgi", "blog", "both_cores", "workers", "native_off"]),
  needs: { cgi: ["fcgiwrap"] },
  template: "nginx.conf",
  always: [],
  command: (place) => ["nginx", "-c", place.configuration, "-e", `${place.folder}/nginx.error.log`],
  helper: ({ socket, switches }) => switches.has("cgi") ? ["fcgiwrap", "-c", "32", "-s", `unix:${socket}`] : null,
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

const LIGHTTPD: Peer = {
  name: "lighttpd",
  title: "lighttpd",
  versionCommand: ["lighttpd", "-v"],
  supports: new Set(["access_log", "tls", "http2", "cgi", "blog", "native_off", "warm"]),
  needs: { tls: [LIGHTTPD_TLS] },
  template: "lighttpd.conf",
  always: [],
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
    command: ({ httpPort, root, httpsPort, certificate, key, switches }) => [
      ...[...deno, "--no-prompt", "--allow-net", "--allow-read"],
      ...[`${import.meta.dirname}/${file}`, String(httpPort), root],
      ...(switches.has("tls") ? [String(httpsPort), certificate, key] : []),
    ],
    helper: () => null,
  };
}
