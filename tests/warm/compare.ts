/**
 * Asks two servers for the same scripts, one of which keeps them warm, and compares answers and what the log has of their
 * processes. Separate from the tables, of which there are two.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { run, startServer, type TestServer, writeFiles } from "../harness.ts";
import type { WarmCase } from "./table.ts";

/** So often each is asked for: plainly, by a zygote that has imported nothing, and by those that have learned. */
const ROUNDS = 6;
const AT_ONCE = 4;

export interface Compared {
  readonly cases: readonly WarmCase[];
  /** Files beside the scripts, by their names. */
  readonly beside: Readonly<Record<string, string>>;
}

interface Answer {
  readonly head: string;
  readonly content: string;
}

async function makeScripts(folder: string, { cases, beside }: Compared): Promise<void> {
  await writeFiles(folder, beside);
  for (const { name, source } of cases) {
    const text = source.replaceAll("FOLDER", folder);
    const bytes = name.startsWith("own-latin") ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : text;
    await writeFiles(folder, { [name]: bytes });
    await Deno.chmod(join(folder, name), 0o755);
  }
  await run("/usr/bin/python3", ["-m", "venv", "--without-pip", join(folder, "venv")]);
  await run("/usr/bin/python3", [
    "-c",
    "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('zipped.py', 'NAME = 5')",
    join(folder, "own.zip"),
  ]);
}

async function ask(server: TestServer, { name, query, content }: WarmCase): Promise<Answer> {
  const response = await fetch(`${server.url}/cgi/${name}${query === undefined ? "" : `?${query}`}`, {
    ...(content === undefined
      ? {}
      : { method: "POST", body: content, headers: { "content-type": "application/x-www-form-urlencoded" } }),
  }).catch((error) => new Response(String(error), { status: 299 }));
  const fields = [...response.headers].filter(([field]) => field !== "date" && field !== "connection");
  const text = await response.text().catch((error) => `broken: ${error}`);
  return { head: `${response.status} ${JSON.stringify(fields)}`, content: text };
}

/** The first line that differs, for whoever reads it. */
function firstDifference(warm: Answer, plain: Answer | undefined): string {
  const [warmLines, plainLines] = [warm, plain].map((answer) => [answer?.head, ...answer?.content.split("\n") ?? []]);
  const index = warmLines.findIndex((line, index) => line !== plainLines[index]);
  return `warm  ${warmLines[index]}\nplain ${plainLines[index]}`;
}

/** What the scripts' processes have said, and how they have ended: a line each, without their ids, by script. */
function wordsOf(log: string): Map<string, Set<string>> {
  const words = new Map<string, Set<string>>();
  for (const line of log.split("\n")) {
    const [, level, name, text] = /\] (\w+) ([\w.-]+)\[\d+\]: (.*)/.exec(line) ?? [];
    if (name === undefined) continue;
    const plain = text.replaceAll(/0x[0-9a-f]{6,}/g, "0x").replaceAll(/^\[\w+ \w+ +\d+ [\d:]+ \d+\]/g, "[time]");
    words.set(name, (words.get(name) ?? new Set()).add(`${level} ${plain}`));
  }
  return words;
}

function sorted(words: Set<string> | undefined): string[] {
  return [...words ?? []].toSorted();
}

/** A step for each script. Resolves to the log of the server that keeps them warm. */
export async function compareScripts(t: Deno.TestContext, compared: Compared): Promise<string> {
  const { cases } = compared;
  const folder = await Deno.makeTempDir({ prefix: "lisod-warm-" });
  await makeScripts(folder, compared);
  const args = [
    "--cgi",
    folder,
    "--cgi-env",
    "PATH=/usr/bin:/bin",
    "--cgi-env",
    "TZ=Europe/Berlin",
    "--cgi-queue",
    "1000",
  ];
  const root = await Deno.makeTempDir({ prefix: "lisod-warm-root-" });
  await using plain = await startServer({ root, args });
  const warmth = ["--cgi-warm", "on", "--max-warm-count", "1000", "--log-level", "info"];
  await using warm = await startServer({ root, args: [...args, ...warmth] });
  const expected = new Map<string, Answer>();
  const differences = new Map<string, string>();
  const inTurns = async (each: (row: WarmCase) => Promise<void>) => {
    const left = [...cases];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let row = left.shift(); row !== undefined; row = left.shift()) await each(row);
    }));
  };
  await inTurns(async (row) => void expected.set(row.name, await ask(plain, row)));
  for (let round = 0; round < ROUNDS; round++) {
    await inTurns(async (row) => {
      const answer = await ask(warm, row);
      const wanted = expected.get(row.name);
      if (answer.head !== wanted?.head || answer.content !== wanted.content) {
        differences.set(row.name, `round ${round}: ${firstDifference(answer, wanted)}`);
      }
    });
  }
  await warm.stop();
  await plain.stop();
  const [warmLog, plainLog] = [await Deno.readTextFile(warm.place.log), await Deno.readTextFile(plain.place.log)];
  const [warmWords, plainWords] = [wordsOf(warmLog), wordsOf(plainLog)];
  for (const row of cases) {
    await t.step(row.name, () => {
      assertEquals(differences.get(row.name), undefined);
      assertEquals(sorted(warmWords.get(row.name)), sorted(plainWords.get(row.name)));
      if (row.uncounted) return;
      const file = join(folder, row.name);
      if (row.plain !== undefined) {
        const level = row.foreign ? "INFO" : "WARN";
        const line = warmLog.split("\n").filter((line) => line.includes(`${level} warm: "${file}" runs plainly`));
        assertEquals(line.length, 1);
        assert(line[0].includes(row.plain), line[0]);
        return;
      }
      const lines = warmLog.split("\n").filter((line) => line.includes(`warm: "${file}"`));
      const [, count = "0"] = /\((\d+) requests warm/.exec(lines.at(-1) ?? "") ?? [];
      assert(Number(count) >= 3, `Only ${count} of ${ROUNDS} requests were answered warm:\n${lines.join("\n")}`);
    });
  }
  for (const each of [folder, root]) await Deno.remove(each, { recursive: true });
  return warmLog;
}
