/** What both ways of starting a program have in common, with real programs; what only one of them does stands beside it. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import { encodeByteText } from "../http/byte_text.ts";
import { Readiness } from "../system/readiness.ts";
import type { Child, ChildCommand, Starter } from "./child.ts";
import { CommandStarter } from "./command_starter.ts";
import { Spawner } from "./spawner.ts";
import { SpawnError } from "./spawn_error.ts";

interface Way {
  readonly name: string;
  /** Signals that a program ignores from its start, as /proc/PID/status has them. */
  readonly ignored: string;
  /** Whoever opens it closes it. */
  open(): { readonly starter: Starter; close(): Promise<void> };
}

const SIGPIPE = 1n << 12n;

const WAYS: readonly Way[] = [
  {
    name: "Spawner",
    // The C library's own, SIGCANCEL and SIGSETXID.
    ignored: "0000000180000000",
    open: () => {
      const readiness = new Readiness(readinessCalls);
      return { starter: new Spawner(systemCalls, readiness), close: () => readiness.close() };
    },
  },
  {
    name: "CommandStarter",
    // What this process was started with, for whoever started it may ignore signals of the C library; SIGPIPE is the runtime's.
    ignored: (ignoredSignals() & ~SIGPIPE).toString(16).padStart(16, "0"),
    open: () => ({ starter: new CommandStarter(), close: () => Promise.resolve() }),
  },
];

/** The signals that this process ignores, a bit for each. */
function ignoredSignals(): bigint {
  const [, digits] = /^SigIgn:\t(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return BigInt(`0x${digits}`);
}

/** For tests that make and break the process's limits. */
const { symbols: limits } = Deno.dlopen("libc.so.6", {
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
});
/** Linux, asm-generic/resource.h. */
const RLIMIT_NOFILE = 7;

/** Runs `test` with room for so many more descriptors than are open. */
async function withDescriptorsLeft(count: number, test: () => Promise<void>): Promise<void> {
  const before = new BigUint64Array(2);
  limits.getrlimit(RLIMIT_NOFILE, before);
  // The lowest number that is free, which the next descriptor gets.
  using lowest = Deno.openSync("/dev/null");
  const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).sort((a, b) => a - b);
  const gap = open.findIndex((number, index) => number !== index);
  const free = gap === -1 ? open.length : gap;
  assertEquals(limits.setrlimit(RLIMIT_NOFILE, BigUint64Array.of(BigInt(free + count), before[1])), 0);
  try {
    await test();
  } finally {
    limits.setrlimit(RLIMIT_NOFILE, before);
    lowest.statSync();
  }
}

/** All that is left of standard output. */
async function readOutput(child: Child): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes; (bytes = await child.output.read()) !== null;) text += decoder.decode(bytes, { stream: true });
  return text;
}

async function readPart(child: Child): Promise<string> {
  return new TextDecoder().decode(await child.output.read() ?? new Uint8Array());
}

/** Files that look like programs, in a folder of the test's own: what stands in them, and the error of starting them. */
const UNSTARTABLE: readonly {
  readonly name: string;
  readonly word: string;
  readonly content?: string;
  readonly folder?: string;
  readonly errno: number;
}[] = [
  { name: "a program that is not there", word: "/nonexistent", errno: 2 },
  { name: "a script without its interpreter", word: "script", content: "#!/nonexistent/interpreter\n", errno: 2 },
  { name: "a script whose first line ends with CR LF", word: "script", content: "#!/bin/sh\r\necho\r\n", errno: 2 },
  { name: "neither program nor script", word: "text", content: "echo hello\n", errno: 8 },
  { name: "an empty file", word: "empty", content: "", errno: 8 },
  { name: "a program that may not be executed", word: "/etc/passwd", errno: 13 },
  { name: "a folder", word: "/etc", errno: 13 },
  { name: "a current folder that is not there", word: "/bin/true", folder: "/nonexistent", errno: 2 },
  { name: "a current folder that is a file", word: "/bin/true", folder: "/etc/passwd", errno: 20 },
];

const ENDS: readonly (readonly [script: string, isSuccess: boolean, description: string])[] = [
  ["exit 0", true, "exit status 0"],
  ["exit 7", false, "exit status 7"],
  ["kill -9 $$", false, "signal SIGKILL"],
  ["kill -40 $$", false, "signal 40"],
];

for (const { name: way, ignored, open } of WAYS) {
  /** Starts a program and runs `test` with it; whatever happens, nothing of it is left. */
  const withChild = async (
    script: string | Partial<ChildCommand>,
    test: (child: Child) => Promise<void>,
    { hasInput = false } = {},
  ): Promise<void> => {
    const { starter, close } = open();
    const words = ["/bin/sh", "-c", typeof script === "string" ? script : ""];
    const command = { words, folder: "/", environment: { PATH: "/bin" }, hasInput };
    const child = await starter.start(typeof script === "string" ? command : { ...command, ...script });
    try {
      await test(child);
    } finally {
      systemCalls.kill(-child.pid, 9);
      for (const end of [child.input, child.output, child.errors]) end?.close();
      await child.reap();
      await close();
    }
  };
  const startsNot = async (command: Partial<ChildCommand>) => {
    const { starter, close } = open();
    const whole = { words: ["/bin/true"], folder: "/", environment: {}, hasInput: true, ...command };
    try {
      return await assertRejects(() => starter.start(whole), SpawnError);
    } finally {
      await close();
    }
  };

  Deno.test(`${way}: signalGroup() reaches a program and its children, and nobody once they have ended`, () =>
    withChild("sleep 100 & echo started; wait", async (child) => {
      assertEquals(await readPart(child), "started\n");
      assertEquals([child.hasGroup(), child.signalGroup("SIGTERM")], [true, true]);
      assertEquals((await child.reap()).description, "signal SIGTERM");
      // The child holds standard output; who inherits it takes its process id away.
      assertEquals(await readOutput(child), "");
      while (child.hasGroup()) await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(child.signalGroup("SIGKILL"), false);
    }));

  for (const [script, isSuccess, description] of ENDS) {
    Deno.test({
      name: `${way}: reap() tells ${description}`,
      // The runtime forgets to drop its entry (and no more than that) for a child whose signal it has no name for.
      sanitizeResources: description !== "signal 40",
      fn: () => withChild(script, async (child) => assertEquals(await child.reap(), { isSuccess, description })),
    });
  }

  Deno.test(`${way}: write() gives false when the program no longer reads`, () =>
    withChild("exec <&-; echo closed; read -r line </dev/null", async (child) => {
      assertMatch(await readPart(child), /^closed/);
      assertEquals(await child.input?.write(new Uint8Array(100_000)), false);
      assertEquals(await child.input?.write(new Uint8Array(1)), false);
    }, { hasInput: true }));

  Deno.test(`${way}: write() gives false when the program ends while it waits for room`, () =>
    withChild("echo ready; read -r line", async (child) => {
      assertMatch(await readPart(child), /^ready/);
      assertEquals(await child.input?.write(new Uint8Array(1_000_000).fill(0x0a)), false);
      assertEquals((await child.reap()).description, "exit status 0");
    }, { hasInput: true }));

  Deno.test(`${way}: close() ends a write that waits for room`, () =>
    withChild("echo ready; exec sleep 100", async (child) => {
      assertMatch(await readPart(child), /^ready/);
      const writing = child.input?.write(new Uint8Array(1_000_000));
      child.input?.close();
      assertEquals(await writing, false);
      assertEquals(await child.input?.write(new Uint8Array(1)), false);
    }, { hasInput: true }));

  Deno.test(`${way}: what is written and closed before its end does not change with the bytes that were given`, async () => {
    const folder = await Deno.makeTempDir();
    const script = `echo ready; until [ -e ${folder}/go ]; do sleep 0.01; done; exec tr -d x`;
    await withChild(script, async (child) => {
      assertMatch(await readPart(child), /^ready/);
      const bytes = new Uint8Array(300_000).fill("x".charCodeAt(0));
      const writing = child.input?.write(bytes);
      child.input?.close();
      assertEquals(await writing, false);
      bytes.fill("y".charCodeAt(0));
      await Deno.writeTextFile(`${folder}/go`, "");
      assertEquals(await readOutput(child), "");
    }, { hasInput: true });
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`${way}: write() gives a program every byte in order, and close() its end`, () =>
    withChild("exec sha256sum", async (child) => {
      const content = Uint8Array.from({ length: 1_000_001 }, (_, index) => index * 7 ^ index >> 8);
      assertEquals(await child.input?.write(content.subarray(0, 300_000)), true);
      assertEquals(await child.input?.write(content.subarray(300_000)), true);
      child.input?.close();
      const want = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
      assertEquals(await readOutput(child), `${want}  -\n`);
    }, { hasInput: true }));

  Deno.test(`${way}: write() waits while the program does not read, and a program that prints while nobody reads waits`, async () => {
    const folder = await Deno.makeTempDir();
    const until = (name: string) => `until [ -e ${folder}/${name} ]; do sleep 0.01; done`;
    const script = `${until("go")}; wc -c >&2; head -c 1000000 /dev/zero; echo printed >&2`;
    await withChild(script, async (child) => {
      const waited = async (promise: Promise<unknown> | undefined) =>
        await Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 50, "waits"))]) === "waits";
      const writing = child.input?.write(new Uint8Array(100_000));
      assertEquals(await waited(writing), true);
      await Deno.writeTextFile(`${folder}/go`, "");
      assertEquals(await writing, true);
      child.input?.close();
      assertEquals(new TextDecoder().decode(await child.errors.read() ?? undefined), "100000\n");
      const told = child.errors.read();
      assertEquals(await waited(told), true);
      assertEquals((await readOutput(child)).length, 1_000_000);
      assertEquals(new TextDecoder().decode(await told ?? undefined), "printed\n");
    }, { hasInput: true });
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`${way}: read() gives all of a large output, and null as often as it is asked at the end`, () =>
    withChild("head -c 1000000 /dev/zero | tr '\\0' x", async (child) => {
      assertEquals(await readOutput(child), "x".repeat(1_000_000));
      assertEquals([await child.output.read(), await child.output.read()], [null, null]);
    }));

  Deno.test(`${way}: read() gives standard error, apart from the output`, () =>
    withChild("echo out; echo complaint >&2", async (child) => {
      assertEquals(new TextDecoder().decode(await child.errors.read() ?? undefined), "complaint\n");
      assertEquals([await child.errors.read(), await readOutput(child)], [null, "out\n"]);
    }));

  Deno.test(`${way}: read() leaves what it gave alone until the next call, whatever other programs print`, () =>
    withChild("printf first; exec sleep 100", async (child) => {
      const bytes = await child.output.read();
      await withChild("printf second", async (other) => assertEquals(await readPart(other), "second"));
      assertEquals(new TextDecoder().decode(bytes ?? undefined), "first");
    }));

  Deno.test(`${way}: close() ends a read that waits`, () =>
    withChild("exec sleep 100", async (child) => {
      const reading = child.output.read();
      child.output.close();
      assertEquals([await reading, await child.output.read()], [null, null]);
    }));

  Deno.test(`${way}: start() gives a program its folder, its environment, signals as usual and no descriptor of ours`, async () => {
    // What is opened here, each a descriptor of this process that no program may have.
    using _file = await Deno.open("/etc/hosts");
    using _listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    await withChild(
      "pwd; env | sort; ls -l /proc/self/fd | grep -cE 'hosts|socket'; grep -E 'Sig(Ign|Blk)' /proc/self/status",
      async (child) =>
        assertEquals(
          await readOutput(child),
          `/\nPATH=/bin\nPWD=/\n0\nSigBlk:\t0000000000000000\nSigIgn:\t${ignored}\n`,
        ),
    );
  });

  Deno.test(`${way}: start() gives words and variables byte by byte, also those that are not UTF-8`, async () => {
    const texts = ["", "\udce9", "\n \udcff$(id)`id`'\"\\\\n%s\n\n", "€\udc80", "\\0101"];
    // Shell scripts see no variables but their own, and none without a name.
    const words = [
      "/usr/bin/perl",
      "-e",
      'print join "|", map { unpack "H*", $_ } @ARGV, map { "$_=$ENV{$_}" } sort keys %ENV',
    ];
    const environment = Object.fromEntries(texts.map((text, index) => [`V${index}`, text]));
    await withChild({ words: [...words, "--", ...texts], environment }, async (child) => {
      const hex = (text: string) => {
        const bytes = new Uint8Array(3 * text.length);
        return bytes.subarray(0, encodeByteText(text, bytes)).toHex();
      };
      const want = [...texts, ...texts.map((text, index) => `V${index}=${text}`)].map(hex).join("|");
      assertEquals(await readOutput(child), want);
    });
  });

  for (const { name, word, content, folder = "/", errno } of UNSTARTABLE) {
    Deno.test(`${way}: start() throws SpawnError for ${name}, and leaves no descriptor`, async () => {
      const scripts = Deno.makeTempDirSync();
      const path = content === undefined ? word : `${scripts}/${word}`;
      if (content !== undefined) Deno.writeTextFileSync(path, content, { mode: 0o755 });
      const before = countDescriptors();
      const error = await startsNot({ words: [path], folder });
      assertEquals([error.errno, error.isShortage], [errno, false]);
      assertEquals(countDescriptors(), before);
      Deno.removeSync(scripts, { recursive: true });
    });
  }

  for (const count of [0, 1, 2, 3, 4]) {
    Deno.test(`${way}: start() throws a SpawnError of shortage when ${count} descriptors are left, and leaves none`, async () => {
      const { starter, close } = open();
      const before = countDescriptors();
      await withDescriptorsLeft(count, async () => {
        const command = { words: ["/bin/true"], folder: "/", environment: {}, hasInput: true };
        const error = await assertRejects(() => starter.start(command), SpawnError);
        assertEquals([error.errno, error.isShortage], [24, true]);
      });
      assertEquals(countDescriptors(), before);
      await close();
    });
  }

  Deno.test(`${way}: start() throws SpawnError for an environment that is too large`, async () => {
    const error = await startsNot({ environment: { LARGE: "x".repeat(200_000) } });
    assertEquals([error.errno, error.isShortage], [7, false]);
  });

  Deno.test(`${way}: start() starts 64 programs at once, with words and variables of any length`, async () => {
    const before = countDescriptors();
    const { starter, close } = open();
    const long = "\u20ac".repeat(20_000);
    const outputs = await Promise.all(Array.from({ length: 64 }, async (_, index) => {
      const words = ["/bin/sh", "-c", 'printf "%s %s" "$0" "${#LONG}"', `word ${index}`];
      const environment = { LONG: long.slice(0, index * 300), LC_ALL: "C" };
      const child = await starter.start({ words, folder: "/", environment, hasInput: false });
      const output = await readOutput(child);
      child.errors.close();
      await child.reap();
      return output;
    }));
    assertEquals(outputs, outputs.map((_, index) => `word ${index} ${index * 900}`));
    await close();
    assertEquals(countDescriptors(), before);
  });

  Deno.test(`${way}: start() throws TypeError for a word with a NUL in it`, async () => {
    const { starter, close } = open();
    const command = { words: ["/bin/echo", "a\0b"], folder: "/", environment: {}, hasInput: false };
    await assertRejects(() => starter.start(command), TypeError);
    await assertRejects(() => starter.start({ ...command, environment: { A: "\udce9\0" } }), TypeError);
    await close();
  });
}
