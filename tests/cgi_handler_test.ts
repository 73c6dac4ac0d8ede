/** The CGI handler with real processes and made-up requests: what a connection does with its answers is tested elsewhere. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { countDescriptors, programDescriptors } from "./descriptors.ts";
import type { Starter } from "../lib/child/child.ts";
import { BytesBody, HttpError } from "../lib/http/message.ts";
import { RULES } from "../lib/rules.ts";
import { type Case, playAtOnce } from "./at_once.ts";
import { chunkedBody, fakeRequest } from "./cgi/fake_request.ts";
import {
  groupMembers,
  isProcess,
  probe,
  readPid,
  readText,
  SCRIPTS,
  until,
  withScripts,
  zombies,
} from "./cgi/running_scripts.ts";
import { IS_LONG } from "./long.ts";

/** Requests that leave nothing behind. */
const ABORTED_COUNT = IS_LONG ? 1000 : 300;
/** Tests that mostly wait, look at nothing but what is their own, and fail by no program that starts slowly: played at once, at the end. */
const WAITING: Case[] = [];

/** Deno.test() of such a one. */
function testWaiting(name: string, fn: Case["fn"]): void {
  WAITING.push({ name, fn });
}

const DOCUMENT = "Content-Type: text/plain\n\n";

Deno.test("ScriptRunner.answer() gives the script its variables, its folder, its descriptors and nothing else", async () => {
  await withScripts({}, async ({ fetch }) => {
    const { status, fields, text } = await fetch({ target: `${probe("environment")}` });
    const pid = fields.get("X-Pid");
    assertEquals(status, 200);
    const lines = text.split("\n").filter((line) => !line.startsWith("REMOTE_") && !line.startsWith("SERVER_"));
    assertEquals(lines, [
      `DOCUMENT_ROOT=${lines[0].slice("DOCUMENT_ROOT=".length)}`,
      "GATEWAY_INTERFACE=CGI/1.1",
      "PATH=/usr/bin:/bin",
      "QUERY_STRING=do=environment",
      "REDIRECT_STATUS=200",
      "REQUEST_METHOD=GET",
      "REQUEST_SCHEME=http",
      "REQUEST_URI=/cgi/probe?do=environment",
      `SCRIPT_FILENAME=${SCRIPTS}/probe`,
      "SCRIPT_NAME=/cgi/probe",
      `cwd=${SCRIPTS}`,
      "arguments=",
      `descriptors=${await programDescriptors()}`,
      `group=${pid}`,
      "",
    ]);
  });
});

interface Row {
  readonly name: string;
  readonly out: string;
  readonly status: number;
  readonly text?: string;
  readonly length?: number | null;
  readonly fields?: string;
}

const ANSWERS: readonly Row[] = [
  { name: "a document", out: `${DOCUMENT}Hello`, status: 200, text: "Hello", fields: "Content-Type: text/plain" },
  { name: "a document without content", out: DOCUMENT, status: 200, text: "" },
  { name: "a status", out: "Status: 418 Teapot\r\n\r\n", status: 418, text: "", fields: "" },
  {
    name: "a client redirect",
    out: "Location: http://example.org/\n\n",
    status: 302,
    text: "",
    fields: "Location: http://example.org/",
  },
  {
    name: "a client redirect with document",
    out: "Status: 301\nLocation: /x\nContent-Type: text/html\n\n<a>",
    status: 301,
    text: "<a>",
    fields: "Location: /x|Content-Type: text/html",
  },
  {
    name: "a whole response",
    out: "HTTP/1.1 203 Fine\r\nX: y\r\nConnection: close\r\n\r\nHello",
    status: 203,
    text: "Hello",
    fields: "X: y",
  },
  {
    name: "a whole response in chunks",
    out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3;x\r\nllo\r\n0\r\n\r\nrest",
    status: 200,
    text: "Hello",
    length: null,
  },
  {
    name: "as much as was promised",
    out: `Content-Length: 5\n${DOCUMENT}Hello`,
    status: 200,
    text: "Hello",
    length: 5,
  },
  { name: "no more than was promised", out: `Content-Length: 2\n${DOCUMENT}Hello`, status: 200, text: "He", length: 2 },
];

for (const { name, out, status, text, length = null, fields } of ANSWERS) {
  Deno.test(`ScriptRunner.answer() answers ${name}`, async () => {
    await withScripts({}, async ({ open }) => {
      const response = await open({ target: probe("print", { out }) });
      assertEquals([response.status, response.body.length], [status, length]);
      if (fields !== undefined) {
        assertEquals([...response.fields].map(([field, value]) => `${field}: ${value}`).join("|"), fields);
      }
      assertEquals(await readText(response.body), text);
      await response.body.close();
    });
  });
}

Deno.test("ScriptRunner.answer() gives a local redirect back to whoever routes", async () => {
  await withScripts({}, async ({ answer: answerBy }) => {
    const answer = await answerBy(fakeRequest({ target: probe("print", { out: "Location: /x?y\n\n" }) }));
    assertEquals(answer, { localRedirect: "/x?y" });
  });
});

interface FailureRow {
  readonly name: string;
  readonly query: Readonly<Record<string, string | number>>;
  /** What the log must tell, now or a moment later; the error's own message counts. */
  readonly reasons: readonly RegExp[];
}

const FAILURES: readonly FailureRow[] = [
  { name: "no output", query: {}, reasons: [/printed nothing/] },
  { name: "no output and a bad exit", query: { exit: 3 }, reasons: [/printed nothing/, /Ended with exit status 3/] },
  { name: "half a head", query: { out: "Content-Type: text/pl" }, reasons: [/printed an incomplete head/] },
  { name: "death within the head", query: { out: "A: b\n", signal: "SEGV" }, reasons: [/Ended with signal SIGSEGV/] },
  { name: "death by a real-time signal", query: { signal: 40 }, reasons: [/Ended with .*40/] },
  { name: "a malformed head", query: { out: "Hello, world\n\n" }, reasons: [/no field: "Hello, world"/] },
  { name: "a complaint", query: { err: "it hurts\n", exit: 1 }, reasons: [/warn probe\[\d+\]: it hurts/] },
];

for (const { name, query, reasons } of FAILURES) {
  Deno.test({
    name: `ScriptRunner.answer() throws 500 and tells the reason for ${name}`,
    // The runtime forgets to drop its entry (and no more than that) for a child whose signal it has no name for.
    sanitizeResources: query.signal !== 40,
    fn: () =>
      withScripts({}, async ({ open, log }) => {
        const error = await assertRejects(() => open({ target: probe("print", query) }), HttpError);
        assertEquals(error.status, 500);
        log.error("handler", error.message);
        for (const reason of reasons) await log.find(reason);
      }),
  });
}

/** Files that look like scripts and are none that the system can run. */
const UNRUNNABLE: readonly (readonly [name: string, content: string, reason: RegExp])[] = [
  ["a missing interpreter", "#!/nonexistent/interpreter\n", /is "#!\/nonexistent\/interpreter", and there is no such/],
  ["an interpreter line with CRLF", "#!/bin/sh\r\necho\r\n", /first line "#!\/bin\/sh" ends in CR LF/],
  ["neither program nor script", "\x01\x02\x03", /is no program/],
  ["an empty file", "", /is no program/],
];

for (const [name, content, reason] of UNRUNNABLE) {
  Deno.test(`ScriptRunner.answer() throws 500 when the script is ${name}`, async () => {
    const cgiPath = Deno.makeTempDirSync();
    Deno.writeTextFileSync(`${cgiPath}/broken`, content, { mode: 0o755 });
    try {
      await withScripts({ cgiPath }, async ({ open }) => {
        const error = await assertRejects(() => open({ target: "/cgi/broken" }), HttpError);
        assertEquals(error.status, 500);
        assertMatch(error.message, /^Cannot start ".*\/broken": \S/);
        assertMatch(error.message, reason);
        // One line of the log.
        assertEquals(error.cause, undefined);
      });
    } finally {
      Deno.removeSync(cgiPath, { recursive: true });
    }
  });
}

Deno.test("ScriptRunner.answer() makes a non-zero exit after a whole response a warning and nothing more", async () => {
  await withScripts({}, async ({ fetch, log }) => {
    const { status, text } = await fetch({ target: probe("print", { out: `${DOCUMENT}done`, exit: 7 }) });
    assertEquals([status, text], [200, "done"]);
    assertMatch(await log.find(/Ended/), /^warn probe\[\d+\]: Ended with exit status 7$/);
    assertEquals(log.lines.length, 1);
  });
});

Deno.test("ScriptRunner.answer() fails the content when a script prints less than it promised", async () => {
  await withScripts({}, async ({ open }) => {
    const { body } = await open({ target: probe("print", { out: `Content-Length: 9\n${DOCUMENT}Hello` }) });
    const error = await assertRejects(() => readText(body), Error, "printed 5 bytes of content and promised 9");
    assert(!(error instanceof HttpError));
    await body.close();
  });
});

Deno.test("ScriptRunner.answer() warns when a script prints more than it promised", async () => {
  await withScripts({}, async ({ fetch, log }) => {
    await fetch({ target: probe("print", { out: `Content-Length: 2\n${DOCUMENT}Hello` }) });
    await log.find(/^warn .*more than the 2 bytes/);
  });
});

/** A request's content that is sent when the test says so. */
function writtenBody(length: number) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const body = {
    length,
    [Symbol.asyncIterator]: () => readable[Symbol.asyncIterator](),
    close: async () => {},
  };
  return { writer: writable.getWriter(), body };
}

Deno.test("ScriptRunner.answer() has all of a content that was promised and printed, while the script goes on", async () => {
  await withScripts({}, async ({ open }) => {
    for (const isRead of [true, false]) {
      const { writer, body } = writtenBody(1);
      const target = probe("print", { out: `Content-Length: 5\n${DOCUMENT}Hello`, stay: 1 });
      const response = await open({ method: "POST", target, body });
      assertEquals(new TextDecoder().decode(response.body.bytes), "Hello");
      if (isRead) assertEquals(await readText(response.body), "Hello");
      await response.body.close();
      await writer.close();
    }
  });
});

Deno.test("ScriptRunner.answer() streams: a line can be read before the next is printed", async () => {
  await withScripts({}, async ({ open }) => {
    const { writer, body } = writtenBody(3);
    const response = await open({ method: "POST", target: probe("lines", { lines: 3 }), body });
    const parts = response.body[Symbol.asyncIterator]();
    for (const line of ["line 1\n", "line 2\n", "line 3\n"]) {
      await writer.write(new Uint8Array([1]));
      const { value } = await parts.next();
      assertEquals(new TextDecoder().decode(value), line);
    }
    await writer.close();
    assertEquals((await parts.next()).done, true);
    await response.body.close();
  });
});

Deno.test("ScriptRunner.answer() passes on 20 MiB whole", async () => {
  await withScripts({}, async ({ open }) => {
    const { body } = await open({ target: probe("huge", { bytes: 20 << 20 }) });
    let [count, index] = [0, 0];
    let line = "";
    const decoder = new TextDecoder();
    for await (const part of body) {
      count += part.length;
      const lines = (line + decoder.decode(part)).split("\n");
      line = lines.pop() ?? "";
      for (const text of lines) assertEquals(Number(text), index++);
    }
    assertEquals([count, index], [20 << 20, 20 << 10]);
    await body.close();
  });
});

/** `count` parts of 64 KiB of pseudo-random bytes; `digest` tells their SHA-256 once all were taken. */
function randomParts(count: number): { parts: () => Iterable<Uint8Array>; digest: string } {
  const part = new Uint8Array(65_536);
  for (let i = 0; i < part.length; i++) part[i] = (i * 2654435761) >>> 13;
  const hash = createHash("sha256");
  function* parts() {
    for (let i = 0; i < count; i++) {
      part[0] = i;
      yield part;
    }
  }
  for (const each of parts()) hash.update(each);
  return { parts, digest: hash.digest("hex") };
}

const UPLOADS: readonly (readonly [name: string, partCount: number])[] = [
  ["content that fits into the pipe", 1],
  ["content that stays in memory", 15],
  ["content that goes to a file", 160],
];

for (const [name, partCount] of UPLOADS) {
  const { parts, digest } = randomParts(partCount);
  const length = partCount * 65_536;
  Deno.test(`ScriptRunner.answer() gives the script ${name}, of known length`, async () => {
    await withScripts({}, async ({ fetch, folder }) => {
      const body = { ...chunkedBody(parts()), length };
      const { text } = await fetch({ method: "POST", target: probe("digest"), body });
      assertEquals(text, `${digest} ${length}\n`);
      assertEquals([...Deno.readDirSync(folder)], []);
    });
  });
  Deno.test(`ScriptRunner.answer() gives the script ${name}, chunked`, async () => {
    await withScripts({}, async ({ fetch, folder }) => {
      const { text } = await fetch({ method: "POST", target: probe("digest"), body: chunkedBody(parts()) });
      assertEquals(text, `${digest} ${length}\n`);
      assertEquals([...Deno.readDirSync(folder)], []);
    });
  });
}

Deno.test("ScriptRunner.answer() tells the length of chunked content that comes byte by byte", async () => {
  await withScripts({ limits: { maxSpoolMemoryBytes: 1000 } }, async ({ fetch }) => {
    const bytes = new TextEncoder().encode("x".repeat(5000));
    const body = () => chunkedBody(Array.from(bytes, (byte) => new Uint8Array([byte])));
    const environment = await fetch({ method: "POST", target: probe("environment"), body: body() });
    assertMatch(environment.text, /^CONTENT_LENGTH=5000$/m);
    const { text } = await fetch({ method: "POST", target: probe("digest"), body: body() });
    assertEquals(text, `${createHash("sha256").update(bytes).digest("hex")} 5000\n`);
  });
});

Deno.test("ScriptRunner.answer() passes on what breaks the request's content, and ends the script", async () => {
  await withScripts({}, async ({ open, folder }) => {
    async function* broken() {
      yield new Uint8Array(10);
      await readPid(`${folder}/pid`);
      throw new HttpError(408, "too slow");
    }
    const body = { ...chunkedBody(broken()), length: 100 };
    const target = probe("silent", { pid: `${folder}/pid` });
    const error = await assertRejects(() => open({ method: "POST", target, body }), HttpError);
    assertEquals(error.status, 408);
    const pid = await readPid(`${folder}/pid`);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
});

Deno.test("ScriptRunner.answer() leaves no file and starts no script when chunked content breaks", async () => {
  await withScripts({ limits: { maxSpoolMemoryBytes: 1 } }, async ({ open, folder }) => {
    async function* broken() {
      yield new Uint8Array(10);
      throw new HttpError(413, "too long");
    }
    const target = probe("silent", { pid: `${folder}/pid` });
    const error = await assertRejects(() => open({ method: "POST", target, body: chunkedBody(broken()) }), HttpError);
    assertEquals([error.status, [...Deno.readDirSync(folder)]], [413, []]);
  });
});

for (const close of ["", "1"]) {
  Deno.test(`ScriptRunner.answer() answers when the script ${close ? "closes" : "ignores"} its input of 10 MiB`, async () => {
    await withScripts({}, async ({ fetch, log }) => {
      const { parts } = randomParts(160);
      const body = { ...chunkedBody(parts()), length: 160 * 65_536 };
      const { text } = await fetch({ method: "POST", target: probe("ignore", { close }), body });
      assertEquals([text, log.lines], ["ignored\n", []]);
    });
  });
}

testWaiting("ScriptRunner.answer() throws 504 and ends the group when no head comes in time", async () => {
  await withScripts({ limits: { scriptMs: 1000, scriptKillMs: 300 } }, async ({ open, folder }) => {
    const target = probe("silent", { pid: `${folder}/pid` });
    const error = await assertRejects(() => open({ target }), HttpError);
    assertEquals(error.status, 504);
    const pid = await readPid(`${folder}/pid`);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
});

Deno.test("ScriptRunner.answer() gives a script that takes its input slowly the time for its head anew", async () => {
  await withScripts({ limits: { scriptMs: 500 } }, async ({ fetch }) => {
    const { parts } = randomParts(12);
    const body = { ...chunkedBody(parts()), length: 12 * 65_536 };
    const { text } = await fetch({ method: "POST", target: probe("digest", { seconds: 0.1 }), body });
    assertMatch(text, / 786432\n$/);
  });
});

Deno.test("ScriptRunner.answer() blames no script for a client that sends slowly", async () => {
  await withScripts({ limits: { scriptMs: 500 } }, async ({ fetch, log }) => {
    async function* slow() {
      // Until the limit would have been noticed.
      for (let i = 0; i < 15; i++) await new Promise((resolve) => setTimeout(resolve, 50));
      yield new Uint8Array(1);
    }
    const body = { ...chunkedBody(slow()), length: 1 };
    const { text } = await fetch({ method: "POST", target: probe("digest"), body });
    assertMatch(text, / 1\n$/);
    assertEquals(log.lines, []);
  });
});

testWaiting("ScriptRunner.answer() cuts the content after too long a silence", async () => {
  await withScripts({ limits: { scriptBodyMs: 200 } }, async ({ open, folder }) => {
    const { status, body } = await open({ target: probe("silent", { head: 1, pid: `${folder}/pid` }) });
    assertEquals(status, 200);
    const error = await assertRejects(() => readText(body), Error, "printed nothing for 200 ms");
    assert(!(error instanceof HttpError));
    await body.close();
    const pid = await readPid(`${folder}/pid`);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
});

testWaiting("ScriptRunner.answer() sends SIGKILL to a group that is deaf to SIGTERM", async () => {
  await withScripts({ limits: { scriptMs: 1000, scriptKillMs: 200 } }, async ({ open, folder }) => {
    await assertRejects(() => open({ target: probe("stubborn", { pid: `${folder}/pid` }) }), HttpError);
    const pid = await readPid(`${folder}/pid`);
    await until(() => groupMembers(pid).length === 0, "both processes have ended");
  });
});

for (const head of ["", "1"]) {
  Deno.test(`ScriptRunner.answer() ends the group when the client goes ${head ? "after" : "before"} the head`, async () => {
    await withScripts({}, async ({ open, folder }) => {
      const controller = new AbortController();
      const target = probe("silent", { head, pid: `${folder}/pid` });
      const response = open({ target, signal: controller.signal });
      const outcome = head ? response.then(({ body }) => readText(body)) : response;
      const rejected = assertRejects(() => outcome, Deno.errors.Interrupted);
      const pid = await readPid(`${folder}/pid`);
      controller.abort();
      await rejected;
      await until(() => groupMembers(pid).length === 0, "the script has ended");
    });
  });
}

Deno.test("ScriptContent.close() ends the group when the content was begun", async () => {
  await withScripts({}, async ({ open }) => {
    const { fields, body } = await open({ target: probe("slow", { lines: 1000, seconds: 0.01 }) });
    await body[Symbol.asyncIterator]().next();
    await body.close();
    const pid = Number(fields.get("x-pid"));
    assert(pid > 1);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
});

Deno.test("ScriptContent.close() lets the script finish when nobody wants its content", async () => {
  await withScripts({}, async ({ open, folder, log }) => {
    // 200 KB do not fit into the pipe: the script comes to its exit status only when somebody reads.
    const { body } = await open({ method: "HEAD", target: probe("huge", { bytes: 200_000, exit: 9 }) });
    await body.close();
    await log.find(/Ended with exit status 9/);
    assertEquals([log.lines.length, [...Deno.readDirSync(folder)]], [1, []]);
  });
});

Deno.test(
  "ScriptRunner.answer() breaks the response off when a child of the script holds its output in silence",
  async () => {
    await withScripts({ limits: { scriptLingerMs: 300 } }, async ({ open, folder, log }) => {
      const target = probe("grandchild", { pid: `${folder}/pid`, seconds: 0.05, late: "late\n" });
      const { body } = await open({ target });
      const parts: string[] = [];
      const reading = (async () => {
        for await (const part of body) parts.push(new TextDecoder().decode(part));
      })();
      await assertRejects(() => reading, Error, "holds its output and has said nothing for 300 ms");
      assertEquals(parts.join(""), "parent\nlate\n");
      const pid = await readPid(`${folder}/pid`);
      await until(() => groupMembers(pid).length === 0, "the child has ended");
      await log.find(/^warn probe\[\d+\]: Ended, .* the answer is broken off; its process group gets SIGTERM/);
    });
  },
);

testWaiting("ScriptRunner.answer() gives what a child of the script prints late, whole", async () => {
  await withScripts({}, async ({ fetch, folder, log }) => {
    const target = probe("grandchild", { pid: `${folder}/pid`, seconds: 1.2, late: "late\n", end: 1 });
    assertEquals((await fetch({ target })).text, "parent\nlate\n");
    assertEquals(log.lines, []);
  });
});

testWaiting("ScriptRunner.answer() ends what a script has left when the client goes", async () => {
  await withScripts({}, async ({ open, folder }) => {
    const controller = new AbortController();
    const { body } = await open({ target: probe("grandchild", { pid: `${folder}/pid` }), signal: controller.signal });
    const rejected = assertRejects(() => readText(body), Deno.errors.Interrupted);
    const pid = await readPid(`${folder}/pid`);
    controller.abort();
    await rejected;
    await until(() => groupMembers(pid).length === 0, "the child has ended");
  });
});

testWaiting(
  "ScriptRunner.answer() ends the response when the script closes its output, and later the script",
  async () => {
    // As long may the script be silent before: on a busy machine, between what it prints and the end of its output.
    await withScripts({ limits: { scriptBodyMs: 1500 } }, async ({ fetch, folder, log }) => {
      const { text } = await fetch({ target: probe("close", { pid: `${folder}/pid` }) });
      assertEquals(text, "closed\n");
      const pid = await readPid(`${folder}/pid`);
      await log.find(/Still runs 1500 ms after its response/);
      await until(() => groupMembers(pid).length === 0, "the script has ended");
    });
  },
);

testWaiting("ScriptRunner.answer() logs what a child of the script says later, and needs no place for it", async () => {
  await withScripts({ maxScripts: 1, limits: { scriptErrorMs: 2000 } }, async ({ fetch, folder, log }) => {
    const target = probe("grandchild", { quiet: 1, pid: `${folder}/pid`, seconds: 1.2, complaint: "complaint\n" });
    assertEquals((await fetch({ target })).text, "parent\n");
    assertEquals((await fetch({ target: probe("print", { out: `${DOCUMENT}next` }) })).text, "next");
    await log.find(/^warn probe\[\d+\]: complaint$/);
    await log.find(/^warn probe\[\d+\]: Ended, .* holds its standard error and has done so for 2000 ms: it is closed/);
    const pid = await readPid(`${folder}/pid`);
    assertEquals(groupMembers(pid).length, 1, "it is not ended");
    Deno.kill(-pid, "SIGKILL");
  });
});

testWaiting(
  "ScriptRunner holds the standard errors of as many scripts as may run at once, and lets the oldest go",
  async () => {
    await withScripts({ maxScripts: 2 }, async ({ fetch, folder, log }) => {
      for (const number of [1, 2, 3]) {
        await fetch({ target: probe("grandchild", { quiet: 1, pid: `${folder}/${number}` }) });
      }
      const pids = await Promise.all([1, 2, 3].map((number) => readPid(`${folder}/${number}`)));
      const line = await log.find(/holds its standard error and so do those of 2 later scripts: it is closed/);
      assertEquals([line.includes(`probe[${pids[0]}]`), log.lines.length], [true, 1]);
      for (const pid of pids) Deno.kill(-pid, "SIGKILL");
    });
  },
);

Deno.test("ScriptRunner.stop() ends what scripts have left that holds their pipes, with a word", async () => {
  let pid = 0;
  await withScripts({}, async ({ fetch, folder, log, runner }) => {
    await fetch({ target: probe("grandchild", { quiet: 1, pid: `${folder}/pid` }) });
    pid = await readPid(`${folder}/pid`);
    // Reaped: before that it still runs, as far as is known.
    await until(() => !isProcess(pid), "the script itself has ended");
    await runner.stop();
    assertEquals(groupMembers(pid), []);
    assertEquals(log.lines, [
      `warn probe[${pid}]: Ended, but processes that it left hold its pipes: its process group gets SIGTERM, for the server stops`,
    ]);
  });
});

Deno.test("ScriptRunner.stop() is not held up by a process in a session of its own that holds a standard error", async () => {
  await withScripts({ limits: { scriptKillMs: 100 } }, async ({ fetch, folder, log, runner }) => {
    await fetch({ target: probe("grandchild", { quiet: 1, session: 1, child: `${folder}/child` }) });
    const pid = await readPid(`${folder}/child`);
    await runner.stop();
    await log.find(/holds its standard error and the server stops: it is closed/);
    assertEquals(groupMembers(pid), [pid]);
    Deno.kill(pid, "SIGKILL");
  });
});

Deno.test("ScriptRunner.answer() ends the input when the script closes its output", async () => {
  await withScripts({}, async ({ fetch, folder }) => {
    const release = Promise.withResolvers<void>();
    async function* unending() {
      yield new Uint8Array(10);
      await release.promise;
    }
    const body = { ...chunkedBody(unending()), length: 100 };
    const { text } = await fetch({ method: "POST", target: probe("close", { read: 1, pid: `${folder}/pid` }), body });
    assertEquals(text, "closed\n");
    // Written once the script has read to the end.
    const pid = await readPid(`${folder}/pid`);
    release.resolve();
    Deno.kill(-pid, "SIGKILL");
  });
});

Deno.test("ScriptRunner.answer() stops watching the client when the script has ended", async () => {
  await withScripts({}, async ({ fetch }) => {
    const { signal } = new AbortController();
    const calls: string[] = [];
    for (const name of ["addEventListener", "removeEventListener"] as const) {
      const original = signal[name].bind(signal);
      signal[name] = (type: string, listener: EventListenerOrEventListenerObject) => {
        calls.push(name);
        original(type, listener);
      };
    }
    await fetch({ target: probe("slow", { lines: 8, seconds: 0.05 }), signal });
    await until(() => calls.length > 1, "the watch has ended");
    assertEquals(calls, ["addEventListener", "removeEventListener"]);
  });
});

Deno.test("ScriptRunner.answer() throws 500 when a script closes its output before its head", async () => {
  await withScripts({}, async ({ open, folder }) => {
    const target = probe("close", { head: 1, pid: `${folder}/pid` });
    assertEquals((await assertRejects(() => open({ target }), HttpError)).status, 500);
  });
});

testWaiting("ScriptRunner.answer() logs standard error by lines up to a bound, and reads on beyond it", async () => {
  await withScripts({ limits: { maxScriptErrorBytes: 1000, scriptBodyMs: 300 } }, async ({ fetch, log, folder }) => {
    const target = probe("complain", { pid: `${folder}/pid` });
    await assertRejects(() => fetch({ target }), Error, "printed nothing for 300 ms");
    const pid = await readPid(`${folder}/pid`);
    await log.find(/More than 1000 bytes/);
    assertEquals(log.lines.filter((line) => line === `warn probe[${pid}]: complaint`).length, 100);
    await until(() => groupMembers(pid).length === 0, "the script has ended");
  });
});

Deno.test("ScriptRunner.answer() logs the last line of standard error without a line end, and bytes that are no text", async () => {
  await withScripts({}, async ({ fetch, log }) => {
    await fetch({ target: `${probe("print", { out: DOCUMENT })}&err=one%0D%0A%0Atwo%20%FF` });
    await log.find(/: two \ufffd$/);
    assertEquals(log.lines.map((line) => line.replace(/\[\d+\]/, "")).slice(0, 2), ["warn probe: one", "warn probe: "]);
  });
});

Deno.test("ScriptRunner.answer() runs as many as it may, lets others wait and refuses the rest", async () => {
  await withScripts({ maxScripts: 1, maxQueue: 1 }, async ({ open, fetch, folder }) => {
    const controller = new AbortController();
    const target = probe("silent", { head: 1, pid: `${folder}/pid` });
    const running = await open({ target, signal: controller.signal });
    const waiting = fetch({ target: probe("print", { out: `${DOCUMENT}waited` }) });
    const error = await assertRejects(() => open({ target: probe("environment") }), HttpError);
    assertEquals([error.status, error.fields.get("retry-after")], [503, "1"]);
    controller.abort();
    await assertRejects(() => readText(running.body), Deno.errors.Interrupted);
    assertEquals((await waiting).text, "waited");
    assertEquals((await fetch({ target: probe("print", { out: `${DOCUMENT}next` }) })).text, "next");
  });
});

Deno.test(
  "ScriptRunner.answer() forgets a waiting request whose client goes, and refuses one that waits too long",
  async () => {
    await withScripts({ maxScripts: 1, maxQueue: 2, limits: { scriptMs: 1000 } }, async ({ open, folder }) => {
      const running = await open({ target: probe("silent", { head: 1, pid: `${folder}/pid` }) });
      const controller = new AbortController();
      const leaving = open({ target: probe("environment"), signal: controller.signal });
      controller.abort();
      await assertRejects(() => leaving, Deno.errors.Interrupted);
      const error = await assertRejects(() => open({ target: probe("environment") }), HttpError);
      assertEquals([error.status, error.fields.get("retry-after")], [503, "1"]);
      await running.body.close();
    });
  },
);

Deno.test("ScriptRunner.stop() ends a script that is being started", async () => {
  const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const starter = (usual: Starter): Starter => ({
    start: async (command) => {
      tellAsked();
      await allowed;
      return await usual.start(command);
    },
  });
  await withScripts({ starter }, async ({ runner, open }) => {
    const answer = assertRejects(() => open({ target: probe("silent") }), HttpError);
    await asked;
    const stopped = runner.stop();
    allow();
    await stopped;
    assertEquals((await answer).status, 503);
  });
});

Deno.test("ScriptRunner.stop() ends every script, answers the waiting ones 503 and leaves no process", async () => {
  await withScripts({ maxScripts: 2, limits: { scriptKillMs: 200 } }, async ({ runner, open, folder }) => {
    const before = open({ target: probe("stubborn", { pid: `${folder}/1` }) });
    const within = await open({ target: probe("silent", { head: 1, pid: `${folder}/2` }) });
    const waiting = open({ target: probe("environment") });
    const pids = [await readPid(`${folder}/1`), await readPid(`${folder}/2`)];
    const outcomes = Promise.all([
      assertRejects(() => before, HttpError),
      assertRejects(() => readText(within.body), Error, "The server stops"),
      assertRejects(() => waiting, HttpError),
    ]);
    await runner.stop();
    const [first, cut, last] = await outcomes;
    assert(!(cut instanceof HttpError));
    assertEquals([first, last].map((error) => (error as HttpError).status), [503, 503]);
    assertEquals(pids.map(groupMembers), [[], []]);
    assertEquals((await assertRejects(() => open({ target: probe("environment") }), HttpError)).status, 503);
  });
});

Deno.test(`ScriptRunner.answer() leaves no process, zombie, descriptor or file behind after ${ABORTED_COUNT} aborted requests`, async () => {
  const cgiPath = Deno.makeTempDirSync();
  // A shell starts fast, and its child makes the group larger than one process.
  const script =
    '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\necho $$ >>pids\nsleep 3600 &\nread -r line\necho on\nwait\n';
  Deno.writeTextFileSync(`${cgiPath}/wait`, script, { mode: 0o755 });
  try {
    await withScripts({ cgiPath, limits: { maxSpoolMemoryBytes: 1 } }, async ({ runner, open, folder }) => {
      const abort = async (number: number) => {
        const controller = new AbortController();
        if (number % 3 === 2) controller.abort();
        const body = number % 2 === 0 ? new BytesBody(new Uint8Array(100_000)) : chunkedBody([new Uint8Array(100)]);
        if (number % 3 === 1) setTimeout(() => controller.abort(), number % 50);
        const request = async () => {
          const response = await open({ method: "POST", target: "/cgi/wait", body, signal: controller.signal });
          try {
            if (number % 3 === 0) await response.body[Symbol.asyncIterator]().next();
            else await readText(response.body);
          } finally {
            await response.body.close();
          }
        };
        // A third gives up while it reads; the client of the others goes, sooner or later.
        if (number % 3 === 0) await request();
        else await assertRejects(request, Deno.errors.Interrupted);
      };
      await abort(0);
      await until(() => groupMembers(Number(Deno.readTextFileSync(`${cgiPath}/pids`))).length === 0, "warmed up");
      const descriptors = countDescriptors();
      let number = 0;
      const pidsThatRan = () => new Set(Deno.readTextFileSync(`${cgiPath}/pids`).trim().split("\n").map(Number));
      // On a busy machine more clients are gone before their script has begun.
      const isEnough = () =>
        number >= 5 * ABORTED_COUNT || (number >= ABORTED_COUNT && pidsThatRan().size > 0.9 * ABORTED_COUNT);
      await Promise.all(Array.from({ length: 16 }, async () => {
        while (!isEnough()) await abort(number++);
      }));
      await runner.stop();
      const pids = pidsThatRan();
      assert(pids.size > 0.9 * ABORTED_COUNT, `${pids.size} scripts ran`);
      assertEquals([...pids].flatMap(groupMembers), []);
      assertEquals(zombies(), []);
      assertEquals([...Deno.readDirSync(folder)], []);
      assert(countDescriptors() <= descriptors, `${descriptors} descriptors have become ${countDescriptors()}`);
    });
  } finally {
    Deno.removeSync(cgiPath, { recursive: true });
  }
});

Deno.test("ScriptRunner.answer() runs an interpreter over a file below the prefix and in the root, without search-words", async () => {
  const options = { cgiPath: SCRIPTS, handlers: { ".pl": "/usr/bin/perl" } };
  await withScripts(options, async ({ fetch, folder }) => {
    Deno.mkdirSync(`${folder}/app`);
    Deno.writeTextFileSync(
      `${folder}/app/show.pl`,
      'print "Content-Type: a/b\\n\\n@ARGV|$0|$ENV{SCRIPT_NAME}|$ENV{PATH_INFO}"',
    );
    const { text } = await fetch({ target: "/app/show.pl/x/?-v" });
    assertEquals(text, `|${folder}/app/show.pl|/app/show.pl|/x/`);
  });
});

Deno.test("ScriptRunner.answer() gives the words of an indexed query to a program, safe from a shell", async () => {
  await withScripts({}, async ({ fetch }) => {
    const { text } = await fetch({ target: "/cgi/probe?one+%24%28two%29" });
    assertMatch(text, /^arguments=one \\\$\\\(two\\\)$/m);
  });
});

Deno.test("ScriptRunner.answer() runs scripts as the user that was named, with that group alone", async () => {
  if (Deno.uid() !== 0) return;
  const user = { uid: 65534, gid: 65534 };
  const cgiPath = Deno.makeTempDirSync();
  Deno.chmodSync(cgiPath, 0o755);
  Deno.writeTextFileSync(`${cgiPath}/who`, "#!/bin/sh\necho 'Content-Type: a/b\n'\nid -u; id -g; id -G; ulimit -n\n", {
    mode: 0o755,
  });
  Deno.chmodSync(`${cgiPath}/who`, 0o755);
  try {
    const resources = { cpuSeconds: null, memoryBytes: null, fileCount: 64, processCount: null };
    await withScripts({ cgiPath, user, resources }, async ({ fetch }) => {
      assertEquals((await fetch({ target: "/cgi/who" })).text, "65534\n65534\n65534\n64\n");
    });
  } finally {
    Deno.removeSync(cgiPath, { recursive: true });
  }
});

Deno.test("ScriptRunner.answer() ends a script at its processor limit", async () => {
  const cgiPath = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${cgiPath}/spin`, "#!/bin/sh\nwhile :; do :; done\n", { mode: 0o755 });
  const resources = { cpuSeconds: 1, memoryBytes: null, fileCount: null, processCount: null };
  try {
    await withScripts({ cgiPath, resources }, async ({ open, log }) => {
      assertEquals((await assertRejects(() => open({ target: "/cgi/spin" }), HttpError)).status, 500);
      await log.find(/Ended with signal SIG(XCPU|KILL)/);
    });
  } finally {
    Deno.removeSync(cgiPath, { recursive: true });
  }
});

Deno.test("ScriptRunner.answer() gives the one program of the course everything below the prefix", async () => {
  const options = { cgiPath: `${SCRIPTS}/probe`, rules: RULES.course };
  await withScripts(options, async ({ fetch }) => {
    const { text } = await fetch({ target: "/cgi/testfun/arg1/arg2/arg3?test=test" });
    assertEquals(text, "no such action\n".slice(0, 0) + text);
    assertMatch(text, /^PATH_INFO=\/testfun\/arg1\/arg2\/arg3$/m);
    assertMatch(text, /^SCRIPT_NAME=\/cgi$/m);
    assertMatch(text, /^REQUEST_URI=\/cgi\/testfun\/arg1\/arg2\/arg3$/m);
    assertMatch(text, /^QUERY_STRING=test=test$/m);
  });
});

Deno.test("ScriptRunner keeps its limits of time", (context) => playAtOnce(context, WAITING));
