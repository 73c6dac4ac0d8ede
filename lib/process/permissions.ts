/**
 * Gives up, for good, every permission of the runtime that the server does not need once it serves: whole kinds, and of
 * reading and writing all but the paths that the configuration names. What is open stays usable: listeners accept, the
 * log is written, the lock is given back. The runtime takes no part out of a permission that was granted whole, but it
 * takes "/" out of a list that also holds something else; so the binary is compiled with --allow-read=/ --allow-write=/,
 * and the paths are put on the list before "/" goes. A path is compared as it is written: a link that an operator has
 * made below it still leads out, and code that got in can make none. CGI programs take no permission where they are
 * started through functions of the C library that were opened before (lib/system/process_calls.ts), and that of running any
 * program where the runtime starts them. I/O.
 */
import { dirname } from "@std/path";
import {
  type Config,
  credentialPaths,
  errorPageFolders,
  interpreters,
  keepsContent,
  logFiles,
  mountedPaths,
  upstreams,
  userFiles,
  usesCgi,
} from "../config/config.ts";
import { standardStream } from "../log/standard_stream.ts";
import type { Given } from "../start_error.ts";

const PATH_KINDS = ["read", "write"] as const;
const OTHER_KINDS = ["net", "run", "env", "sys", "ffi", "import"] as const;

type PathKind = (typeof PATH_KINDS)[number];
type OtherKind = (typeof OTHER_KINDS)[number];

/** What a server may do; of a path that is not there, make it. */
export type Permissions =
  & { readonly [kind in PathKind]: readonly string[] }
  & { readonly [kind in OtherKind]: boolean };

/** What more than the configuration decides it. */
export interface PermissionOptions {
  /** Whether the runtime starts programs, and not the C library. */
  readonly startsPrograms: boolean;
  /** Files that are read and written beside those of the configuration. */
  readonly files?: readonly string[];
  /** Files and folders of the configuration itself. */
  readonly configPaths?: readonly string[];
}

/** What sites and places read, by the names that the configuration has for it. */
export function namedPaths(config: Config): readonly Given[] {
  return [
    ...mountedPaths(config, "files"),
    ...mountedPaths(config, "programs"),
    ...interpreters(config),
    ...errorPageFolders(config),
    ...credentialPaths(config),
    ...userFiles(config),
  ];
}

/** What a server with that configuration needs from now on; paths are absolute. */
export function neededPermissions(
  config: Config,
  { startsPrograms, files = [], configPaths = [] }: PermissionOptions,
): Permissions {
  // To open a log again; content of requests on its way to programs; socket files, to remove them.
  const logs = logFiles(config).filter(({ value }) => standardStream(value) === null);
  const addresses = upstreams(config).map(({ upstream }) => upstream.address);
  // The runtime asks for both of the path of a socket.
  const sockets = addresses.flatMap((address) => address.transport === "unix" ? [address.path] : []);
  const socketFiles = config.socketFiles.map(({ path }) => path);
  const spool = keepsContent(config) ? config.cgi.spoolFolder : null;
  const written = [...present(...logs, spool), ...files, ...sockets, ...socketFiles];
  return {
    read: [
      ...namedPaths(config).map(({ value }) => value),
      ...mountedPaths(config, "files").flatMap(({ value }) => linkedFolders(value)),
      ...config.reloadFolders.map(({ value }) => value),
      ...configPaths,
      ...written,
      // What links lead to is opened where it really is.
      ...(leadsOut(config) ? ["/"] : []),
    ],
    write: written,
    // A new certificate takes a new listener, an upstream a connection.
    net: config.https.length > 0 || addresses.some(({ transport }) => transport === "tcp"),
    // Their signals take it as well.
    run: startsPrograms && usesCgi(config),
    env: false,
    sys: false,
    ffi: false,
    import: false,
  };
}

function leadsOut({ sites }: Config): boolean {
  return sites.some(({ places }) => places.some(({ settings }) => settings.links !== "inside"));
}

function present(...paths: readonly (Given | null)[]): readonly string[] {
  return paths.flatMap((path) => path === null ? [] : [path.value]);
}

/**
 * For the runtime a file that is open lies where it really is. Where links lead to the path, that is beside where they
 * lead now: so they may be turned to another folder there, as is done to publish a new state of a site at once.
 */
function linkedFolders(path: string): readonly string[] {
  if (path === "/") return [];
  const rest = linkedFolders(dirname(path));
  if (!Deno.lstatSync(path).isSymlink) return rest;
  const target = Deno.realPathSync(path);
  // All of the disk would be too much.
  return [dirname(target) === "/" ? target : dirname(target), ...rest];
}

/** Gives up all but that. Returns what is left as a line for the log: `read /srv/www, write /var/log/lisod.log`. */
export function narrowPermissions(needed: Permissions): string {
  for (const name of PATH_KINDS) narrowPaths(name, needed[name]);
  for (const name of OTHER_KINDS) {
    if (!needed[name]) Deno.permissions.revokeSync({ name });
  }
  return [
    ...PATH_KINDS.map((name) => describePaths(name, needed[name])),
    ...OTHER_KINDS.filter((name) => isGranted({ name })),
  ].filter((text) => text !== "").join(", ");
}

export function mayRead(path: string): boolean {
  return isGranted({ name: "read", path });
}

function narrowPaths(name: PathKind, paths: readonly string[]): void {
  if (paths.length === 0) Deno.permissions.revokeSync({ name });
  // Asking for what "/" grants puts the path on the list, and asks nobody.
  for (const path of paths) Deno.permissions.requestSync({ name, path });
  if (!paths.includes("/")) Deno.permissions.revokeSync({ name, path: "/" });
}

/** As the runtime says: the kind alone where it is still granted whole. */
function describePaths(name: PathKind, paths: readonly string[]): string {
  const granted = isGranted({ name, path: "/" }) ? ["everything"] : paths.filter((path) => isGranted({ name, path }));
  return granted.length === 0 ? "" : `${name} ${granted.join(" ")}`;
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
