/**
 * lisod: the composition root. Arguments become a Config, the Config becomes log, listeners and handlers, and these are
 * put together here and nowhere else.
 */
import { HeadWriter, OutputPool } from "./lib/http/writers.ts";
import { checkConfig } from "./lib/server/check_config.ts";
import { type Config, parseCommandLine } from "./lib/server/config.ts";
import { ErrorPages } from "./lib/server/error_pages.ts";
import { helpText, versionText } from "./lib/server/help.ts";
import { listenTcp } from "./lib/server/listen.ts";
import { loadErrorPages } from "./lib/server/load_error_pages.ts";
import { Log } from "./lib/server/log.ts";
import { argumentLabel } from "./lib/server/options.ts";
import { createRouter } from "./lib/server/router.ts";
import type { ConnectionServices } from "./lib/server/serve_connection.ts";
import { Server } from "./lib/server/serve_listener.ts";
import { SocketShutdown } from "./lib/server/socket_shutdown.ts";
import { StartError } from "./lib/server/start_error.ts";
import { Clock } from "./lib/server/transport.ts";
import { createStaticHandler } from "./lib/static/static_files.ts";

const VERSION = "1.0.0";

/** What runs under `deno run main.ts` and as the compiled binary; resolves when the server has stopped, or to say why not. */
async function main(): Promise<number> {
  try {
    const command = parseCommandLine(Deno.args, {
      cwd: Deno.cwd(),
      environment: { LISOD_FOREGROUND: Deno.env.get("LISOD_FOREGROUND") },
    });
    switch (command.kind) {
      case "help":
        say(helpText());
        return 0;
      case "version":
        say(versionText({ lisod: VERSION, deno: Deno.version.deno, v8: Deno.version.v8 }));
        return 0;
      case "check":
        return report(checkConfig(command.config));
      case "serve": {
        const problems = checkConfig(command.config);
        return problems.length > 0 ? report(problems) : await serve(command.config);
      }
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return report([error]);
  }
}

async function serve(config: Config): Promise<number> {
  const sockets = SocketShutdown.open();
  const log = Log.open(config, { program: `lisod ${VERSION}` });
  try {
    if (!sockets.isAvailable) {
      log.warn("main", "libc was not found: a socket on which a write hangs is not closed in time");
    }
    const listener = config.http === null ? null : listenTcp(config.http, argumentLabel("http", config.form));
    const server = new Server(createServices(config, { log, sockets }));
    sayWhatIsMissing(config, log);
    if (listener !== null) {
      log.info("main", `listening on ${urlOf(listener.addr)}`);
      server.serve(listener, { secure: false });
    }
    log.flush();
    await stopSignal(log);
    log.info("main", `stopping, ${server.connectionCount} connections are open`);
    await server.drain();
    log.info("main", "stopped");
    return 0;
  } finally {
    log.close();
  }
}

function createServices(
  config: Config,
  { log, sockets }: { readonly log: Log; readonly sockets: SocketShutdown },
): ConnectionServices {
  const { rules, limits, root, listing, servesDotFiles, errorPagesFolder } = config;
  const clock = new Clock();
  const pages = new ErrorPages(rules, errorPagesFolder === null ? undefined : loadErrorPages(errorPagesFolder, limits));
  const files = createStaticHandler({ root, listing, servesDotFiles, limits, rules, nowMs: () => clock.nowMs });
  return {
    handler: createRouter({ rules, files, scripts: null }),
    errorResponse: ({ status, fields }) => pages.response(status, fields),
    log,
    limits,
    rules,
    headWriter: new HeadWriter(),
    outputPool: new OutputPool(),
    clock,
    shutdownSocket: (connection) => sockets.shutdownSocket(connection),
  };
}

/** The positional form names things that this version does not have yet. */
function sayWhatIsMissing(config: Config, log: Log): void {
  if (config.https !== null) log.warn("main", "HTTPS is not there yet: only HTTP is served");
  if (config.cgiPath !== null) log.warn("main", "CGI is not there yet: /cgi/ is served as files");
  if (!config.foreground) log.warn("main", "The daemon is not there yet: the server stays in the foreground");
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. SIGUSR1 reopens the log. */
async function stopSignal(log: Log): Promise<void> {
  Deno.addSignalListener("SIGUSR1", () => log.reopen());
  await new Promise<void>((resolve) => {
    let isStopping = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => {
        if (isStopping) {
          log.close();
          Deno.exit(1);
        }
        isStopping = true;
        resolve();
      });
    }
  });
}

function urlOf({ hostname, port }: Deno.NetAddr): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** One line each on stderr; the exit status is that of the gravest. */
function report(problems: readonly StartError[]): number {
  for (const { message } of problems) Deno.stderr.writeSync(new TextEncoder().encode(`lisod: ${message}\n`));
  return Math.max(0, ...problems.map(({ exitCode }) => exitCode));
}

if (import.meta.main) Deno.exit(await main());
