/**
 * Ends programs together with a server that could not end them itself, for it was killed (kill -9, out of memory). A small
 * shell that was started once reads a pipe whose other end only the server holds, is told there which process groups live,
 * and when it meets the end of the pipe, ends those that are left. Separate from whoever runs programs, who tells it.
 *
 * Not prctl(PR_SET_PDEATHSIG): it would have to be called in the program, and means the end of the thread that started it,
 * of which the runtime ends some every few seconds. Timers.
 */
import type { Child, Starter } from "./child.ts";
import type { ScriptLog } from "./child_log.ts";

export interface GuardOptions {
  readonly starter: Starter;
  /** Time from SIGTERM to SIGKILL. */
  readonly killMs: number;
  readonly log: ScriptLog;
}

/**
 * So long, and twice as long at most, a program may run before the guard hears of it. Most have ended by then, and cost
 * nothing: each line that is told wakes the guard, and a shell reads byte by byte.
 */
const TELL_MS = 10;
/** Where no guard can be started, or it was ended, it is tried again after so long, when a program starts. */
const RETRY_MS = 1000;
/** The server stops also with a guard that does not end, so long after the last program must have. */
const CLOSE_MS = 1000;
/** How often the guard looks whether groups have ended. */
const LOOK_MS = 100;
const SOURCE = "cgi";
const UNGUARDED = "programs would outlive this server if it was killed";

/**
 * "+NUMBER" and "-NUMBER" a line: a group lives, or is nobody's any more. Signals that are sent to all of a service's
 * processes do not end it, for the server may take its time. $0 is its name, $1 how often it looks before it sends SIGKILL.
 * A group that was empty once is not looked at again, for its number may be somebody else's.
 */
const SCRIPT = `trap '' HUP INT QUIT TERM USR1 USR2
exec >/dev/null 2>&1
groups=' '
while read -r line; do
  number=\${line#?}
  case $line in
    +*) groups="$groups$number " ;;
    -*) groups="\${groups%% "$number" *} \${groups#* "$number" }" ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group"; done
looks=$1
while [ "$looks" -gt 0 ]; do
  left=
  for group in $groups; do if kill -s 0 -- "-$group"; then left="$left $group"; fi; done
  groups=$left
  [ -n "$groups" ] || exit 0
  sleep ${LOOK_MS / 1000}
  looks=$((looks - 1))
done
for group in $groups; do kill -s KILL -- "-$group"; done`;

export class ChildGuard {
  readonly #options: GuardOptions;
  /** Process groups that are to end with the server. */
  readonly #living = new Set<number>();
  /** Those of which the guard that runs has been told. */
  readonly #told = new Set<number>();
  /** Those of which it may have to be told something, at the next time, ... */
  #due = new Set<number>();
  /** ... and at the one after that. */
  #recent = new Set<number>();
  #child: Child | null = null;
  #starting: Promise<void> | null = null;
  /** From when on one may be started, as performance.now() has it. */
  #startMs = 0;
  #timer: number | undefined = undefined;
  #telling: Promise<void> | null = null;
  #isMissed = false;
  #isClosed = false;

  /** Whoever makes it calls `close`. Nothing is started before the first program. */
  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** A process group lives from now on. */
  begin(group: number): void {
    this.#living.add(group);
    this.#change(group);
  }

  /** Nobody of it is left, or whoever is left may outlive the server. Idempotent. */
  end(group: number): void {
    if (!this.#living.delete(group)) return;
    if (this.#told.has(group)) this.#change(group);
    else if (!this.#due.delete(group)) this.#recent.delete(group);
  }

  /** Ends the guard, which first ends what still lives. Resolves when it has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#starting;
    // Ends a write that waits for a guard that does not read, too.
    this.#child?.input?.close();
    await this.#telling;
    if (this.#child === null) return;
    const { killMs } = this.#options;
    const timer = setTimeout(() => this.#child?.signalGroup("SIGKILL"), killMs + CLOSE_MS);
    await this.#child.reap();
    clearTimeout(timer);
  }

  #change(group: number): void {
    this.#recent.add(group);
    if (this.#child === null) this.#start();
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS);
  }

  #start(): void {
    if (this.#isClosed || this.#starting !== null || performance.now() < this.#startMs) return;
    this.#startMs = performance.now() + RETRY_MS;
    this.#starting = this.#open().finally(() => this.#starting = null);
  }

  async #open(): Promise<void> {
    const { starter, killMs, log } = this.#options;
    const words = ["/bin/sh", "-c", SCRIPT, "lisod-guard", `${Math.ceil(killMs / LOOK_MS)}`];
    const environment = { PATH: "/usr/bin:/bin" };
    try {
      const child = await starter.start({ words, environment, folder: "/", hasInput: true, isService: true });
      child.output.close();
      child.errors.close();
      this.#child = child;
      this.#isMissed = false;
      child.reap().then(({ description }) => this.#onEnd(description));
    } catch (error) {
      if (!this.#isMissed) log.warn(SOURCE, `The guard of programs cannot be started: ${UNGUARDED}`, error);
      this.#isMissed = true;
    }
  }

  /** Somebody has ended it. */
  #onEnd(description: string): void {
    if (this.#isClosed) return;
    this.#options.log.warn(
      SOURCE,
      `The guard of programs has ended with ${description}; until there is another, ${UNGUARDED}`,
    );
    this.#child?.input?.close();
    this.#child = null;
    this.#told.clear();
    for (const group of this.#living) this.#change(group);
  }

  /** Tells all that has changed, as soon as there is somebody to tell it. */
  async #tell(): Promise<void> {
    this.#timer = undefined;
    if (this.#telling !== null) return;
    const lines = this.#child === null ? "" : this.#takeLines();
    if (this.#child !== null && lines !== "") {
      this.#telling = this.#write(this.#child, lines);
      await this.#telling;
      this.#telling = null;
    }
    this.#tellLater();
  }

  #tellLater(): void {
    if (this.#isClosed || this.#due.size + this.#recent.size === 0) return;
    if (this.#child === null) this.#start();
    this.#timer ??= setTimeout(
      () => this.#tell(),
      this.#starting === null && this.#child === null ? RETRY_MS : TELL_MS,
    );
  }

  #takeLines(): string {
    let lines = "";
    for (const group of this.#due) {
      const lives = this.#living.has(group);
      if (lives === this.#told.has(group)) continue;
      lines += `${lives ? "+" : "-"}${group}\n`;
      if (lives) this.#told.add(group);
      else this.#told.delete(group);
    }
    this.#due = this.#recent;
    this.#recent = new Set();
    return lines;
  }

  async #write({ input }: Child, lines: string): Promise<void> {
    const { log } = this.#options;
    try {
      // False, or an error: it has ended, and the next one is told anew.
      const isTold = await input?.write(new TextEncoder().encode(lines));
      if (isTold) log.debug(SOURCE, `The guard of programs was told ${lines.trimEnd().replaceAll("\n", " ")}`);
    } catch (error) {
      log.warn(SOURCE, `The guard of programs cannot be told: ${UNGUARDED}`, error);
    }
  }
}
