/**
 * Starts the servers on free ports, pinned to one core, waits until they answer, and stops them by pid and sees that
 * every process of theirs is gone. Nothing else in the bench starts a server.
 */
import { fillTemplate } from "./fill_template.ts";
import type { Peer, Place } from "./peers.ts";
import { listTree, type ProcessEntry, readStat, rssBytesOf } from "./process_stats.ts";
import type { Site } from "./site.ts";
import { PHP_FPM } from "./packages.ts";
import type { Switch } from "./switches.ts";
import { ALL_CORES, LOAD_CORE } from "./wrk.ts";

/** Where the servers run; the load runs on the other core. */
const SERVER_CORE = "0";
/** Below the range from which the kernel takes the ports of clients, which a load uses up. */
const PORTS = { first: 10_240, last: 32_767 } as const;
const START_MS = 10_000;
const STOP_MS = 8_000;
/** Most of a server's messages that is kept to explain a failure. */
const MESSAGE_CHARACTERS = 2_000;

/** A server that answers. */
export interface Server {
  readonly peer: Peer<string>;
  readonly place: Place;
  readonly processes: readonly StartedProcess[];
  /** From before the start of the program until its port took a connection, in ms. */
  readonly openedMs: number;
  /** Resident memory of its processes when it had answered nothing yet. */
  readonly startRssBytes: number;
}

/** A child of the bench with the last of what it wrote. */
class StartedProcess {
  readonly child: Deno.ChildProcess;
  readonly #output: Promise<unknown>;
  #messages = "";
  #isEnded = false;

  constructor([program, ...args]: readonly string[], { folder, cores }: { folder: string; cores: string }) {
    const pinned = ["-c", cores, program, ...args];
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    // A session of its own, as a daemon has: the kernel shares a core between sessions first (sched_autogroup), so that
    // a server in the session of the load would be treated otherwise than one that gives its scripts sessions.
    this.child = new Deno.Command("taskset", { args: pinned, cwd: folder, detached: true, ...streams }).spawn();
    this.#output = Promise.all([this.#keep(this.child.stdout), this.#keep(this.child.stderr)]);
    this.child.status.then(() => this.#isEnded = true);
  }

  get pid(): number {
    return this.child.pid;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The last of what it has said so far. */
  get messages(): string {
    return this.#messages;
  }

  /** What it said at the end; waits for the end of its output, so only for one that has ended. */
  async readMessages(): Promise<string> {
    await this.#output;
    return this.#messages.trim();
  }

  /** Waits for the end of its output, at most so long: what it left behind may hold that. */
  async outputEnd(limitMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    await Promise.race([this.#output, late]);
    clearTimeout(timer);
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#messages = (this.#messages + decoder.decode(chunk, { stream: true })).slice(-MESSAGE_CHARACTERS);
    }
  }
}

function coresFor({ switches }: Place): string {
  // A load of scripts is small beside them, and scripts have all cores wherever they are used.
  return switches.has("cgi") || switches.has("both_cores") ? ALL_CORES : SERVER_CORE;
}

/** What servers hand requests on to. */
interface Backend {
  /** Its configuration in conf/; null: it has none. */
  readonly template: string | null;
  /** Where it listens: a port, or the path of a socket. */
  door(place: Place): number | string;
  /** The program in the foreground; `file` is its configuration. */
  command(place: Place, file: string): readonly string[];
}

const BACKENDS = {
  forward: {
    template: "upstream.conf",
    door: ({ upstreamPort }) => upstreamPort,
    command: (_place, file) => ["nginx", "-c", file, "-e", `${file}.log`],
  },
  php: {
    template: "php-fpm.conf",
    door: ({ phpSocket }) => phpSocket,
    command: (_place, file) => [PHP_FPM, "--nodaemonize", "--no-php-ini", "--allow-to-run-as-root", "-y", file],
  },
  websocket: {
    template: null,
    door: ({ websocketPort }) => websocketPort,
    command: ({ site, websocketPort }) => [`${site}/websocket`, "serve", String(websocketPort)],
  },
} as const satisfies Partial<Record<Switch, Backend>>;

const BACKEND_NAMES = Object.keys(BACKENDS) as readonly (keyof typeof BACKENDS)[];

/** All servers that run. Close it in the end, whatever happened. */
export class Fleet {
  readonly #site: Site;
  readonly #stopMs: number;
  readonly #shared = new Map<string, Server>();
  readonly #running = new Set<StartedProcess>();
  readonly #backends = new Set<keyof typeof BACKENDS>();
  readonly #upstreamPort = findFreePort();
  readonly #websocketPort = findFreePort();
  #count = 0;
  #isClosed = false;

  /** `stopMs` is how long a server may take to stop before it is killed. */
  constructor(site: Site, { stopMs = STOP_MS }: { readonly stopMs?: number } = {}) {
    this.#site = site;
    this.#stopMs = stopMs;
  }

  /** The server that all rows with these switches share; it is started at the first call. */
  async share(peer: Peer<string>, switches: readonly Switch[]): Promise<Server> {
    const key = [peer.name, ...switches].join("+");
    const server = this.#shared.get(key) ?? await this.start(peer, switches);
    this.#shared.set(key, server);
    return server;
  }

  /** The shared servers that run now. */
  get sharedServers(): readonly Server[] {
    return [...this.#shared.values()];
  }

  /** A server of its own; the caller stops it. Throws Error when it does not open its ports in time. */
  async start(peer: Peer<string>, switches: readonly Switch[]): Promise<Server> {
    if (this.#isClosed) throw new Error("The bench is being stopped");
    const place = await this.#prepare(peer, new Set(switches));
    for (const name of BACKEND_NAMES) if (place.switches.has(name)) await this.#startBackend(name, place);
    const helper = peer.helper(place);
    const begin = performance.now();
    const commands = helper === null ? [peer.command(place)] : [helper, peer.command(place)];
    const processes = commands.map((command) => new StartedProcess(command, { ...place, cores: coresFor(place) }));
    for (const process of processes) this.#running.add(process);
    const ports = place.switches.has("tls") ? [place.httpPort, place.httpsPort] : [place.httpPort];
    const doors = helper === null ? ports : [place.socket, ...ports];
    try {
      for (const door of doors) await awaitDoor(door, processes);
    } catch (error) {
      await this.#stopAll(processes);
      throw error;
    }
    const openedMs = performance.now() - begin;
    const startRssBytes = rssBytesOf(listTree(processes.map(({ pid }) => pid)));
    return { peer, place, processes, openedMs, startRssBytes };
  }

  /** Beside the load, once for all servers; it stops with the fleet. */
  async #startBackend(name: keyof typeof BACKENDS, place: Place): Promise<void> {
    if (this.#backends.has(name)) return;
    this.#backends.add(name);
    const { folder } = this.#site;
    const { template, door, command }: Backend = BACKENDS[name];
    const file = `${folder}/${template}`;
    if (template !== null) {
      const values = { folder, root: place.root, port: String(place.upstreamPort), socket: place.phpSocket };
      const text = await Deno.readTextFile(`${import.meta.dirname}/conf/${template}`);
      await Deno.writeTextFile(file, fillTemplate(text, { values, switches: new Set() }));
    }
    const process = new StartedProcess(command(place, file), { folder, cores: LOAD_CORE });
    this.#running.add(process);
    await awaitDoor(door(place), [process]);
  }

  /** Stops the processes of a server; throws Error when one of them does not go. */
  async stop({ processes }: Server): Promise<void> {
    await this.#stopAll(processes);
  }

  /** Stops whatever still runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#shared.clear();
    await this.#stopAll([...this.#running]);
  }

  async #stopAll(processes: readonly StartedProcess[]): Promise<void> {
    const tree = listTree(processes.map(({ pid }) => pid));
    for (const process of processes) if (!process.isEnded) process.child.kill("SIGTERM");
    if (!await areGone(tree, this.#stopMs)) {
      // Still the same processes: each pid is checked with its start time.
      for (const entry of tree) if (isAlive(entry)) Deno.kill(entry.pid, "SIGKILL");
      if (!await areGone(tree, this.#stopMs)) {
        throw new Error(`Cannot stop the processes ${tree.map(({ pid }) => pid).join(", ")}`);
      }
    }
    for (const process of processes) {
      await process.child.status;
      await process.outputEnd(this.#stopMs);
      this.#running.delete(process);
    }
  }

  /** Makes the folder of a server with its configuration. */
  async #prepare(peer: Peer<string>, switches: ReadonlySet<Switch>): Promise<Place> {
    this.#count += 1;
    const folder = `${this.#site.folder}/${peer.name}-${this.#count}`;
    await Deno.mkdir(folder);
    // Scripts may run as another user than the bench: with a folder for everybody, as /tmp is.
    await Deno.mkdir(`${folder}/data`);
    await Deno.chmod(`${folder}/data`, 0o1777);
    const { root, certificate, key } = this.#site;
    const place: Place = {
      ...{ folder, site: this.#site.folder, root, certificate, key, switches },
      log: `${folder}/access.log`,
      configuration: `${folder}/server.conf`,
      socket: `${folder}/fastcgi.socket`,
      upstreamPort: this.#upstreamPort,
      websocketPort: this.#websocketPort,
      phpSocket: `${this.#site.folder}/php.socket`,
      blogData: `${folder}/data/blog`,
      httpPort: findFreePort(),
      clearHttp2Port: findFreePort(),
      httpsPort: findFreePort(),
    };
    if (peer.template !== null) {
      const template = await Deno.readTextFile(`${import.meta.dirname}/conf/${peer.template}`);
      const { httpPort, httpsPort, clearHttp2Port, upstreamPort, websocketPort, switches: _switches, ...texts } = place;
      const ports = {
        ...{ http: httpPort, https: httpsPort, clearHttp2: clearHttp2Port },
        ...{ upstream: upstreamPort, websocket: websocketPort },
      };
      const values = {
        ...texts,
        ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, `${port}`])),
      };
      const text = fillTemplate(template, { values, switches: new Set([...switches, ...peer.always]) });
      await Deno.writeTextFile(place.configuration, text);
    }
    return place;
  }
}

/** A port on which nobody listens now. */
function findFreePort(): number {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first + 1));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Tries again and again, without a pause, until the port, or the socket of that path, takes a connection. */
async function awaitDoor(door: number | string, processes: readonly StartedProcess[]): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    try {
      const connection = typeof door === "number"
        ? await Deno.connect({ hostname: "127.0.0.1", port: door })
        : await Deno.connect({ transport: "unix", path: door });
      connection.close();
      return;
    } catch (error) {
      // A socket has no file before it is bound.
      if (!(error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound)) throw error;
    }
    for (const process of processes) {
      if (process.isEnded) throw new Error(`The server ended at once: ${await process.readMessages()}`);
    }
  }
  throw new Error(`The server did not open "${door}" within ${START_MS} ms`);
}

/** True while the very process of the entry lives; one that only waits to be reaped does not. */
function isAlive({ pid, stat }: ProcessEntry): boolean {
  const now = readStat(pid);
  return now !== null && now.startTicks === stat.startTicks && !now.isZombie;
}

/** Waits for the end of all of them; false when `limitMs` passed before. */
async function areGone(tree: readonly ProcessEntry[], limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (tree.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}
