/**
 * The key and certificate of each host. Separate from the listener, which asks for the one that a client's name leads to, and
 * from load_credentials.ts, which knows one pair. I/O: reads PEM files. RFC 6066 3 (server_name).
 */
import { HostMap } from "../host_map.ts";
import { StartError } from "../start_error.ts";
import type { Credentials } from "./check_credentials.ts";
import { type CredentialFiles, type HostCredentials, loadCredentials } from "./load_credentials.ts";

/** By the paths of its files. */
type Pairs = ReadonlyMap<string, Credentials>;

export class NamedCredentials {
  readonly #pairs: Pairs;
  readonly #byHost: HostMap<Credentials>;
  /** Of clients that name no host, or one that nobody has. */
  readonly first: Credentials;

  private constructor(hosts: readonly HostCredentials[], pairs: Pairs) {
    const pairOf = ({ files }: HostCredentials) => {
      const pair = pairs.get(pathsOf(files));
      if (pair === undefined) throw new Error("A host without credentials");
      return pair;
    };
    this.#pairs = pairs;
    this.first = pairOf(hosts[0]);
    this.#byHost = new HostMap(hosts.map((host) => [host.hosts, pairOf(host)]));
  }

  /** Of at least one host. Throws StartError, as `loadCredentials` does. */
  static load(hosts: readonly HostCredentials[], nowMs: number): NamedCredentials {
    const { loaded, problems: [problem] } = NamedCredentials.#load(hosts, nowMs, new Map());
    if (problem !== undefined) throw problem;
    return loaded;
  }

  static #load(hosts: readonly HostCredentials[], nowMs: number, old: Pairs) {
    const pairs = new Map<string, Credentials>();
    const problems: StartError[] = [];
    for (const { files } of hosts) {
      const paths = pathsOf(files);
      if (pairs.has(paths)) continue;
      try {
        pairs.set(paths, loadCredentials(files, nowMs));
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        problems.push(error);
        const kept = old.get(paths);
        if (kept === undefined) throw error;
        pairs.set(paths, kept);
      }
    }
    return { loaded: new NamedCredentials(hosts, pairs), problems };
  }

  /** What the files hold now; a pair that is no good stays as it was, and is one of `problems`. Throws StartError for a new one. */
  reload(hosts: readonly HostCredentials[], nowMs: number) {
    return NamedCredentials.#load(hosts, nowMs, this.#pairs);
  }

  /** Each once. */
  get all(): readonly Credentials[] {
    return [...this.#pairs.values()];
  }

  /** Whether one pair is that of all hosts. */
  get isOne(): boolean {
    return this.#pairs.size === 1;
  }

  /** `name` as a client sent it. */
  of(name: string): Credentials {
    return this.#byHost.find(name.toLowerCase()) ?? this.first;
  }

  /** Names and addresses of all certificates. */
  get names(): readonly string[] {
    return [...new Set(this.all.flatMap(({ names }) => names))];
  }

  isSameAs(other: NamedCredentials): boolean {
    const texts = ({ all }: NamedCredentials) => all.map(({ key, certificate }) => key + certificate).join();
    return texts(this) === texts(other);
  }
}

function pathsOf({ keyFile, certificateFile, passphraseFile }: CredentialFiles): string {
  return JSON.stringify([keyFile.value, certificateFile.value, passphraseFile?.value ?? null]);
}
