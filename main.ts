/**
 * lisod: the composition root. Arguments become a Config, the Config becomes lock, log and whoever serves the site, in this
 * thread or in several; signals end it.
 */
import { checkConfig } from "./lib/process/check_config.ts";
import {
  type CheckCommand,
  type Command,
  type Config,
  parseCommandLine,
  programUsers,
  usesCgi,
} from "./lib/config/config.ts";
import { becomeDaemon, isDaemon, sendStderrTo, startDaemon } from "./lib/process/daemon.ts";
import { fitConnections, fitScripts, readDescriptorLimit } from "./lib/process/descriptors.ts";
import { explain } from "./lib/worker/explain.ts";
import { sitesTable } from "./lib/config/sites_text.ts";
import { recordedPaths, recordFiles } from "./lib/config/file_record.ts";
import { helpText, versionText } from "./lib/config/help.ts";
import { giveLogs, leaveRoot } from "./lib/process/leave_root.ts";
import { type Libc, NO_LIBC, openLibc } from "./lib/system/libc.ts";
import { CONFIG_FILES } from "./lib/config/load_config_file.ts";
import { LockFile } from "./lib/process/lock_file.ts";
import { LAST_WRITE_MS, Log } from "./lib/log/log.ts";
import { STDERR_SINK, throughLinks } from "./lib/log/log_file.ts";
import { keepRightsFromPrograms } from "./lib/system/capabilities.ts";
import { getsOrphans, OrphanReaper } from "./lib/process/orphan_reaper.ts";
import { sweepFiles } from "./lib/gateway/nameless_file.ts";
import { OwnChildren } from "./lib/child/own_children.ts";
import { narrowPermissions, neededPermissions } from "./lib/process/permissions.ts";
import { findIdentity, isRoot, ownIdentity } from "./lib/process/privileges.ts";
import { runtimeLimits } from "./lib/process/runtime_limits.ts";
import { ServiceManager, takeHandedVariables } from "./lib/process/service_manager.ts";
import { Progress, TELL_NOBODY } from "./lib/progress.ts";
import { type ServedAddress, servedText, type SharedPorts, WHOLE } from "./lib/net/listen_address.ts";
import { Predecessor } from "./lib/process/predecessor.ts";
import { handleSignals } from "./lib/process/signals.ts";
import { Successor } from "./lib/process/successor.ts";
import { surveyFiles } from "./lib/process/survey_files.ts";
import { halfDenials, surveySettings } from "./lib/process/survey_settings.ts";
import { logUncaughtErrors, type Renewed, type Serving, ThreadServer } from "./lib/worker/thread_server.ts";
import { type ConfigSource, renewConfig } from "./lib/process/renew_config.ts";
import { StartError } from "./lib/start_error.ts";
import { WorkerPool } from "./lib/worker/worker_pool.ts";
import { SOURCES, VERSION } from "./lib/version.ts";

/** Resolves to the exit status. */
async function main(): Promise<number> {
  const progress = startProgress();
  try {
    const environment = {
      ...readEnvironment("LISOD_FOREGROUND", "PATH", "LANG", "TZ"),
      ...takeHandedVariables(),
    };
    const { source, command } = readSource({ args: Deno.args, cwd: Deno.cwd(), environment }, progress.tell);
    switch (command.kind) {
      case "help":
        say(Deno.stdout, helpText());
        return 0;
      case "version":
        say(
          Deno.stdout,
          versionText({ lisod: VERSION, sources: SOURCES, deno: Deno.version.deno, v8: Deno.version.v8 }),
        );
        return 0;
      case "check":
        return check(command, progress);
      case "explain":
        say(Deno.stdout, await explain(command.url, command.config));
        return 0;
      case "serve": {
        // Before anything else: where it is not wanted, nobody can open it any more.
        const libc = openLibc(command.config.usesNative);
        const problems = checkConfig(command.config, progress.tell);
        progress.end();
        if (problems.length > 0) return report(...problems);
        return await start(withOpenStreams(command.config), { libc, source, progress });
      }
    }
  } catch (error) {
    progress.end();
    const isProblem = error instanceof StartError;
    await sayLast(`lisod: ${isProblem ? error.message : error instanceof Error ? error.stack : error}\n`);
    return isProblem ? error.exitCode : 1;
  }
}

/** Reads the configuration, and keeps what its files said. Throws StartError. */
function readSource(
  parts: Omit<ConfigSource, "record">,
  tell = TELL_NOBODY,
): { readonly source: ConfigSource; readonly command: Command } {
  const { files, record } = recordFiles(CONFIG_FILES);
  const told = {
    ...files,
    load: (path: string, argument: string) => {
      tell(`reading ${path}`);
      return files.load(path, argument);
    },
  };
  const command = parseCommandLine(parts.args, { ...parts, configFiles: told, tell });
  return { source: { ...parts, record }, command };
}

/** Only where somebody waits at a terminal. */
function startProgress(): Progress {
  const isSeen = Deno.stderr.isTerminal();
  return new Progress({
    write: (text) => isSeen && say(Deno.stderr, text),
    // A terminal may not know how wide it is.
    columns: (isSeen && Deno.consoleSize().columns) || 80,
    nowMs: () => performance.now(),
  });
}

/** Says what would keep the server from starting, or that nothing would, and what a first request would find out. */
function check({ config, isVerbose, unused }: CheckCommand, progress: Progress): number {
  if (isVerbose) {
    progress.end();
    say(Deno.stdout, sitesTable(config.sites));
  }
  const problems = checkConfig(config, progress.tell);
  progress.end();
  if (problems.length > 0) return report(...problems);
  const server = config.user === null ? ownIdentity() : findIdentity(config.user, config.group);
  const scripts = config.cgi.user === null ? server : findIdentity(config.cgi.user);
  const others = new Map(programUsers(config).map((user) => [user.value, findIdentity(user)]));
  const findings = [
    ...surveySettings(config, { unused, nowMs: Date.now() }),
    ...surveyFiles(config, { server, scripts, others }, progress.tell),
  ];
  progress.end();
  for (const finding of findings) say(Deno.stderr, `lisod: note: ${finding}\n`);
  const notes = findings.length === 0 ? "" : ", but see the notes";
  say(Deno.stdout, `lisod: nothing is wrong with this configuration${notes}\n`);
  return 0;
}

/** With the streams in place of logs that are links to them: nothing is opened, given away or permitted by such a name. */
function withOpenStreams(config: Config): Config {
  const [logFile, accessLogFile] = [config.logFile, config.accessLogFile].map((file) => file && throughLinks(file));
  return { ...config, logFile, accessLogFile };
}

function readEnvironment(...names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]));
}

/** Serves in this process, or sees to it that another one does. */
async function start(
  config: Config,
  { libc, source, progress }: { readonly libc: Libc; readonly source: ConfigSource; readonly progress: Progress },
): Promise<number> {
  if (config.foreground) return await serve(config, { libc, source, isServing: () => Promise.resolve() });
  if (!isDaemon()) {
    progress.tell("waiting until the daemon serves");
    const problem = await startDaemon({ args: Deno.args, startMs: config.limits.daemonStartMs, libc });
    progress.end();
    if (problem === null) return 0;
    say(Deno.stderr, `lisod: ${problem}\n`);
    return 1;
  }
  const answerCommand = await becomeDaemon();
  try {
    return await serve(config, { libc, source, isServing: () => answerCommand(null) });
  } catch (error) {
    await answerCommand(error instanceof StartError ? error.message : `${error}`);
    return 1;
  }
}

/** Serves until a signal says to stop; `isServing` is called once, when everything listens. */
async function serve(
  config: Config,
  { libc, source, isServing }: {
    readonly libc: Libc;
    readonly source: ConfigSource;
    readonly isServing: () => Promise<void>;
  },
): Promise<number> {
  const own = new OwnChildren();
  // Before anything is started.
  const reaper = getsOrphans(libc) ? new OrphanReaper(libc, own) : null;
  const manager = ServiceManager.find(libc);
  keepRightsFromPrograms(libc);
  const identity = config.user === null ? null : findIdentity(config.user, config.group);
  const predecessor = config.isUpgrade && config.lockFile !== null ? Predecessor.find(config.lockFile, libc) : null;
  const lock = takeLock(config, predecessor !== null);
  if (identity !== null) giveLogs(config, identity);
  // A daemon's standard error is its log.
  const log = Log.open(config, {
    program: `lisod ${VERSION}`,
    complaints: config.foreground ? STDERR_SINK : null,
  });
  logUncaughtErrors(log, WHOLE);
  let serving: Serving | null = null;
  let endMs = 0;
  try {
    const fitted = fitLimits(config, { log, libc });
    const shared = await predecessor?.sharePorts([...config.http, ...config.https].map(({ port }) => port)) ?? null;
    serving = createServing(fitted, { log, libc, own, source, shared });
    // What the runtime itself may have to say, such as that it is out of memory, goes to the daemon's log.
    const followLog = () => sendStderrTo(config.foreground ? null : config.logFile?.value ?? null, libc);
    followLog();
    // Before the log says that it listens: whoever reads that may send a signal at once.
    const renewal = new ConfigRenewal({ config: fitted, source }, log);
    const addresses: ServedAddress[] = [];
    const successor = new Successor({
      ...{ lock, addresses, libc, log },
      ports: { socketCount: config.workerCount, userId: identity?.uid ?? Deno.uid() ?? 0 },
      isManaged: manager.isThere,
    });
    const stopped = Promise.race([
      stopSignal({ log, serving, manager, followLog, renewal, successor }),
      successor.came,
    ]);
    stopped.then(() => endMs = performance.now() + config.limits.drainMs);
    addresses.push(...await serving.listen());
    for (const address of addresses) log.info("main", `listening on ${servedText(address)}`);
    if (shared !== null) takePlace(config, { addresses, shared, lock, libc, log });
    // Looked up as whoever started us, for the user may not be able to.
    const files = manager.file === null ? [] : [manager.file];
    const needed = neededPermissions(config, {
      ...{ startsPrograms: libc === NO_LIBC, files },
      configPaths: recordedPaths(source.record),
    });
    if (identity !== null) {
      const httpsPorts = addresses.flatMap((address) => address.scheme === "https" ? [address.port] : []);
      await serving.changeUser(() =>
        leaveRoot(identity, { config, configPaths: recordedPaths(source.record), libc, httpsPorts, log })
      );
    }
    if (libc === NO_LIBC) warnOfRuntimeLimits(config, { log, manager });
    warnOfRisks(config, log);
    log.info("main", `permissions of the runtime that are left: ${narrowPermissions(needed)}`);
    // Whoever waits for the start finds it in the log, unless a write hangs.
    await log.flush();
    // Only now: while the server starts, the runtime has children of its own.
    reaper?.start();
    await isServing();
    manager.watch(serving.answers);
    manager.tell("READY=1");
    if (usesCgi(config)) removeLeftFiles(config, log);
    const failure = await Promise.race([stopped, serving.failed]);
    if (failure !== undefined) throw failure;
    manager.tell("STOPPING=1");
    if (successor.hasCome) await serving.leavePorts((index) => successor.choose(index));
    await serving.stop(successor.hasCome);
    log.info("main", "stopped");
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) log.error("main", "Cannot go on", error);
    else if (config.logFile !== null) log.error("main", error.message);
    throw error;
  } finally {
    await serving?.kill();
    reaper?.stop();
    // A write that hangs may end in the time that the stop has, which connections may have used up.
    await log.close(Math.max(endMs - performance.now(), LAST_WRITE_MS));
    await lock?.release();
  }
}

/** Null where the operator wants none. `isUpgrade`: beside that of the server whose place is taken. Throws StartError. */
function takeLock({ lockFile }: Config, isUpgrade: boolean): LockFile | null {
  if (lockFile === null) return null;
  return isUpgrade ? LockFile.takeBeside(lockFile) : LockFile.take(lockFile);
}

/** Everything listens: new clients come here, and the server before sees that it may go. Throws StartError. */
function takePlace({ lockFile, workerCount: count }: Config, { addresses, shared, lock, libc, log }: {
  readonly addresses: readonly ServedAddress[];
  readonly shared: SharedPorts;
  readonly lock: LockFile | null;
  readonly libc: Libc;
  readonly log: Log;
}): void {
  if (!Predecessor.takeClients(addresses, { shared, count, libc })) {
    log.warn("main", "The kernel gives some connections to the server before this one: they may be lost");
  }
  if (lockFile !== null) lock?.replace(lockFile);
  log.info("main", "took the place of the server before this one");
}

/** One worker is this thread: another one would take 50 ms and 16 MiB, and do nothing that this one cannot. */
function createServing(
  config: Config,
  { log, libc, own, source, shared }: {
    readonly log: Log;
    readonly libc: Libc;
    readonly own: OwnChildren;
    readonly source: ConfigSource;
    readonly shared: SharedPorts | null;
  },
): Serving {
  if (config.workerCount > 1 && libc === NO_LIBC) {
    const problem = "several cannot listen on one port, for the C library was not found";
    throw new StartError({ argument: "--workers", value: `${config.workerCount}`, problem, remedy: "give 1" });
  }
  if (config.workerCount > 1) return new WorkerPool(config, { log, own, source, shared });
  return new ThreadServer(config, { log, libc, own, shared, part: WHOLE });
}

/** What a server that was killed has left where contents are kept: while clients are served, for the folder may hold much. */
async function removeLeftFiles({ cgi }: Config, log: Log): Promise<void> {
  const count = await sweepFiles(cgi.spoolFolder.value, Date.now());
  if (count > 0) log.info("main", `removed ${count} files that a killed server had left in "${cgi.spoolFolder.value}"`);
}

/** What an operator may not have meant, or the machine does not have. */
function warnOfRisks(
  { sites, http, redirectsToHttps, socketFiles, access, cgi }: Config,
  log: Log,
): void {
  if (isRoot()) log.warn("main", "running as root: --user NAME would take away what the server does not need");
  // setrlimit(2): RLIMIT_NPROC is not enforced for root.
  if (isRoot() && cgi.resources.processCount !== null && cgi.user === null) {
    log.warn("main", "--cgi-limit-processes does not bind root: --cgi-user NAME would make it hold");
  }
  if (socketFiles.length > 0 && !access.trustsUnixSockets) {
    const what = "clients of Unix sockets have no address, and the limits of an address do not hold for them";
    log.info("main", `${what}: --proxy unix believes a proxy there for whom it asks`);
  }
  const plain = sites.flatMap(({ places }) => places).find(({ programs: { told, run } }) =>
    told.isWarm && run !== null
  );
  if (plain !== undefined) {
    const why = "programs with a user, limits or times of their own are never kept warm";
    log.warn("main", `${plain.label}: --cgi-warm means nothing there: ${why}`);
  }
  for (const denial of halfDenials({ sites })) log.warn("main", denial);
  if (sites.some(({ realms }) => realms.length > 0) && http.length > 0 && !redirectsToHttps) {
    log.warn(
      "main",
      "passwords of --auth reach the HTTP port unencrypted; --https-redirect would send clients to HTTPS",
    );
  }
}

/** Which way to the system is taken, where it is not the usual one, and what that cannot do. */
function warnOfRuntimeLimits(
  config: Config,
  { log, manager }: { readonly log: Log; readonly manager: ServiceManager },
): void {
  if (config.usesNative) log.warn("main", "no glibc was found: clients and programs are reached by the runtime alone");
  else log.info("main", "--native off: clients and programs are reached by the runtime alone");
  for (const limit of runtimeLimits(config, { hasUntoldManager: manager.isUntold, isFirst: Deno.pid === 1 })) {
    log.warn("main", limit);
  }
}

/** The same, with fewer connections and scripts where the descriptors do not reach. */
function fitLimits(config: Config, { log, libc }: { readonly log: Log; readonly libc: Libc }): Config {
  const { limits, cgi } = config;
  const descriptorCount = readDescriptorLimit(libc);
  const because = `the system gives ${descriptorCount} descriptors`;
  const maxConnectionCount = fitConnections(limits, descriptorCount);
  if (maxConnectionCount < limits.maxConnectionCount) {
    log.warn("main", `at most ${maxConnectionCount} connections: ${because}`);
  }
  const maxScripts = fitScripts(cgi.maxScripts, { descriptorCount, maxConnectionCount });
  if (maxScripts < cgi.maxScripts && usesCgi(config)) {
    log.warn("main", `at most ${maxScripts} scripts at once, others wait: ${because}`);
  }
  return { ...config, limits: { ...limits, maxConnectionCount }, cgi: { ...cgi, maxScripts } };
}

/** The configuration in force, and what SIGHUP makes of it. */
class ConfigRenewal {
  readonly #log: Log;
  readonly #start: Config;
  #current: Renewed;

  constructor(current: Renewed, log: Log) {
    this.#current = current;
    this.#start = current.config;
    this.#log = log;
  }

  /** Null where nothing has changed; "refused" where all stays as it was, which the log explains. */
  renew(): Renewed | "refused" | null {
    const log = this.#log;
    try {
      const source = this.#readAgain();
      const renewal = source === null ? null : renewConfig({ ...this.#current, start: this.#start }, source);
      if (source === null || renewal === null) return null;
      const { config, restarts } = renewal;
      if (restarts.length > 0) log.warn("main", `takes a restart: ${restarts.join(", ")}`);
      this.#current = { config, source };
      return this.#current;
    } catch (error) {
      const text = "Cannot reload, all stays as it was";
      if (error instanceof StartError) log.error("main", `${text}: ${error.message}`);
      else log.error("main", text, error);
      return "refused";
    }
  }

  /** Null where its files cannot be read any more, as those of root: certificates and passwords still can be. */
  #readAgain(): ConfigSource | null {
    try {
      return readSource(this.#current.source).source;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      this.#log.warn("main", `Sites stay as they were: ${error.message}`);
      return null;
    }
  }
}

/** Of a file that this user, or what the runtime still permits, keeps from being read. */
function isForbidden(error: unknown): error is StartError {
  if (!(error instanceof StartError)) return false;
  return error.cause instanceof Deno.errors.PermissionDenied || error.cause instanceof Deno.errors.NotCapable;
}

/** What signals act on. */
interface Signalled {
  readonly log: Log;
  /** Lets standard error be the log that is open now. */
  readonly followLog: () => void;
  readonly serving: Serving;
  readonly manager: ServiceManager;
  readonly renewal: ConfigRenewal;
  readonly successor: Successor;
}

/** Resolves when the server is to stop; until then the other signals do their work. */
function stopSignal({ log, followLog, serving, manager, renewal, successor }: Signalled): Promise<void> {
  const reopenLog = async () => {
    await log.reopen();
    followLog();
  };
  return new Promise((stop) => {
    handleSignals({
      stop,
      stopNow: async () => {
        log.warn("main", "stopped at once by a second signal");
        await serving.kill();
        await log.close(LAST_WRITE_MS);
        Deno.exit(1);
      },
      reload: async () => {
        manager.tell("RELOADING=1");
        reopenLog();
        const renewed = renewal.renew();
        if (renewed !== "refused" && await serving.reload(renewed)) log.info("main", "reloaded");
        manager.tell("READY=1");
      },
      reopenLog,
      share: () => successor.share(),
    });
  });
}

function say(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  stream.writeSync(new TextEncoder().encode(text));
}

/** On standard error, which the log may have filled and nobody reads: then it is left unsaid. */
async function sayLast(text: string): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
  await Promise.race([STDERR_SINK.write(new TextEncoder().encode(text)), late]);
}

const LAST_WORDS_MS = 5000;

/** One line each on stderr; the exit status is that of the gravest. */
function report(...problems: readonly StartError[]): number {
  for (const { message } of problems) say(Deno.stderr, `lisod: ${message}\n`);
  return Math.max(0, ...problems.map(({ exitCode }) => exitCode));
}

// In a turn of its own: for an error V8 parses each function of the stack once more, to know its lines, and below whatever is called
// from here at once stands all of the program (40 ms; findings/v8-first-error-parses-again.sh).
if (import.meta.main) Promise.resolve().then(main).then(Deno.exit);
