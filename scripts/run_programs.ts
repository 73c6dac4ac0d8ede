/**
 * Runs programs, one or side by side, and passes on what they print: of one as it comes, of several that of each when it has
 * ended, so that nobody's lines stand between those of another.
 */

export interface Program {
  readonly name: string;
  /** Program and arguments, run in the folder that this is run in. */
  readonly command: readonly string[];
}

/** How a program ended, and all that it printed. */
export interface Ended {
  readonly output: string;
  readonly success: boolean;
}

/** Where output goes: one of the process's own streams, or what keeps it. */
interface Sink {
  writeSync(bytes: Uint8Array): number;
}

/** Standard output and error of a program. */
interface Sinks {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Longest time that one program may take. */
const PROGRAM_MS = 20 * 60_000;

/** Runs all, at most `laneCount` at once, in their order; their ends in the same order. */
export async function runPrograms(programs: readonly Program[], laneCount: number): Promise<readonly Ended[]> {
  if (programs.length === 1) return [await runProgram(programs[0], Deno)];
  return await playInLanes(programs, { laneCount, play: runQuietly });
}

/** Plays all, at most `laneCount` at once: a lane that has nothing to do takes the next one. The results in the order of `items`. */
export async function playInLanes<Item, Outcome>(
  items: readonly Item[],
  { laneCount, play }: { readonly laneCount: number; readonly play: (item: Item) => Promise<Outcome> },
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  // All lanes take from it.
  const waiting = items.entries();
  const lanes = Array.from({ length: laneCount }, async () => {
    for (const [index, item] of waiting) outcomes[index] = await play(item);
  });
  await Promise.all(lanes);
  return outcomes;
}

/** Runs a program, and shows what it printed when it has ended. */
async function runQuietly(program: Program): Promise<Ended> {
  const kept: { readonly sink: Sink; readonly bytes: Uint8Array }[] = [];
  const keepFor = (sink: Sink): Sink => ({
    writeSync: (bytes) => {
      kept.push({ sink, bytes });
      return bytes.length;
    },
  });
  const ended = await runProgram(program, { stdout: keepFor(Deno.stdout), stderr: keepFor(Deno.stderr) });
  for (const { sink, bytes } of kept) writeAll(sink, bytes);
  return ended;
}

async function runProgram({ name, command: [program, ...args] }: Program, sinks: Sinks): Promise<Ended> {
  const say = (text: string) => writeText(sinks.stdout, `--- ${text}\n`);
  say(name);
  const started = Date.now();
  const options = { args, env: { NO_COLOR: "1" }, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const signal = AbortSignal.timeout(PROGRAM_MS);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, { ...options, signal }).spawn();
  } catch (error) {
    say(`${name} cannot be run: ${error instanceof Error ? error.message : error}`);
    return { output: "", success: false };
  }
  const [output, errors, { success, code }] = await Promise.all([
    passOn(child.stdout, sinks.stdout),
    passOn(child.stderr, sinks.stderr),
    child.status,
  ]);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (!success) say(`${name} failed with exit status ${code} after ${seconds} s`);
  return { output: output + errors, success };
}

/** Writes all that comes from `stream` to `sink`, and returns it as text. */
async function passOn(stream: ReadableStream<Uint8Array>, sink: Sink): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    writeAll(sink, chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  // The next line, another program's perhaps, begins at its beginning.
  if (text !== "" && !text.endsWith("\n")) writeText(sink, "\n");
  return text;
}

function writeText(sink: Sink, text: string): void {
  writeAll(sink, new TextEncoder().encode(text));
}

function writeAll(sink: Sink, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += sink.writeSync(bytes.subarray(written));
}
