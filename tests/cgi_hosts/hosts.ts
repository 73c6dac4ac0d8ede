/**
 * The CGI hosts that are looked at: what each is, is started with, and where it has its programs. Those of the bench are its
 * own peers with its configuration, so that there is one idea of how each is set up.
 */
import { WEBRICK } from "../../scripts/bench/packages.ts";
import { lisodPeer, listPeers, type Peer, type PeerName } from "../../scripts/bench/peers.ts";

/** A server that runs CGI programs, as scripts/bench/fleet.ts starts it. */
export interface Host {
  readonly peer: Peer<string>;
  /** What the paths of its programs begin with. */
  readonly prefix: string;
}

/** Programs and files that must be there beside the servers themselves, for ensurePrograms(). */
export const TOOLS: readonly string[] = ["perl", "taskset"];

const PYTHON = "/usr/bin/python3.11";

/** Serves the folder, with programs as WEBrick finds them: by their extension. */
const RUN_WEBRICK = 'port, root = ARGV; WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: port, ' +
  "DocumentRoot: root).start";

/** All hosts, lisod first; `lisod` is the path of its binary. */
export function listHosts(lisod: string): readonly Host[] {
  const peer = (name: PeerName) => {
    const found = listPeers().find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`The bench has no ${name}`);
    return found;
  };
  const apache = peer("apache");
  return [
    { peer: lisodPeer({ name: "lisod", path: lisod, supports: new Set(["cgi"]) }), prefix: "/cgi/" },
    { peer: peer("lighttpd"), prefix: "/cgi/" },
    { peer: { ...apache, name: "cgid", title: "Apache mod_cgid" }, prefix: "/cgi/" },
    { peer: { ...apache, name: "mod_cgi", title: "Apache mod_cgi", always: ["mod_cgi"] }, prefix: "/cgi/" },
    { peer: { ...peer("nginx"), name: "fcgiwrap", title: "nginx and fcgiwrap" }, prefix: "/cgi/" },
    ...PLAIN_HOSTS.map((host) => ({ peer: { ...PLAIN, ...host }, prefix: "/cgi-bin/" })),
  ];
}

/** Servers whose command line says it all; their programs stand in the folder "cgi-bin" of the root. */
const PLAIN: Pick<Peer, "supports" | "template" | "always" | "hasClearHttp2Port" | "helper"> = {
  supports: new Set(["cgi"]),
  template: null,
  always: [],
  hasClearHttp2Port: false,
  helper: () => null,
};

const PLAIN_HOSTS: readonly Omit<Peer<string>, keyof typeof PLAIN>[] = [
  {
    name: "busybox",
    title: "busybox httpd",
    versionCommand: ["busybox"],
    needs: {},
    command: ({ httpPort, root }) => ["busybox", "httpd", "-f", "-p", `127.0.0.1:${httpPort}`, "-h", root],
  },
  {
    name: "mini_httpd",
    title: "mini-httpd",
    versionCommand: ["mini_httpd", "-V"],
    needs: {},
    command: ({ httpPort, root }) => [
      ...["mini_httpd", "-D", "-h", "127.0.0.1", "-p", String(httpPort), "-d", root, "-c", "cgi-bin/*"],
    ],
  },
  {
    name: "python",
    title: "Python http.server",
    versionCommand: [PYTHON, "--version"],
    needs: { cgi: [PYTHON] },
    command: ({ httpPort, root }) => [
      ...[PYTHON, "-m", "http.server", "--cgi", "--bind", "127.0.0.1", "--directory", root, String(httpPort)],
    ],
  },
  {
    name: "webrick",
    title: "WEBrick",
    versionCommand: ["ruby", "-rwebrick", "-e", 'puts "WEBrick #{WEBrick::VERSION}, ruby #{RUBY_VERSION}"'],
    needs: { cgi: [WEBRICK] },
    command: ({ httpPort, root }) => ["ruby", "-rwebrick", "-e", RUN_WEBRICK, String(httpPort), root],
  },
  {
    name: "twisted",
    title: "Twisted",
    versionCommand: ["twistd3", "--version"],
    needs: {},
    command: ({ httpPort, root, folder }) => [
      ...["twistd3", "--nodaemon", "--pidfile=", `--rundir=${folder}`, "web"],
      ...["--listen", `tcp:${httpPort}:interface=127.0.0.1`, "--path", root],
    ],
  },
];
