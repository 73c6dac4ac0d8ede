/**
 * nginx and lighttpd (Debian) under the loads that they can be put to. Their settings are their defaults but for what would
 * refuse the load: open files, connections, heads of 63 KB, listings, which both leave off.
 */
import { join } from "@std/path";
import { childrenOf } from "../cgi/server.ts";
import { isRunning, waitUntil } from "../daemon.ts";
import type { Besieged } from "./besieged.ts";
import type { Site } from "./site.ts";

export type PeerName = "nginx" | "lighttpd";
export const PEERS: readonly PeerName[] = ["nginx", "lighttpd"];

interface Place {
  readonly folder: string;
  readonly root: string;
  readonly port: number;
}

const CONFIGURATIONS: Readonly<Record<PeerName, (place: Place) => string>> = {
  nginx: ({ folder, root, port }) =>
    `daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 20000; }
http {
  access_log off;
  sendfile on;
  large_client_header_buffers 9 8k;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${root};
    autoindex on;
  }
}
`,
  lighttpd: ({ folder, root, port }) =>
    `server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.listen-backlog = 4096
server.errorlog = "${folder}/lighttpd.log"
server.upload-dirs = ( "${folder}" )
server.max-fds = 20000
server.max-connections = 10000
server.max-request-field-size = 65536
server.modules = ( "mod_dirlisting" )
dir-listing.activate = "enable"
`,
};

const COMMANDS: Readonly<Record<PeerName, (file: string, folder: string) => readonly string[]>> = {
  nginx: (file, folder) => ["nginx", "-c", file, "-e", `${folder}/nginx.log`],
  lighttpd: (file) => ["lighttpd", "-D", "-f", file],
};

const START_MS = 20_000;

export class BesiegedPeer implements Besieged {
  readonly port: number;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(name: PeerName, site: Site): Promise<BesiegedPeer> {
    const port = findFreePort();
    const { folder, root } = site;
    const file = join(folder, `${name}.conf`);
    await Deno.writeTextFile(file, CONFIGURATIONS[name]({ folder, root, port }));
    const [program, ...args] = COMMANDS[name](file, folder);
    const process = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
    const peer = new BesiegedPeer(process, port);
    await waitUntil(() => isListening(port), `${name} listens`, START_MS);
    return peer;
  }

  pids(): readonly number[] {
    return [this.#process.pid, ...childrenOf(this.#process.pid)];
  }

  complaint(): string | null {
    return isRunning(this.#process.pid) ? null : "the server has ended";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}

function findFreePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

/** proc_net_tcp: 0A is LISTEN. */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`0100007F:${hex} [0-9A-F:]+ 0A `).test(Deno.readTextFileSync("/proc/net/tcp"));
}
