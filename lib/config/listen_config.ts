/**
 * Where to listen, by --http, --https and --listen, and what whoever started the server has opened for it. Separate from
 * config.ts because three options and the environment make one answer. Pure. unix(7), sd_listen_fds(3).
 */
import type { HandedSocket, ListenAddress, SocketFile } from "../net/listen_address.ts";
import { UsageError } from "../start_error.ts";
import type { Settings, ValueContext } from "./settings.ts";

export interface ListenConfig {
  /** Ports for HTTP. */
  readonly http: readonly ListenAddress[];
  /** Ports for HTTPS. */
  readonly https: readonly ListenAddress[];
  /** For HTTP. */
  readonly socketFiles: readonly SocketFile[];
  /** For HTTP. */
  readonly handedSockets: readonly HandedSocket[];
}

/** One value of --listen: an address for the ports of --http and --https, or something that stands by itself. */
type Listen =
  | { readonly kind: "address"; readonly hostname: string }
  | { readonly kind: "port"; readonly scheme: "http" | "https"; readonly address: ListenAddress }
  | { readonly kind: "file"; readonly file: SocketFile };

const MAX_PORT = 65_535;
/** Of the 107 bytes that a name of a socket may have, some are for the one by which it is opened (lib/net/socket_file.ts). */
const MAX_PATH_BYTES = 99;
/** Whoever is in its group may connect, and nobody else. */
const DEFAULT_MODE = 0o660;
/** SD_LISTEN_FDS_START */
const FIRST_HANDED = 3;

/** `environment`: LISTEN_FDS and LISTEN_FDNAMES where they are meant for this process. Throws UsageError. */
export function readListenConfig(
  settings: Settings,
  environment: { readonly [name: string]: string | undefined },
): ListenConfig {
  const all = settings.each("listen", {
    parse: parseListen,
    problem: "neither an address, nor one with a port, nor a file",
    remedy: "give one such as 192.0.2.1, [::1]:8080, https:*:8443 or unix:/run/lisod/http.sock",
  });
  const hostnames = all.flatMap((each) => each.kind === "address" ? [each.hostname] : []);
  const socketFiles = all.flatMap((each) => each.kind === "file" ? [each.file] : []);
  const own = (scheme: "http" | "https") =>
    all.flatMap((each) => each.kind === "port" && each.scheme === scheme ? [each.address] : []);
  const addressesOf = (name: "http" | "https"): readonly ListenAddress[] => {
    const [argument, port] = [settings.label(name), settings.port(name)];
    return (hostnames.length === 0 ? [null] : hostnames).map((hostname) => ({ argument, port, hostname }));
  };
  const handedSockets = readHandedSockets(environment);
  const stands = all.length > hostnames.length && hostnames.length === 0;
  const usesHttp = handedSockets.length === 0 && (settings.has("http") || !settings.has("https") && !stands);
  const http = [...(usesHttp ? addressesOf("http") : []), ...own("http")];
  const https = [...(settings.has("https") ? addressesOf("https") : []), ...own("https")];
  return { http, https, socketFiles, handedSockets };
}

function parseListen(text: string, context: ValueContext): Listen | null {
  const { argument } = context;
  const [, scheme, rest = ""] = /^(?:(https?):)?(.*)$/s.exec(text) ?? [];
  if (rest.startsWith("unix:")) {
    if (scheme !== "https") return parseFile(rest, context);
    const problem = "the runtime speaks TLS on ports alone";
    throw new UsageError({ argument, value: text, problem, remedy: "leave out https:, or give a port" });
  }
  const [, bracketed, plain, portText] = /^(?:(?:\[([^[\]]+)\]|([^:[\]]+)):)?(\d+)$/.exec(rest) ?? [];
  if (portText !== undefined) {
    const [port, name] = [Number(portText), bracketed ?? plain ?? "*"];
    const address = { argument, port, hostname: name === "*" ? null : name };
    return port > MAX_PORT ? null : { kind: "port", scheme: scheme === "https" ? "https" : "http", address };
  }
  if (scheme !== undefined) return null;
  const [, inBrackets, bare] = /^(?:\[([^[\]]+)\]|([^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*))$/.exec(rest) ?? [];
  const hostname = inBrackets ?? bare;
  return hostname === undefined ? null : { kind: "address", hostname };
}

/** `unix:PATH`, then perhaps a mode in octal digits, an owner and a group, with colons between them. */
function parseFile(text: string, { argument, resolvePath }: ValueContext): Listen | null {
  const [, pathText = "", mode, owner = "", group = ""] =
    /^unix:(.+?)(?::(0?[0-7]{3})(?::([^:/]*)(?::([^:/]*))?)?)?$/s.exec(text) ?? [];
  const path = pathText === "" || pathText.endsWith("/") ? null : resolvePath(pathText);
  if (path === null) return null;
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    const problem = `its path has more than ${MAX_PATH_BYTES} bytes`;
    throw new UsageError({ argument, value: text, problem, remedy: "give a shorter one" });
  }
  const [ownerGiven, groupGiven] = [owner, group].map((value) => value === "" ? null : { argument, value });
  return {
    kind: "file",
    file: {
      ...{ argument, path, mode: mode === undefined ? DEFAULT_MODE : parseInt(mode, 8) },
      ...{ owner: ownerGiven, group: groupGiven, descriptor: null },
    },
  };
}

function readHandedSockets(
  { LISTEN_FDS = "", LISTEN_FDNAMES = "" }: { readonly [name: string]: string | undefined },
): readonly HandedSocket[] {
  if (!/^\d{1,4}$/.test(LISTEN_FDS)) return [];
  const names = LISTEN_FDNAMES.split(":");
  const sockets = Array.from({ length: Number(LISTEN_FDS) }, (_, index) => {
    return { descriptor: FIRST_HANDED + index, name: names[index] ?? "" };
  });
  if (sockets.some(({ name }) => name === "https")) {
    const problem = "the runtime cannot speak TLS on a socket that it has not opened";
    const remedy = "take it out of the socket unit, and give --https PORT";
    throw new UsageError({ argument: "LISTEN_FDNAMES", value: LISTEN_FDNAMES, problem, remedy });
  }
  return sockets;
}

/** Throws UsageError where one place is named twice. */
export function refuseTwice({ http, https, socketFiles }: ListenConfig): void {
  const ports = [...http, ...https].filter(({ port }) => port !== 0);
  const places = [
    ...ports.map(({ argument, hostname, port }) => ({ argument, value: `${hostname ?? "*"}:${port}` })),
    ...socketFiles.map(({ argument, path }) => ({ argument, value: path })),
  ];
  places.forEach(({ argument, value }, index) => {
    const same = places.slice(0, index).find((other) => other.value === value);
    if (same === undefined) return;
    const problem = `already listened on by ${same.argument}`;
    throw new UsageError({ argument, value, problem, remedy: "give it once" });
  });
}
