/**
 * Writes the book of CGI hosts: `deno task hosts` puts every point to every host and writes cgi-hosts.txt; names of points, or
 * parts of them, as arguments print those alone and write nothing. Ends with 1 where lisod does not do what its point says.
 */
import { ensurePrograms } from "../../scripts/bench/packages.ts";
import { readVersions } from "../../scripts/bench/surroundings.ts";
import { type Entry, renderBook, renderEntry } from "./book.ts";
import { listHosts, TOOLS } from "./hosts.ts";
import { POINTS } from "./points.ts";
import { runPoints } from "./run_points.ts";

const BOOK = `${import.meta.dirname}/cgi-hosts.txt`;
const LISOD = `${import.meta.dirname}/../../lisod`;

/** Of the hosts, so that the book does not depend on who writes it. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  HOME: "/",
  // To see which hosts pass their own on.
  HOST_OWN_VARIABLE: "kept",
};

function setEnvironment(): void {
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
  for (const [name, value] of Object.entries(ENVIRONMENT)) Deno.env.set(name, value);
}

async function main(wanted: readonly string[]): Promise<number> {
  const hosts = listHosts(await Deno.realPath(LISOD));
  const needs = hosts.flatMap(({ peer }) => [...peer.needs.cgi ?? [], peer.versionCommand[0]]);
  await ensurePrograms([...TOOLS, ...needs]);
  setEnvironment();
  const isWanted = (name: string) => wanted.some((part) => name.toLowerCase().includes(part.toLowerCase()));
  const points = wanted.length === 0 ? POINTS : POINTS.filter(({ name }) => isWanted(name));
  const found = await runPoints(points, { hosts, tell: (message) => console.error(message) });
  const entries: readonly Entry[] = Array.from(found, ([point, findings]) => ({ point, findings }));
  if (wanted.length > 0) {
    console.log(entries.map((entry) => renderEntry(POINTS.indexOf(entry.point) + 1, entry).join("\n")).join("\n\n"));
  } else {
    const versions = await readVersions(hosts.map(({ peer }) => peer));
    const named = hosts.map(({ peer: { name, title } }) => ({ name, title, version: versions[title] }));
    await Deno.writeTextFile(BOOK, renderBook(named, entries));
  }
  const other = entries.filter(({ point, findings }) => findings.get("lisod") !== point.lisod);
  for (const { point, findings } of other) {
    console.error(`${point.name}: lisod does "${findings.get("lisod")}" and not "${point.lisod}"`);
  }
  return other.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
