/** The process of a program: its surroundings, its end, its children, its standard error, and clients that leave. RFC 3875 7.2. */
import { type Answer, Client, exchange, requestText } from "../answer.ts";
import type { Point, RunningHost } from "../point.ts";
import { content, status, statusContentAnd, visible } from "../tell.ts";

const TEXT = "Content-Type: text/plain\n";
const HEAD = `printf 'Content-Type: text/plain\\n\\n'\n`;

/** What the program printed, on one line. */
function printed(answer: Answer): string {
  return answer.status === 200 ? visible(answer.body.trim()) : status(answer);
}

/** Linux, signal(7): those below the real-time signals. */
const SIGNALS =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ " +
  "VTALRM PROF WINCH IO PWR SYS";

/** The names in the masks of /proc/PID/status (proc(5)). */
function signals(answer: Answer): string {
  if (answer.status !== 200) return status(answer);
  const names = SIGNALS.split(" ");
  const inMask = (mask: string) => {
    const digits = new RegExp(`^${mask}:\\s*([0-9a-f]+)`, "m").exec(answer.body)?.[1] ?? "0";
    const set = names.filter((_, at) => (BigInt(`0x${digits}`) >> BigInt(at) & 1n) === 1n);
    return set.length === 0 ? "none" : set.join(" ");
  };
  return `ignored: ${inMask("SigIgn")}; blocked: ${inMask("SigBlk")}`;
}

/**
 * The kinds of open files that `ls -l /proc/self/fd` shows, less the folder that it reads and what this program was started
 * with itself.
 */
function descriptors(answer: Answer): string {
  if (answer.status !== 200) return status(answer);
  const found = [...answer.body.matchAll(/(\d+) -> (.*)$/gm)].filter(([, number, target]) =>
    !/^\/proc\/\d+\/fd$/.test(target) && (Number(number) <= 2 || !isOwn(number, target.trim()))
  );
  return found.sort(([, one], [, other]) => Number(one) - Number(other)).map(([, number, target]) =>
    `${number} ${kindOf(target.trim())}`
  ).join(", ");
}

/** Whether it is open here under the same number. */
function isOwn(number: string, target: string): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${number}`) === target;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function kindOf(target: string): string {
  if (target === "/dev/null") return target;
  return /^(pipe|socket):/.exec(target)?.[1] ?? (target.startsWith("anon_inode:") ? "anonymous" : "file");
}

/** When the answer ended, by a child that sleeps three seconds. */
function ended(answer: Answer): string {
  const { tookMs } = answer;
  const when = tookMs < 950 ? "at once" : tookMs < 2600 ? "before the child" : "with the child";
  return `${statusContentAnd()(answer)}, ended ${when}`;
}

/** What the program noted about how it ended, once it has; "nothing" after five seconds. */
async function readNote({ notes, note }: RunningHost): Promise<string> {
  for (const end = Date.now() + 5000; Date.now() < end;) {
    try {
      return (await Deno.readTextFile(`${notes}/${note}`)).trim();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return "nothing, it was killed";
}

/** Notes how it is ended; the query names its file. */
const NOTES =
  `say() { echo "$1" >{{notes}}/new-$QUERY_STRING; mv {{notes}}/new-$QUERY_STRING {{notes}}/$QUERY_STRING; exit; }
for signal in TERM HUP INT PIPE; do trap "say SIG$signal" $signal; done
`;

/** Asks, reads a first line, leaves, and waits for what the program notes. */
async function leave(host: RunningHost): Promise<string> {
  {
    using client = await Client.connect(host.port);
    await client.send(requestText(`${host.target}?${host.note}`));
    await client.waitFor("line 0", 500);
  }
  return await readNote(host);
}

/** Where a mark that was written to standard error came out. */
async function findComplaint(host: RunningHost): Promise<string> {
  const answer = await exchange(host.port, requestText(host.target));
  const places = answer.body.includes("complaint") ? ["the answer"] : [];
  for (const end = Date.now() + 1500; Date.now() < end;) {
    if ((await host.readLogs()).includes("complaint")) {
      places.push("its log");
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return `${status(answer)}, ${places.length === 0 ? "nowhere" : `in ${places.join(" and ")}`}`;
}

export const PROCESSES: readonly Point[] = [
  {
    name: "The working folder",
    section: "7.2",
    program: { shell: `${HEAD}pwd\n` },
    tell: printed,
    lisod: "SITE/cgi",
    why: "7.2: it SHOULD be the folder of the program.",
  },
  {
    name: "The umask",
    section: "7.2",
    program: { shell: `${HEAD}umask\n` },
    tell: printed,
    lisod: "0022",
    why: "The server's own, as the operator's service or shell has set it.",
  },
  {
    name: "Signals that are ignored and blocked at the start",
    section: "7.2",
    program: { shell: `${HEAD}exec grep -E 'SigIgn|SigBlk' /proc/self/status\n` },
    tell: signals,
    lisod: "ignored: none; blocked: none",
    why:
      "None: what ignores SIGPIPE goes on writing for nobody. The runtime ignores it, so that it is set back for programs.",
  },
  {
    name: "Open files",
    section: "4.2",
    program: { shell: `${HEAD}exec ls -l /proc/self/fd\n` },
    tell: descriptors,
    lisod: "0 /dev/null, 1 pipe, 2 pipe",
    why: "Three and no more: a listener that a child keeps outlives the server.",
  },
  {
    name: "Open files with content",
    section: "4.2",
    program: { shell: `${HEAD}exec ls -l /proc/self/fd\n` },
    file: "open-files-post.cgi",
    ask: { method: "POST", fields: ["Content-Length: 5"], body: "hello" },
    tell: descriptors,
    lisod: "0 pipe, 1 pipe, 2 pipe",
    why: "Pipes: content is handed on as it comes, however much it is.",
  },
  {
    name: "Process group and session",
    section: "7.2",
    program: {
      shell: `${HEAD}read -r pid _ _ _ group session _ </proc/$$/stat\n` +
        `[ $pid = $session ] && echo leads a session && exit\n[ $pid = $group ] && echo leads a group && exit\n` +
        `echo in the group of the server\n`,
    },
    tell: printed,
    lisod: "leads a session",
    why: "So that all its children can be ended with it.",
  },
  {
    name: "The user, where the server is started by root and nothing else is said",
    section: "7.2",
    program: { shell: `${HEAD}id -un\n` },
    tell: printed,
    lisod: "root",
    why: "As the server; --user and --cgi-user change that, and a WARN at the start says so.",
  },
  {
    name: "Exit status 3 after a whole answer",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nexit 3\n` },
    tell: statusContentAnd(),
    lisod: '200, "hello"',
    why: "The answer may have gone already. A WARN has the status.",
  },
  {
    name: "Exit status 3 and nothing printed",
    section: "6.2",
    program: { shell: "exit 3\n" },
    tell: status,
    lisod: "500",
    why: "RFC 9110 15.6.1. The log has the status and the reason.",
  },
  {
    name: "A program killed by a signal after its answer",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nkill -KILL $$\n` },
    tell: statusContentAnd(),
    lisod: '200, "hello"',
    why: "As with an exit status: what was printed is what was meant, for nothing says how long it was to be.",
  },
  {
    name: "A child that keeps standard output open",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nsleep 3 &\n` },
    tell: ended,
    lisod: '200, "hello", ended before the child',
    why:
      "The program itself has ended, and its answer with it a second later: what a forgotten child holds is no content.",
  },
  {
    name: "A child that keeps standard error open",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nsleep 3 >/dev/null &\n` },
    tell: ended,
    lisod: '200, "hello", ended at once',
    why: "The content is whole when standard output ends.",
  },
  {
    name: "A child that keeps neither",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nsleep 3 >/dev/null 2>&1 &\n` },
    tell: ended,
    lisod: '200, "hello", ended at once',
    why: "Nothing is left to wait for.",
  },
  {
    name: "A program that closes standard output and goes on",
    section: "6.4",
    program: { shell: `${HEAD}printf hello\nexec >/dev/null 2>&1\nsleep 3\n` },
    tell: ended,
    lisod: '200, "hello", ended at once',
    why: "The end of the output is the end of the answer; the program may work on.",
  },
  {
    name: "A client that leaves while the program prints",
    section: "6.4",
    program: {
      shell: `${NOTES}${HEAD}for at in 0 1 2 3 4 5 6 7 8 9; do echo line $at; sleep 0.2; done\nsay "its own end"\n`,
    },
    does: "GET, the connection closed after the first line; what ended the program, by its own word",
    look: leave,
    lisod: "SIGTERM",
    why: "Nobody waits for it: its group gets SIGTERM, and SIGKILL two seconds later.",
  },
  {
    name: "A client that leaves while the program is silent",
    section: "6.4",
    program: {
      shell: `${NOTES}${HEAD}echo line 0\nfor at in 1 2 3 4 5 6 7 8 9; do sleep 0.2; done\nsay "its own end"\n`,
    },
    does: "GET, the connection closed after the first line; what ended the program, by its own word",
    look: leave,
    lisod: "its own end",
    why:
      "A client that has closed its half may still be reading, and looks the same until something is sent: it has the time of " +
      "--half-closed-ms, and then the program gets SIGTERM.",
  },
  {
    name: "A line on standard error beside an answer",
    section: "4.2",
    program: { shell: `${HEAD}echo hello\necho complaint >&2\n` },
    does: "GET; where the line comes out",
    look: findComplaint,
    lisod: "200, in its log",
    why: "One place for all that goes wrong, and nothing of it for clients.",
  },
  {
    name: "A line on standard error and no answer",
    section: "4.2",
    program: { shell: `echo complaint >&2\nexit 1\n` },
    does: "GET; where the line comes out",
    look: findComplaint,
    lisod: "500, in its log",
    why: "As above.",
  },
  {
    name: "A program without the right to be executed",
    section: "7.2",
    program: { file: `#!/bin/sh\n${HEAD}`, mode: 0o644 },
    tell: status,
    lisod: "403",
    why: "The operator's no. It is not handed out as a file either.",
  },
  {
    name: "A first line that names no program",
    section: "7.2",
    program: { file: `#!/nonexistent/sh\n${HEAD}` },
    tell: status,
    lisod: "500",
    why: "The operator's fault (RFC 9110 15.6.1); the log names the first line.",
  },
  {
    name: "A first line that ends in CR LF",
    section: "7.2",
    program: { file: `#!/bin/sh\r\n${HEAD}` },
    tell: status,
    lisod: "500",
    why: "As above, and the log says that CR LF is the reason.",
  },
  {
    name: "A script without a first line for its interpreter",
    section: "7.2",
    program: { file: `printf '${visible(TEXT)}\\nhello'\n` },
    tell: (answer) => answer.status === 200 ? `200, ${content(answer)}` : status(answer),
    lisod: "500",
    why: "The system cannot execute it, and which shell was meant is not to be known.",
  },
  {
    name: "A program that is not there",
    section: "3.3",
    program: "probe",
    does: "GET of another name in the folder of programs",
    look: async ({ port, target }) => status(await exchange(port, requestText(target.replace("probe", "none")))),
    lisod: "404",
    why: "RFC 9110 15.5.5.",
  },
  {
    name: "The folder of programs",
    section: "3.3",
    program: "probe",
    does: "GET of /cgi/",
    look: async ({ port, target }) => status(await exchange(port, requestText(target.replace("probe.cgi", "")))),
    lisod: "403",
    why: "Which programs there are is nobody's business.",
  },
];
