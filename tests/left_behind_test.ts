/**
 * What scripts leave behind, end to end over HTTP and HTTPS: processes that hold a script's output or its standard error after
 * its end, and those that hold neither. RFC 3875 has no word of them; readme.txt 7 says how a job is started.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { playAtOnce } from "./at_once.ts";
import { groupMembers, readPid, until } from "./cgi/running_scripts.ts";
import { readProc } from "./daemon.ts";
import { writeFiles } from "./harness.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";
import { toText } from "./raw_http.ts";

const HEAD = String.raw`printf 'Content-Type: text/plain\n\n'`;
const HEAD_OF_6 = String.raw`printf 'Content-Type: text/plain\nContent-Length: 6\n\n'`;
/** A job that tells its process id, as the script has told its own. */
const JOB = `sh -c 'echo $$ >job.new; mv job.new job; exec sleep 3600'`;

/** How the connection of an answer ended, and its content: `whole`, or `cut` with all bytes that came. */
interface Answer {
  readonly kind: "whole" | "cut";
  readonly text: string;
}

interface LeftBehind {
  readonly name: string;
  /** What bash runs, after its process id was written to the file `script`; with a job it ends when that has begun. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly kind: Answer["kind"];
  readonly content: RegExp;
  /** Lines that the log then gets of the script; none, where this is empty. */
  readonly warnings: readonly RegExp[];
  /** What becomes of the job, where there is one. */
  readonly job?: "is ended" | "lives";
}

const LEFT_BEHIND: readonly LeftBehind[] = [
  {
    name: "a pipeline that prints a second and more after the script's end",
    // The head goes past the pipeline.
    script: `${HEAD}\nexec > >(sort | { sleep 2; head -n 1; })\necho b; echo a`,
    kind: "whole",
    content: /^a\n$/,
    warnings: [],
  },
  {
    name: "a job that holds the output in silence",
    script: `${HEAD}\necho hello\n${JOB} 2>/dev/null &`,
    args: ["--script-linger-ms", "300ms"],
    kind: "cut",
    content: /hello\n\r\n$/,
    warnings: [
      /holds its output and has said nothing for 300 ms: the answer is broken off; its process group gets SIGTERM/,
    ],
    job: "is ended",
  },
  {
    name: "a job in a session of its own that holds the output in silence",
    script: `${HEAD}\necho hello\nsetsid ${JOB} 2>/dev/null &`,
    args: ["--script-linger-ms", "300ms"],
    kind: "cut",
    content: /hello\n\r\n$/,
    warnings: [
      /holds its output and has said nothing for 300 ms: the answer is broken off; nobody is left in its process/,
    ],
    job: "lives",
  },
  {
    name: "a job that holds the output of an answer whose length is known",
    script: `${HEAD_OF_6}\necho hello\n${JOB} 2>/dev/null &`,
    args: ["--script-linger-ms", "300ms"],
    kind: "whole",
    content: /^hello\n$/,
    warnings: [/holds its output and has said nothing for 300 ms; its process group gets SIGTERM/],
    job: "is ended",
  },
  {
    name: "a job that holds standard error and says something on it",
    script: `${HEAD}\necho hello\n(${JOB} >/dev/null & sleep 1.2; echo late complaint >&2) >/dev/null &`,
    args: ["--script-error-ms", "2s"],
    kind: "whole",
    content: /^hello\n$/,
    warnings: [/: late complaint$/, /holds its standard error and has done so for 2000 ms: it is closed/],
    job: "lives",
  },
  {
    name: "a job in a session of its own that holds nothing",
    script: `${HEAD}\necho hello\nsetsid ${JOB} </dev/null >/dev/null 2>&1 &`,
    args: ["--script-linger-ms", "1ms", "--script-error-ms", "1ms"],
    kind: "whole",
    content: /^hello\n$/,
    warnings: [],
    job: "lives",
  },
];

/** Asks for the script on a connection of its own. */
async function ask(client: RawClient): Promise<Answer> {
  await client.send("GET /cgi/left HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const { responses: [response], rest } = await client.receive();
  return response === undefined ? { kind: "cut", text: toText(rest) } : { kind: "whole", text: toText(response.body) };
}

/** A server of both schemes whose one script is this, run by bash; the script and its job write their ids to the folder. */
async function withScript(
  { script, job, args = [] }: Pick<LeftBehind, "script" | "args" | "job">,
  test: (https: HttpsServer, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-left-" });
  const end = job === undefined ? "" : "until [ -e job ]; do sleep 0.01; done";
  await writeFiles(folder, { left: `#!/bin/bash\necho $$ >script.new; mv script.new script\n${script}\n${end}\n` });
  await Deno.chmod(`${folder}/left`, 0o755);
  try {
    await using https = await HttpsServer.start({ args: ["--cgi", folder, ...args] });
    await test(https, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What the log warns of the script with that process id; that its connection failed is told beside it. */
function warningsOf(pid: number, log: string): readonly string[] {
  return log.split("\n").filter((line) => line.includes(` WARN left[${pid}]: `));
}

for (const left of LEFT_BEHIND) {
  Deno.test(`lisod answers by a script that leaves ${left.name}: it is ${left.kind}${left.job === undefined ? "" : `, the job ${left.job}`}`, (context) =>
    playAtOnce(
      context,
      ["http", "https"].map((scheme) => ({
        name: scheme,
        fn: () =>
          withScript(left, async (https, folder) => {
            using client = scheme === "http"
              ? await RawClient.connect(https.server.port())
              : new RawClient(await https.connect());
            const { kind, text } = await ask(client);
            assertEquals(kind, left.kind, text);
            assertMatch(text, left.content);
            const pid = await readPid(`${folder}/script`);
            for (const pattern of left.warnings) {
              await https.server.waitForLog((log) => warningsOf(pid, log).some((line) => pattern.test(line)));
            }
            if (left.job !== undefined) await checkJob(left.job, folder);
            assertEquals(warningsOf(pid, https.server.logText()).length, left.warnings.length, https.server.logText());
          }),
      })),
    ));
}

/** Looks at what became of the job, and ends it. */
async function checkJob(outcome: NonNullable<LeftBehind["job"]>, folder: string): Promise<void> {
  const job = await readPid(`${folder}/job`);
  const isThere = () => groupMembers(groupOf(job)).includes(job);
  if (outcome === "is ended") await until(() => !isThere(), "the job has ended");
  else {
    assertEquals(isThere(), true);
    Deno.kill(job, "SIGKILL");
  }
}

/** The process group of a process; 0 where there is none. */
function groupOf(pid: number): number {
  return Number(readProc(pid, "stat").replace(/^.*\) /s, "").split(" ")[2] ?? 0);
}
