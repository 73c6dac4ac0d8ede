import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { checkLogFile, isSameLog, openLogFile, throughLinks } from "./log_file.ts";
import { StartError } from "../start_error.ts";

async function withFolder(test: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-log-" });
  try {
    await test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function write(path: string, text: string): Promise<void> {
  const file = openLogFile({ argument: "--log", value: path });
  await file.write(new TextEncoder().encode(text));
  file.close();
}

Deno.test("openLogFile() makes a file that others cannot read, and appends to it afterwards", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.log");
    await write(path, "one\n");
    await write(path, "two\n");
    assertEquals(Deno.readTextFileSync(path), "one\ntwo\n");
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o007, 0);
  }));

Deno.test("openLogFile() gives the standard streams that are open, and opens none", () => {
  for (const value of ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/2", "/dev/stderr"]) {
    const given = { argument: "--log", value };
    checkLogFile(given);
    assertEquals(openLogFile(given), openLogFile({ ...given }));
    assert(!(openLogFile(given) instanceof Deno.FsFile), value);
  }
});

Deno.test("throughLinks() knows a stream by links that lead to it, and leaves all else as it is", () =>
  withFolder((folder) => {
    Deno.mkdirSync(join(folder, "logs"));
    Deno.symlinkSync("logs", join(folder, "way"));
    Deno.symlinkSync("/dev", join(folder, "logs/devices"));
    Deno.writeTextFileSync(join(folder, "file"), "");
    const links: readonly (readonly [name: string, target: string, want: string | null])[] = [
      ["out", "/dev/stdout", "/dev/stdout"],
      ["err", "/dev/fd/2", "/dev/stderr"],
      ["again", "out", "/dev/stdout"],
      ["logs/up", "../again", "/dev/stdout"],
      ["own", `/proc/${Deno.pid}/fd/2`, "/dev/stderr"],
      ["relative", "logs/devices/stderr", "/dev/stderr"],
      ["other", `/proc/${Deno.ppid}/fd/1`, null],
      ["to-file", "file", null],
      ["nowhere", "none", null],
      ["loop", "loop", null],
    ];
    for (const [name, target] of links) Deno.symlinkSync(target, join(folder, name));
    const known = [...links, ["way/up", "", "/dev/stdout"], ["file", "", null], ["none", "", null]] as const;
    for (const [name, , want] of known) {
      const value = join(folder, name);
      assertEquals(throughLinks({ argument: "--log", value }), { argument: "--log", value: want ?? value }, name);
    }
    assertEquals(throughLinks({ argument: "--log", value: "/dev/fd/1" }).value, "/dev/stdout");
  }));

Deno.test("isSameLog() knows one file by two names, and standard error", () =>
  withFolder((folder) => {
    const [a, b, c, none] = ["a", "b", "c", "none"].map((name) => ({ argument: "--log", value: join(folder, name) }));
    Deno.writeTextFileSync(a.value, "");
    Deno.linkSync(a.value, b.value);
    Deno.writeTextFileSync(c.value, "");
    const stderr = { argument: "--log", value: "/dev/stderr" };
    const got = [[a, a], [a, b], [a, c], [a, none], [none, none], [null, stderr], [null, a]] as const;
    assertEquals(got.map(([one, other]) => isSameLog(one, other)), [true, true, false, false, false, true, false]);
  }));

Deno.test("checkLogFile() leaves the folder as it was", () =>
  withFolder((folder) => {
    const [missing, present] = [join(folder, "missing.log"), join(folder, "present.log")];
    Deno.writeTextFileSync(present, "kept\n");
    checkLogFile({ argument: "--log", value: missing });
    checkLogFile({ argument: "--log", value: present });
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["present.log"]);
    assertEquals(Deno.readTextFileSync(present), "kept\n");
  }));

Deno.test("openLogFile() and checkLogFile() refuse what cannot be a log, without waiting", () =>
  withFolder((folder) => {
    const fifo = join(folder, "fifo");
    assert(new Deno.Command("mkfifo", { args: [fifo] }).outputSync().success);
    Deno.writeTextFileSync(join(folder, "file"), "");
    const cases: [string, string][] = [
      [folder, "neither a regular file nor a character device"],
      [fifo, "neither a regular file nor a character device"],
      [join(folder, "none", "a.log"), "its folder does not exist"],
      [join(folder, "file", "a.log"), "a part of the path is not a folder"],
      [join(folder, "x".repeat(300)), "file name too long"],
    ];
    for (const [path, problem] of cases) {
      for (const call of [openLogFile, checkLogFile]) {
        const error = assertThrows(() => call({ argument: "<log file>", value: path }), StartError);
        assertEquals(
          error.message,
          `<log file> "${path}": ${problem}: name a file in a folder where the server may write`,
        );
        assertEquals(error.exitCode, 1);
      }
    }
  }));
