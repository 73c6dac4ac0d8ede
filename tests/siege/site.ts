/** The site of the siege, and lisod over it. */
import { join } from "@std/path";
import { type Place, type StartOptions, startServer, type TestServer, writeFiles } from "../harness.ts";
import { procField } from "../daemon.ts";
import type { Besieged } from "./besieged.ts";
import { askFairly } from "./fair_client.ts";
import { SCRIPTS, type SiteFiles, SMALL } from "./crowds.ts";

/** Folders of a site in a temporary folder. Disposing removes all. */
export class Site implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `programs`: beside those that all have. */
  static async make(files: SiteFiles, programs: Readonly<Record<string, string>> = {}): Promise<Site> {
    const site = new Site(await Deno.makeTempDir({ prefix: "lisod-siege-" }));
    const scripts = {
      ...SCRIPTS,
      ...Object.fromEntries(Object.entries(programs).map(([name, text]) => [`cgi/${name}`, text])),
    };
    await writeFiles(site.folder, { ...scripts, "www/small": SMALL });
    for (const name of Object.keys(scripts)) await Deno.chmod(join(site.folder, name), 0o755);
    for (const name of ["spool", "running"]) await Deno.mkdir(join(site.folder, name));
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === "number") await makeMany(join(site.root, name), content);
      else await writeFiles(site.root, { [name]: content });
    }
    return site;
  }

  get root(): string {
    return join(this.folder, "www");
  }

  get spool(): string {
    return join(this.folder, "spool");
  }

  /** Where scripts tell that they run: files with their process ids as names. */
  get running(): string {
    return join(this.folder, "running");
  }

  /** The arguments that every lisod of the siege has. */
  get args(): readonly string[] {
    return ["--cgi", join(this.folder, "cgi"), "--cgi-spool", this.spool, "--cgi-env", `RUNNING=${this.running}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function makeMany(folder: string, count: number): Promise<void> {
  await Deno.mkdir(folder);
  for (let number = 0; number < count; number++) {
    Deno.openSync(join(folder, `file-${number}.txt`), { write: true, createNew: true }).close();
  }
}

/** lisod over the site; its spool must be empty, and its log without an error, whenever it is asked for a complaint. */
export class BesiegedLisod implements Besieged {
  readonly server: TestServer;
  readonly #site: Site;

  private constructor(server: TestServer, site: Site) {
    this.server = server;
    this.#site = site;
  }

  /** Port 0: a free one. */
  static async start(
    site: Site,
    { args = [], through, port = 0 }: Pick<StartOptions, "args" | "through"> & { readonly port?: number } = {},
  ): Promise<BesiegedLisod> {
    const commandLine = ({ log }: Place) => [
      ...["--http", `${port}`, "--listen", "127.0.0.1", "--root", site.root, "--log", log, "--foreground"],
      ...site.args,
      ...args,
    ];
    const server = new BesiegedLisod(await startServer({ commandLine, through }), site);
    // What the first script leaves for good, such as a helper process, is no leak.
    await askFairly({ port: server.port, path: "/cgi/small", want: SMALL }, () => true);
    return server;
  }

  get port(): number {
    return this.server.port();
  }

  pids(): readonly number[] {
    return [this.server.pid];
  }

  complaint(): string | null {
    if (procField(this.server.pid, "State") === "") return "the server has ended";
    const error = /^.* ERROR .*$/m.exec(this.server.logText());
    if (error !== null) return `the log has an error: ${error[0].slice(0, 200)}`;
    const left = [...Deno.readDirSync(this.#site.spool)].length;
    return left === 0 ? null : `${left} files are left in the spool`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
