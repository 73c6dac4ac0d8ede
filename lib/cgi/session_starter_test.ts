import { assertEquals, assertMatch } from "@std/assert";
import { sessionStarter } from "./session_starter.ts";

/** Runs the words behind the starter's. */
function run(...words: string[]): { code: number; out: string; err: string } {
  const starter = sessionStarter();
  try {
    const [program, ...args] = [...starter.words, ...words];
    const { code, stdout, stderr } = new Deno.Command(program, {
      args,
      clearEnv: true,
      env: { A: "1", B: "" },
      stdin: "null",
    }).outputSync();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: decode(stdout), err: decode(stderr) };
  } finally {
    starter.close();
  }
}

Deno.test("sessionStarter() makes the program the leader of a session and a group when it is run", () => {
  // Fields of /proc/PID/stat: pid, name, state, parent, group, session.
  const [pid, , , parent, group, session] = run("/bin/cat", "/proc/self/stat").out.split(" ");
  assertEquals([group, session, parent], [pid, pid, String(Deno.pid)]);
});

Deno.test("sessionStarter() passes arguments, environment and exit status on when they are odd", () => {
  const script = 'printf "%s|" "$#" "$@"; tr "\\0" "|" </proc/$$/environ; exit 42';
  const { code, out } = run("/bin/sh", "-c", script, "sh", "", "a b", "-x", "ü");
  assertEquals([code, out], [42, "4||a b|-x|ü|A=1|B=|"]);
});

Deno.test("sessionStarter() leaves three descriptors when the server has inherited more", () => {
  // This process runs under a shell that has opened descriptor 9 for it, and not told it to be closed.
  const module = new URL("session_starter.ts", import.meta.url).href;
  const inner = `import { sessionStarter } from "${module}";
    const { words: [program] } = sessionStarter();
    const { stdout } = new Deno.Command(program, { args: ["/bin/ls", "/proc/self/fd"], stdin: "null" }).outputSync();
    Deno.stdout.writeSync(stdout);`;
  const { stdout } = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec 9</dev/null; exec "$0" eval --no-lock "$1"', Deno.execPath(), inner],
    env: { NO_COLOR: "1" },
  }).outputSync();
  // The last one is the folder that ls reads.
  assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), ["0", "1", "2", "3"]);
});

Deno.test("sessionStarter() is setsid when there is nowhere to put its own program", () => {
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", "/nonexistent");
  try {
    assertEquals(sessionStarter().words, ["/usr/bin/setsid"]);
    const [pid, , , , group, session] = run("/bin/cat", "/proc/self/stat").out.split(" ");
    assertEquals([group, session], [pid, pid]);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
});

for (
  const [name, program, errno] of [
    ["missing", "/nonexistent", 2],
    ["no executable file", "/etc/passwd", 13],
    ["a folder", "/", 13],
  ] as const
) {
  Deno.test(`sessionStarter() says so when the program is ${name}`, () => {
    const { code, err } = run(program);
    assertMatch(err, /^Cannot be executed; the exit status is the error number|^setsid: failed to execute/);
    if (err.startsWith("Cannot")) assertEquals(code, errno);
  });
}

Deno.test("sessionStarter() leaves no file and, once closed, no descriptor", () => {
  const folder = Deno.makeTempDirSync();
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", folder);
  try {
    const starter = sessionStarter();
    assertEquals([...Deno.readDirSync(folder)], []);
    starter.close();
    const left = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(folder);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
    assertEquals(left, []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    Deno.removeSync(folder);
  }
});
