/**
 * Puts points to hosts: makes the folder with the programs, starts every host on a port of its own, asks, and stops them by
 * their process ids. I/O; how a server is started and stopped is the bench's.
 */
import { Fleet, type Server } from "../../scripts/bench/fleet.ts";
import type { Site } from "../../scripts/bench/site.ts";
import { exchange, requestText } from "./answer.ts";
import type { Host } from "./hosts.ts";
import type { AskingPoint, Point, Program, RunningHost } from "./point.ts";

/** What each host did on a point, by its name. */
export type Findings = ReadonlyMap<string, string>;

export interface RunOptions {
  readonly hosts: readonly Host[];
  /** Is told of each point that is done. */
  readonly tell: (message: string) => void;
}

/** What each host does on each point, by the point. Throws Error where a host does not start; nothing is left behind. */
export async function runPoints(points: readonly Point[], options: RunOptions): Promise<ReadonlyMap<Point, Findings>> {
  const site = await makeSite(points);
  const fleet = new Fleet(site);
  try {
    const servers = await Promise.all(options.hosts.map(({ peer }) => fleet.start(peer, ["cgi"])));
    const found = new Map<Point, Findings>();
    for (const point of points) {
      found.set(point, await putToAll(point, { ...options, site, servers }));
      options.tell(`${found.size}/${points.length} ${point.name}`);
    }
    return found;
  } finally {
    await fleet.close();
    await Deno.remove(site.folder, { recursive: true });
  }
}

async function putToAll(
  point: Point,
  { hosts, site, servers }: RunOptions & { readonly site: Site; readonly servers: readonly Server[] },
): Promise<Findings> {
  const found = await Promise.all(hosts.map(async ({ peer, prefix }, at) => {
    const server = servers[at];
    const { httpPort } = server.place;
    const host: RunningHost = {
      name: peer.name,
      port: httpPort,
      target: prefix + fileName(point),
      note: `${peer.name}-${fileName(point)}`,
      notes: `${site.folder}/notes`,
      readLogs: () => readLogs(server),
    };
    const text = (await put(point, host)).replaceAll(prefix, "/cgi/").replaceAll(site.folder, "SITE")
      .replaceAll(String(httpPort), "PORT");
    return [peer.name, text] as const;
  }));
  return new Map(found);
}

/** How often a point is put to a host: what Apache says of a length, for one, depends on how output comes out of pipes. */
const ROUNDS = 8;
/** An answer that takes longer is not asked for again. */
const SLOW_MS = 1000;

/** What the host did; all that it did where that was not always the same. */
async function put(point: Point, host: RunningHost): Promise<string> {
  if ("look" in point && point.isRepeatable !== true) return await point.look(host);
  const found = new Set<string>();
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    found.add("look" in point ? await point.look(host) : await ask(point, host));
    if (performance.now() - start > SLOW_MS * (round + 1)) break;
  }
  return [...found].sort().join(" - or - ");
}

async function ask({ ask = {}, tell }: AskingPoint, { port, target }: RunningHost): Promise<string> {
  return tell(await exchange(port, requestText(target + (ask.path ?? ""), ask)));
}

/** Where the program of a point stands below the folder of programs. */
export function fileName({ program, name, file }: Point): string {
  return file ?? (program === "probe" ? "probe.cgi" : `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.cgi`);
}

/** The folder that all hosts serve; the programs stand in cgi/, which is www/cgi-bin/ too. */
async function makeSite(points: readonly Point[]): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-hosts-" });
  const site = { folder, root: `${folder}/www`, certificate: "", key: "" };
  // Some hosts leave root for another user, and so do their programs.
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(site.root);
  await Deno.writeTextFile(`${site.root}/page.txt`, "page");
  await Deno.mkdir(`${folder}/cgi`);
  await Deno.symlink("../cgi", `${site.root}/cgi-bin`);
  await Deno.mkdir(`${folder}/notes`);
  await Deno.chmod(`${folder}/notes`, 0o1777);
  await writeProgram(`${folder}/cgi/probe.cgi`, await Deno.readTextFile(`${import.meta.dirname}/probe.pl`), 0o755);
  for (const point of points) {
    const { program } = point;
    if (program === "probe") continue;
    const text = programText(program).replaceAll("{{notes}}", `${folder}/notes`);
    await writeProgram(`${folder}/cgi/${fileName(point)}`, text, "mode" in program ? program.mode ?? 0o755 : 0o755);
  }
  return site;
}

async function writeProgram(path: string, text: string, mode: number): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, mode);
}

function programText(program: Exclude<Program, "probe">): string {
  if ("file" in program) return program.file;
  return `#!/bin/sh\n${"shell" in program ? program.shell : printing(program.prints)}`;
}

/** A command of the shell that prints the text, one byte a character. */
export function printing(text: string): string {
  const octal = Array.from(text, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return `printf '${octal.join("")}'\n`;
}

/** All that a host wrote: its messages, and whatever files stand in its folder. */
async function readLogs({ processes, place: { folder } }: Server): Promise<string> {
  const texts = processes.map(({ messages }) => messages);
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile) texts.push(await Deno.readTextFile(`${folder}/${name}`));
  }
  return texts.join("\n");
}
