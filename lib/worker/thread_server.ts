/**
 * Serves the site in one thread: puts log, limits, handlers and listeners together, begins to accept, and ends it all in
 * order. Separate from main.ts because with `--workers` several threads do this, each for its part. I/O.
 */
import { createRequestLimit } from "../access/address_limit.ts";
import { Authenticator } from "../access/authenticator.ts";
import { TrustedProxies } from "../access/forwarded.ts";
import { PasswordChecker } from "../access/password_checker.ts";
import type { OwnChildren } from "../child/own_children.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import { Refusal } from "../http/message.ts";
import { KnownSections } from "../http/known_sections.ts";
import { type OperatorFields, OwnFields } from "../http/own_fields.ts";
import { OutputPool } from "../http/output_buffer.ts";
import { HeadWriter } from "../http/writers.ts";
import { ResponseHeads } from "../http2/response_heads.ts";
import { createFileMemory } from "../static/file_memory.ts";
import { type Config, mountedPaths, programUsers, siteCredentials, upstreamGroups } from "../config/config.ts";
import { HttpsListener, MAX_NAME_COUNT } from "../net/https_listener.ts";
import type { Libc } from "../system/libc.ts";
import { ReloadableErrorPages } from "../site/load_error_pages.ts";
import { loadSiteUsers } from "../access/load_realms.ts";
import type { Log } from "../log/log.ts";
import { StartError } from "../start_error.ts";
import { ToldOnce } from "../log/told_once.ts";
import type { ConfigSource } from "../process/renew_config.ts";
import { findIdentity } from "../process/privileges.ts";
import { createHttpsRedirect } from "../site/redirect_to_https.ts";
import { OLD_STAYS, reloadAll } from "./reload.ts";
import { Router } from "../site/router.ts";
import { Sites } from "../site/sites.ts";
import {
  buildSites,
  createAnswerers,
  errorPageSources,
  type SharedByPlaces,
  type SiteParts,
  withHsts,
} from "./build_site.ts";
import type { ConnectionServices } from "../serve/connection_services.ts";
import { type ListenerOptions, Server } from "../serve/server.ts";
import { nameOf, type Part, type ServedAddress, type SharedPorts } from "../net/listen_address.ts";
import { SocketShutdown } from "../net/socket_shutdown.ts";
import { quoted } from "../start_error.ts";
import { Clock } from "../clock.ts";
import { Compressor } from "../coding/compressor.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { MemoryReturn } from "./memory_return.ts";
import { createForwarder, createPrograms, type Programs, upstreamStatus } from "./thread_gateways.ts";
import { openPlainListeners, type PlainListener } from "./plain_listeners.ts";
import { openWay, type Way } from "./way.ts";
import { Counters } from "../status/counters.ts";
import { limitOf, LimitTally } from "../status/limit_tally.ts";
import type { StatusParts, ThreadStatus } from "../status/thread_status.ts";
import { readProcess, ScriptHistograms, ThreadStatusReader } from "./thread_status.ts";

/** A configuration that was read again, and is right. */
export interface Renewed {
  /** For this thread alone. */
  readonly config: Config;
  /** For others. */
  readonly source: ConfigSource;
}

/** Whoever serves the site: this thread, or several. */
export interface Serving {
  /** Resolves, to the reason, when it cannot go on; never rejects. */
  readonly failed: Promise<Error>;
  /** Listens everywhere and accepts; resolves to HTTP, then HTTPS, in the order of the configuration. Rejects with StartError. */
  listen(): Promise<readonly ServedAddress[]>;
  /** Runs what makes this process another user's; ports that are listened on stay usable. */
  changeUser(change: () => void): Promise<void>;
  /**
   * Reads certificates, error pages and passwords again; with a configuration that has changed also sites and places. False where
   * something stayed as it was, which the log explains.
   */
  reload(renewed: Renewed | null): Promise<boolean>;
  /** Resolves when everybody who serves has answered that he does; never where one hangs. Never rejects. */
  readonly answers: () => Promise<void>;
  /**
   * Several that serve give up their ports one by one, the last first, so that no client is lost to whoever listens there as well:
   * before each `choose` is called with the index of a socket, of the server that has come, that is to have all new clients.
   */
  leavePorts(choose: (index: number) => void): Promise<void>;
  /**
   * Serves what was accepted, for as long as the limits allow, ends all scripts, and resolves. `isReplaced`: another server has its
   * place, so nobody waits for the end of this one, and idle clients have more time.
   */
  stop(isReplaced?: boolean): Promise<void>;
  /** Ends all scripts at once. Never rejects. */
  kill(): Promise<void>;
}

export interface ThreadOptions {
  readonly log: Log;
  /** What cannot be asked of the runtime is asked of it, and what it refuses is left undone. */
  readonly libc: Libc;
  /** What `config` is the part of. */
  readonly part: Part;
  /** Where another server listens that this one takes the place of; null: nobody may. */
  readonly shared: SharedPorts | null;
  /** The programs of the whole process. */
  readonly own: OwnChildren;
  /** Asks all parts of the server, this one among them; by default it is the only one. */
  readonly gatherThreads?: () => Promise<Omit<StatusParts, "server">>;
  /** Sees to it that `renewListener` is called, once for all parts in turn; by default this does it itself. */
  readonly onManyNames?: () => void;
}

/** A client that has sent nothing for so long loses no request when its connection is closed. */
const REPLACED_IDLE_MS = 1_000;

export class ThreadServer implements Serving {
  readonly failed: Promise<Error> = new Promise(() => {});
  /** Whoever can ask is the thread itself. */
  readonly answers = () => Promise.resolve();
  #config: Config;
  readonly #options: ThreadOptions;
  readonly #errorPages: ReloadableErrorPages;
  readonly #shared: SharedByPlaces;
  #parts: Omit<SiteParts, "users">;
  readonly #router: Router;
  /** What every answer says. */
  readonly #fields: OperatorFields;
  readonly #way: Way;
  /** What the operator can mend. */
  readonly #refusals: ToldOnce;
  readonly #programs: Programs | null;
  /** Null where no upstream is named. */
  readonly #forwarder: Forwarder | null;
  readonly #server: Server;
  readonly #memory: MemoryReturn;
  readonly #compressor: Compressor;
  readonly #counters = new Counters();
  readonly #limits = new LimitTally();
  readonly #scriptTimes = new ScriptHistograms();
  readonly #status: ThreadStatusReader;
  /** Since 1970. */
  readonly #startMs = Date.now();
  /** What is being gathered is for all who ask meanwhile. */
  #gathering: Promise<StatusParts> | null = null;
  #https: HttpsListener | null = null;
  /** What was opened. */
  readonly #plain: PlainListener[] = [];
  #isRenewing = false;

  /** Reads error pages and passwords; nothing listens yet. Throws StartError. */
  constructor(config: Config, options: ThreadOptions) {
    const clock = new Clock();
    const budget = new MemoryBudget(config.limits.maxWaitingBytes);
    this.#config = config;
    this.#options = options;
    const { rules, limits } = config;
    const nowMs = () => clock.unixMs;
    this.#refusals = new ToldOnce(options.log);
    this.#errorPages = new ReloadableErrorPages(limits);
    const users = this.#loadUsers();
    this.#way = openWay(options.libc, options.own);
    const room = { memoryBytes: limits.maxOutputMemoryBytes, fileBytes: limits.maxOutputFileBytes };
    const gatewayParts = { ...options, way: this.#way, clock, budget, room };
    this.#compressor = new Compressor((problem) => options.log.warn(nameOf(options.part), problem));
    this.#programs = createPrograms(config, gatewayParts, this.#scriptTimes);
    this.#forwarder = createForwarder(config, gatewayParts);
    this.#shared = {
      memory: createFileMemory(limits, budget, { ranges: this.#way.openRanges(), compressor: this.#compressor }),
      runner: this.#programs?.runner ?? null,
      forwarder: this.#forwarder,
      nowMs,
      isBefore1970: this.#way.isBefore1970,
      readNames: hasListing(config) ? this.#way.openReadNames() : undefined,
      identityOf: identitiesOf(config),
      part: options.part,
      gatherStatus: () => this.#gathering ??= this.#gatherStatus().finally(() => this.#gathering = null),
      placeIndex: (name) => this.#counters.placeIndex(name),
    };
    this.#parts = {
      answerers: createAnswerers(config, this.#shared),
      authenticator: createAuthenticator(config, { nowMs, log: options.log }),
      errorResponseOf: (source) => {
        const pages = this.#errorPages.of(source);
        return ({ status, fields }) => pages.response(status, fields);
      },
    };
    const sites = this.#buildSites(users);
    this.#fields = sites.of("").fields;
    this.#router = new Router({ sites, rules, rate: createRequestLimit(limits.maxRate, nowMs) });
    this.#server = Server.open(this.#createServices(clock, budget));
    this.#memory = MemoryReturn.open({ budget, counters: this.#counters }, this.#server, options.libc);
    this.#status = this.#openStatus(budget);
  }

  async listen(): Promise<readonly ServedAddress[]> {
    this.#useUpstreams();
    const problem = await this.#way.prepare();
    if (problem !== null) this.#options.log.info(nameOf(this.#options.part), problem);
    const https = this.#listenHttps();
    return [...await this.#listenHttp(), ...https];
  }

  changeUser(change: () => void): Promise<void> {
    change();
    return Promise.resolve();
  }

  /** Of several parts, resolves only when another one may replace its listeners. */
  async reload(renewed: Renewed | null): Promise<boolean> {
    const { log, part } = this.#options;
    this.#refusals.forget();
    if (renewed !== null) {
      this.#config = renewed.config;
      this.#parts = { ...this.#parts, answerers: createAnswerers(this.#config, this.#shared) };
    }
    const isDone = await reloadAll([
      () => this.#errorPages.reload(errorPageSources(this.#config)),
      () => {
        this.#router.replaceSites(this.#buildSites(this.#loadUsers()));
        this.#useUpstreams();
      },
      () => this.#renewHttps(),
    ], log);
    if (part.count > 1) await this.#https?.handedOver;
    return isDone;
  }

  /** `stop` does it. */
  leavePorts(): Promise<void> {
    return Promise.resolve();
  }

  /** Accepts no more. */
  async closeListeners(): Promise<void> {
    await this.#server.closeListeners();
    this.#https?.close();
  }

  async stop(isReplaced = false): Promise<void> {
    const { log, part } = this.#options;
    log.info(nameOf(part), `stopping, ${this.#server.connectionCount} connections are open`);
    // Whoever comes next finds nobody, and another server may listen there.
    this.#removeFiles();
    await this.#server.drain(isReplaced ? REPLACED_IDLE_MS : 0);
    this.#compressor.close();
    this.#memory.close();
    this.#status.close();
    this.#https?.close();
    await this.#forwarder?.stop();
    await this.#programs?.runner.stop();
    await this.#programs?.warm?.stop();
    await this.#programs?.guard.close();
    await this.#way.close();
  }

  /** What this thread knows of itself. */
  readStatus(): ThreadStatus {
    return this.#status.read();
  }

  async #gatherStatus(): Promise<StatusParts> {
    const { gatherThreads = this.#gatherThread, libc } = this.#options;
    const { threads, lostLines } = await gatherThreads();
    return {
      server: readProcess(libc, { startMs: this.#startMs, workers: this.#options.part.count }),
      threads,
      lostLines,
    };
  }

  readonly #gatherThread = () => Promise.resolve({ threads: [this.readStatus()], lostLines: 0 });

  #openStatus(budget: MemoryBudget): ThreadStatusReader {
    const { runner = null, warm = null } = this.#programs ?? {};
    const { part, log, libc } = this.#options;
    return ThreadStatusReader.open({
      ...{ name: nameOf(part), counters: this.#counters, limits: this.#limits, budget, log, libc },
      connections: () => this.#server.connections,
      scripts: runner === null ? null : { view: () => runner.view, most: this.#config.cgi.maxScripts },
      warm: () => warm?.views ?? [],
      upstreams: () => this.#forwarder?.views.map(upstreamStatus) ?? [],
      certificates: () => this.#https?.certificates ?? [],
    }, this.#scriptTimes);
  }

  kill(): Promise<void> {
    this.#removeFiles();
    this.#programs?.runner.kill();
    this.#programs?.warm?.kill();
    return Promise.resolve();
  }

  #listenHttps(): readonly ServedAddress[] {
    const { https: addresses, limits, usesHttp2 } = this.#config;
    if (addresses.length === 0) return [];
    const credentials = siteCredentials(this.#config);
    const onManyNames = this.#options.onManyNames ?? (() => this.#renewSoon());
    this.#https = HttpsListener.open({ ...this.#options, addresses, limits, usesHttp2, credentials, onManyNames });
    this.#serveHttps(this.#https.listeners);
    return this.#https.listeners.map(({ addr: { hostname, port } }) => {
      return { scheme: "https", hostname, port, origin: "opened", descriptor: null };
    });
  }

  async #listenHttp(): Promise<readonly ServedAddress[]> {
    const onOpen = (opened: PlainListener) => {
      this.#plain.push(opened);
      this.#server.serve(opened.listener, { secure: false, own: this.#httpServices() });
    };
    const opened = await openPlainListeners(this.#config, { ...this.#options, way: this.#way, onOpen });
    return opened.map(({ address }) => address);
  }

  /** Users and groups of each site as they are now. Throws StartError. */
  #loadUsers(): SiteParts["users"] {
    const roots = mountedPaths(this.#config, "files").map(({ value }) => value);
    return this.#config.sites.map((site) => loadSiteUsers(site, roots));
  }

  #buildSites(users: SiteParts["users"]): Sites {
    return buildSites(this.#config, { ...this.#parts, users });
  }

  #useUpstreams(): void {
    this.#forwarder?.use(upstreamGroups(this.#config).map(({ group }) => group));
  }

  #createServices(clock: Clock, budget: MemoryBudget): ConnectionServices {
    const { rules, limits, access } = this.#config;
    const { log, libc } = this.#options;
    const sockets = new SocketShutdown(libc);
    const router = this.#router;
    return {
      handler: (request) => router.answer(request),
      errorResponse: (error, request) => {
        const limit = limitOf(error.status);
        // Whom a server without room refuses has sent no request.
        if (limit !== null && (limit !== "room" || request !== undefined)) this.#limits.reach(limit, clock.unixMs);
        if (error instanceof Refusal) this.#refusals.warn("site", `${quoted(error.path)} ${error.reason}: 403`);
        return router.errorResponse(error, request);
      },
      log,
      notes: this.#createNoteTaking(),
      limits,
      rules,
      proxies: new TrustedProxies(access.proxies, access.trustsUnixSockets),
      ...this.#headsWith(this.#fields),
      sections: new KnownSections(),
      outputPool: new OutputPool(budget),
      budget,
      clock,
      counters: this.#counters,
      reached: (limit) => this.#limits.reach(limit, clock.unixMs),
      shutdownSockets: (connections) => sockets.shutdownSockets(connections),
    };
  }

  /** Null where neither a line nor a limit asks for more than what everybody knows. */
  #createNoteTaking(): ConnectionServices["notes"] {
    const { limits: { slowMs }, logFormat: { access } } = this.#config;
    const isAsked = slowMs > 0 || (this.#options.log.isAccessOn && access?.isNoted === true);
    return isAsked ? { nowMs: () => performance.now(), slowMs } : null;
  }

  /** New certificates, where the files have some. */
  async #renewHttps(): Promise<void> {
    const { log } = this.#options;
    const refused: StartError[] = [];
    const listeners = await this.#https?.replace(siteCredentials(this.#config), (problem) => refused.push(problem));
    this.#serveHttps(listeners ?? []);
    const [first, ...others] = refused;
    for (const { message } of others) log.error("main", `${OLD_STAYS}: ${message}`);
    if (first !== undefined) throw first;
  }

  async renewListener(): Promise<void> {
    if (this.#https === null) return;
    this.#options.log.debug("https", `listening anew, for clients have sent ${MAX_NAME_COUNT} names`);
    this.#serveHttps(await this.#https.renew());
    await this.#https.handedOver;
  }

  /** One at a time. */
  #renewSoon(): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    this.renewListener().catch((error) => this.#options.log.error("https", "Cannot listen anew", error))
      .finally(() => this.#isRenewing = false);
  }

  #serveHttps(listeners: readonly Deno.TlsListener[]): void {
    for (const listener of listeners) this.#server.serve(listener, { secure: true, own: this.#httpsServices() });
  }

  /** Some may be left where the user may not remove them; the next start replaces those. */
  #removeFiles(): void {
    for (const { address, remove } of this.#plain.splice(0)) {
      if (remove === null || address.scheme !== "unix" || remove()) continue;
      this.#options.log.warn("main", `"${address.path}" stays, for this user may not remove it: the next start will`);
    }
  }

  /** What only plain connections have. */
  #httpServices(): ListenerOptions["own"] {
    const https = this.#https;
    if (!this.#config.redirectsToHttps || https === null) return {};
    return {
      handler: createHttpsRedirect({
        names: () => https.names,
        port: https.listeners[0].addr.port,
        answer: (request) => this.#router.answer(request),
      }),
    };
  }

  /** What only TLS connections have. RFC 6797 7.2: the field is not sent over HTTP. */
  #httpsServices(): ListenerOptions["own"] {
    const { hstsSeconds } = this.#config;
    return hstsSeconds === null ? {} : this.#headsWith(withHsts(this.#fields, hstsSeconds));
  }

  /** What writes the heads of answers that say this. */
  #headsWith(fields: OperatorFields): Pick<ConnectionServices, "headWriter" | "responseHeads"> {
    const own = new OwnFields(fields);
    return { headWriter: new HeadWriter(own), responseHeads: this.#config.usesHttp2 ? new ResponseHeads(own) : null };
  }
}

/** Looked up at the start: later the server may not. */
function identitiesOf(config: Config): SharedByPlaces["identityOf"] {
  const identities = new Map(programUsers(config).map((user) => [user.value, findIdentity(user)]));
  return (user) => {
    const identity = identities.get(user.value);
    if (identity !== undefined) return identity;
    throw new StartError({ ...user, problem: "was not named at the start", remedy: "restart the server" });
  };
}

function hasListing({ sites }: Config): boolean {
  return sites.some(({ places }) => places.some(({ files }) => files.listing));
}

function createAuthenticator(
  { limits }: Config,
  context: { readonly nowMs: () => number; readonly log: Log },
): Authenticator {
  const passwords = new PasswordChecker();
  const checkPassword = (password: string, hash: string) => passwords.check(password, hash);
  return new Authenticator({ ...context, limits, checkPassword });
}

/** An error that nobody caught is our bug, and no reason to end the service of everybody. For the thread that calls. */
export function logUncaughtErrors(log: Log, part: Part): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(nameOf(part), "Uncaught rejection", event.reason);
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    log.error(nameOf(part), "Uncaught error", event.error);
  });
}
