/**
 * lisod: the composition root. Arguments become a Config, the Config becomes lock, log, listeners and handlers, and these
 * are put together here and nowhere else.
 */
import { AccessGuard } from "./lib/access/access_guard.ts";
import { TrustedProxies } from "./lib/access/forwarded.ts";
import { PasswordChecker } from "./lib/access/password_checker.ts";
import { CgiScripts } from "./lib/cgi/cgi_scripts.ts";
import { HeaderFields } from "./lib/http/header_fields.ts";
import { HeadWriter, OutputPool } from "./lib/http/writers.ts";
import type { Limits } from "./lib/limits.ts";
import { checkConfig } from "./lib/server/check_config.ts";
import { type Config, parseCommandLine, usesCgi } from "./lib/server/config.ts";
import { becomeDaemon, isDaemon, sendStderrTo, startDaemon } from "./lib/server/daemon.ts";
import { fitConnections, readDescriptorLimit } from "./lib/server/descriptors.ts";
import { helpText, VERSION, versionText } from "./lib/server/help.ts";
import { HttpsListener } from "./lib/server/https_listener.ts";
import { giveLogs, leaveRoot } from "./lib/server/leave_root.ts";
import { type Libc, openLibc } from "./lib/server/libc.ts";
import { ListeningSocket } from "./lib/server/listening_socket.ts";
import { listenTcp } from "./lib/server/listen.ts";
import { loadConfigFile } from "./lib/server/load_config_file.ts";
import { ReloadableErrorPages } from "./lib/server/load_error_pages.ts";
import { loadRealms } from "./lib/server/load_realms.ts";
import { LockFile } from "./lib/server/lock_file.ts";
import { Log } from "./lib/server/log.ts";
import { argumentLabel } from "./lib/server/options.ts";
import { narrowPermissions, neededPermissions } from "./lib/server/permissions.ts";
import { findIdentity, isRoot } from "./lib/server/privileges.ts";
import { type Reload, reloadAll } from "./lib/server/reload.ts";
import { createHttpsRedirect } from "./lib/server/redirect_to_https.ts";
import { createRouter } from "./lib/server/router.ts";
import type { ConnectionServices } from "./lib/server/serve_connection.ts";
import { type ListenerOptions, Server } from "./lib/server/serve_listener.ts";
import { keepRightsFromPrograms } from "./lib/server/low_ports.ts";
import { ServiceManager } from "./lib/server/service_manager.ts";
import { handleSignals } from "./lib/server/signals.ts";
import { SocketShutdown } from "./lib/server/socket_shutdown.ts";
import { StartError } from "./lib/server/start_error.ts";
import { credentialFiles } from "./lib/server/tls_credentials.ts";
import { Clock } from "./lib/server/transport.ts";
import { createStaticHandler } from "./lib/static/static_files.ts";

/** Resolves to the exit status. */
async function main(): Promise<number> {
  try {
    const command = parseCommandLine(Deno.args, {
      cwd: Deno.cwd(),
      environment: readEnvironment("LISOD_FOREGROUND", "PATH", "LANG", "TZ"),
      loadConfigFile,
    });
    switch (command.kind) {
      case "help":
        say(Deno.stdout, helpText());
        return 0;
      case "version":
        say(Deno.stdout, versionText({ lisod: VERSION, deno: Deno.version.deno, v8: Deno.version.v8 }));
        return 0;
      case "check":
        return check(command.config);
      case "serve": {
        const problems = checkConfig(command.config);
        return problems.length > 0 ? report(...problems) : await start(command.config);
      }
    }
  } catch (error) {
    if (error instanceof StartError) return report(error);
    say(Deno.stderr, `lisod: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  }
}

/** Says what would keep the server from starting, or that nothing would. */
function check(config: Config): number {
  const problems = checkConfig(config);
  if (problems.length === 0) say(Deno.stdout, "lisod: nothing is wrong with this configuration\n");
  return report(...problems);
}

function readEnvironment(...names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]));
}

/** Serves in this process, or sees to it that another one does. */
async function start(config: Config): Promise<number> {
  const libc = openLibc();
  if (config.foreground) return await serve(config, { libc, serving: () => Promise.resolve() });
  if (!isDaemon()) {
    const problem = await startDaemon({ args: Deno.args, startMs: config.limits.daemonStartMs, libc });
    if (problem === null) return 0;
    say(Deno.stderr, `lisod: ${problem}\n`);
    return 1;
  }
  const answerCommand = await becomeDaemon();
  try {
    return await serve(config, { libc, serving: () => answerCommand(null) });
  } catch (error) {
    await answerCommand(error instanceof StartError ? error.message : `${error}`);
    return 1;
  }
}

/** Serves until a signal says to stop; `serving` is called once, when everything listens. */
async function serve(
  config: Config,
  { libc, serving }: { readonly libc: Libc | null; readonly serving: () => Promise<void> },
): Promise<number> {
  const manager = ServiceManager.find(libc);
  keepRightsFromPrograms(libc);
  const identity = config.user === null ? null : findIdentity(config.user, config.group);
  const lock = config.lockFile === null ? null : LockFile.take(config.lockFile, config.form);
  if (identity !== null) giveLogs(config, identity);
  const log = Log.open(config, { program: `lisod ${VERSION}` });
  logUncaughtErrors(log);
  const scripts = createScripts(config, { log, libc });
  try {
    const parts = createParts(config, { log, libc, scripts });
    // What the runtime itself may have to say, such as that it is out of memory, goes to the daemon's log.
    const followLog = () => sendStderrTo(config.foreground ? null : config.logFile, libc);
    followLog();
    // Before the log says that it listens: whoever reads that may send a signal at once.
    const stopped = stopSignal({ log, scripts, manager, followLog, reloads: parts.reloads });
    listen(config, { log, libc, ...parts });
    // Looked up as whoever started us, for the user may not be able to.
    const needed = neededPermissions(config);
    if (identity !== null) leaveRoot(identity, { config, libc, https: parts.https, log });
    warnOfRisks(config, log);
    log.info("main", `permissions of the runtime that are left: ${narrowPermissions(needed)}`);
    log.flush();
    await serving();
    manager.tell("READY=1");
    await stopped;
    manager.tell("STOPPING=1");
    log.info("main", `stopping, ${parts.server.connectionCount} connections are open`);
    await parts.server.drain();
    await scripts?.stop();
    log.info("main", "stopped");
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) log.error("main", "Cannot go on", error);
    else if (config.logFile !== null) log.error("main", error.message);
    throw error;
  } finally {
    scripts?.kill();
    log.close();
    lock?.release();
  }
}

/** What serves, besides the log and the scripts. */
interface Parts {
  readonly server: Server;
  readonly https: HttpsListener | null;
  /** What SIGHUP does besides reopening the log. */
  readonly reloads: readonly Reload[];
}

/** Reads certificates, error pages and passwords, and listens for HTTPS; nothing is accepted yet. Throws StartError. */
function createParts(
  config: Config,
  { log, libc, scripts }: { readonly log: Log; readonly libc: Libc | null; readonly scripts: CgiScripts | null },
): Parts {
  const sockets = new SocketShutdown(libc);
  if (!sockets.isAvailable) {
    log.warn("main", "libc was not found: a socket on which a write hangs is not closed in time");
  }
  const clock = new Clock();
  const errorPages = new ReloadableErrorPages(config);
  const guard = createGuard(config, clock);
  const limits = fitLimits(config, { log, libc });
  const server = new Server(createServices({ ...config, limits }, { log, clock, sockets, errorPages, guard, scripts }));
  const https = config.https === null
    ? null
    : new HttpsListener({ address: config.https, files: credentialFiles(config), limits, log, libc });
  const reloads = [
    () => errorPages.reload(),
    () => guard.replaceRealms(loadRealms(config)),
    () => renewHttps(config, { https, server }),
  ];
  return { server, https, reloads };
}

/** Accepts on every port, once the caller has come to its end. Throws StartError. */
function listen(
  config: Config,
  { log, libc, server, https }: Parts & { readonly log: Log; readonly libc: Libc | null },
): void {
  if (config.http !== null) {
    const listener = listenTcp(config.http, argumentLabel("http", config.form));
    new ListeningSocket(libc, listener.addr.port).limitUnsent(config.limits.maxUnsentBytes);
    log.info("main", `listening on ${urlOf("http", listener.addr)}`);
    server.serve(listener, { secure: false, own: httpServices(config, https) });
  }
  if (https !== null) {
    log.info("main", `listening on ${urlOf("https", https.listener.addr)}`);
    server.serve(https.listener, { secure: true, own: httpsServices(config) });
  }
}

/** What an operator may not have meant. */
function warnOfRisks({ access, http, redirectsToHttps }: Config, log: Log): void {
  if (isRoot()) log.warn("main", "running as root: --user NAME would take away what the server does not need");
  if (access.realms.length > 0 && http !== null && !redirectsToHttps) {
    log.warn(
      "main",
      "passwords of --auth reach the HTTP port unencrypted; --https-redirect would send clients to HTTPS",
    );
  }
}

/** The limits, with room for fewer connections where the descriptors do not reach. */
function fitLimits({ limits }: Config, { log, libc }: { readonly log: Log; readonly libc: Libc | null }): Limits {
  const descriptorCount = readDescriptorLimit(libc);
  const maxConnectionCount = fitConnections(limits, descriptorCount);
  if (maxConnectionCount < limits.maxConnectionCount) {
    log.warn("main", `at most ${maxConnectionCount} connections: the system gives ${descriptorCount} descriptors`);
  }
  return { ...limits, maxConnectionCount };
}

function createServices(
  config: Config,
  { log, clock, sockets, errorPages, guard, scripts }: {
    readonly log: Log;
    readonly clock: Clock;
    readonly sockets: SocketShutdown;
    readonly errorPages: ReloadableErrorPages;
    readonly guard: AccessGuard;
    readonly scripts: CgiScripts | null;
  },
): ConnectionServices {
  const { rules, limits, root, listing, servesDotFiles, access } = config;
  const files = createStaticHandler({ root, listing, servesDotFiles, limits, rules, nowMs: () => clock.nowMs });
  return {
    handler: createRouter({
      rules,
      files,
      scripts,
      guard: guard.isNeeded ? (request) => guard.admit(request) : null,
    }),
    errorResponse: ({ status, fields }) => errorPages.pages.response(status, fields),
    log,
    limits,
    rules,
    proxies: new TrustedProxies(access.proxies),
    headWriter: new HeadWriter(HeaderFields.of(...access.fields)),
    outputPool: new OutputPool(),
    clock,
    shutdownSockets: (connections) => sockets.shutdownSockets(connections),
  };
}

/** Null where the operator has named no program and no interpreter. */
function createScripts(
  config: Config,
  { log, libc }: { readonly log: Log; readonly libc: Libc | null },
): CgiScripts | null {
  if (!usesCgi(config)) return null;
  const { root, cgiPath, cgi, rules, limits } = config;
  if (libc === null) {
    throw new StartError({
      argument: argumentLabel("cgi", config.form),
      value: cgiPath,
      problem: "no program can be started, for the C library was not found",
      remedy: "run lisod on Linux with glibc, for x86-64 or arm64",
    });
  }
  const user = cgi.user === null ? null : findIdentity(cgi.user, null);
  return new CgiScripts({ ...cgi, user, cgiPath, documentRoot: root, rules, limits, log, calls: libc });
}

function createGuard(config: Config, clock: Clock): AccessGuard {
  const passwords = new PasswordChecker();
  return new AccessGuard({
    rules: config.access.rules,
    realms: loadRealms(config),
    limits: config.limits,
    nowMs: () => clock.nowMs,
    checkPassword: (password, hash) => passwords.check(password, hash),
  });
}

/** A new certificate, where the files have one. */
async function renewHttps(
  config: Config,
  { https, server }: { readonly https: HttpsListener | null; readonly server: Server },
): Promise<void> {
  const listener = await https?.replace();
  if (listener) server.serve(listener, { secure: true, own: httpsServices(config) });
}

/** What only the HTTP port does. */
function httpServices({ redirectsToHttps }: Config, https: HttpsListener | null): ListenerOptions["own"] {
  if (!redirectsToHttps || https === null) return {};
  return { handler: createHttpsRedirect({ names: () => https.names, port: https.listener.addr.port }) };
}

/** What only the HTTPS port does. RFC 6797 7.2: the field is not sent over HTTP. */
function httpsServices({ hstsSeconds, access }: Config): ListenerOptions["own"] {
  if (hstsSeconds === null) return {};
  const hsts = ["Strict-Transport-Security", `max-age=${hstsSeconds}`] as const;
  return { headWriter: new HeadWriter(HeaderFields.of(...access.fields, hsts)) };
}

/** An error that nobody caught is our bug, and no reason to end the service of everybody. */
function logUncaughtErrors(log: Log): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("main", "Uncaught rejection", event.reason);
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    log.error("main", "Uncaught error", event.error);
  });
}

/** What signals act on. */
interface Signalled {
  readonly log: Log;
  /** Lets standard error be the log that is open now. */
  readonly followLog: () => void;
  readonly reloads: readonly Reload[];
  readonly scripts: CgiScripts | null;
  readonly manager: ServiceManager;
}

/** Resolves when the server is to stop; until then the other signals do their work. */
function stopSignal({ log, followLog, reloads, scripts, manager }: Signalled): Promise<void> {
  const reopenLog = () => {
    log.reopen();
    followLog();
  };
  return new Promise((stop) => {
    handleSignals({
      stop,
      stopNow: () => {
        log.warn("main", "stopped at once by a second signal");
        scripts?.kill();
        log.close();
        Deno.exit(1);
      },
      reload: async () => {
        manager.tell("RELOADING=1");
        reopenLog();
        await reloadAll(reloads, log);
        manager.tell("READY=1");
      },
      reopenLog,
    });
  });
}

function urlOf(scheme: "http" | "https", { hostname, port }: Deno.NetAddr): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

function say(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  stream.writeSync(new TextEncoder().encode(text));
}

/** One line each on stderr; the exit status is that of the gravest. */
function report(...problems: readonly StartError[]): number {
  for (const { message } of problems) say(Deno.stderr, `lisod: ${message}\n`);
  return Math.max(0, ...problems.map(({ exitCode }) => exitCode));
}

if (import.meta.main) Deno.exit(await main());
