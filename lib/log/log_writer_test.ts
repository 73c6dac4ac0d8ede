import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AccessRecord } from "./access_record.ts";
import { type EscapedLines, LogLines } from "./log_lines.ts";
import { type LogSink, LogWriter } from "./log_writer.ts";

/** A file in memory that can fill up, take less than it is given, and be closed. */
class MemoryFile implements LogSink {
  text = "";
  closeCount = 0;
  /** How many bytes it still takes. */
  room = Infinity;
  /** How many bytes it takes at once. */
  mostAtOnce = Infinity;

  write(bytes: Uint8Array): Promise<number> {
    return Promise.try(() => this.#take(bytes));
  }

  #take(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.room, this.mostAtOnce);
    if (taken === 0) throw new Error("No space left on device (os error 28)");
    this.text += new TextDecoder().decode(bytes.subarray(0, taken));
    this.room -= taken;
    return taken;
  }

  close(): void {
    this.closeCount++;
  }
}

/** A file whose writes hang while it is stalled. */
class StallingFile extends MemoryFile {
  #going = Promise.withResolvers<void>();
  isStalled = true;

  override async write(bytes: Uint8Array): Promise<number> {
    if (this.isStalled) await this.#going.promise;
    return await super.write(bytes);
  }

  goOn(): void {
    this.isStalled = false;
    this.#going.resolve();
  }
}

const RECORD: AccessRecord = {
  remoteAddress: "::1",
  remoteUser: null,
  method: "GET",
  target: "/",
  version: "1.1",
  status: 200,
  bodyBytes: 0,
  referer: null,
  userAgent: null,
};

const MAX_HELD_BYTES = 100_000;
/** That time never comes. */
const NEVER = new Promise<void>(() => {});
const IN_TIME = { late: NEVER, tooLate: NEVER };

function makeWriter(
  files: readonly LogSink[],
  greeting: string | null = null,
  complaints: LogSink | null = null,
  maxHeldBytes = MAX_HELD_BYTES,
): LogWriter {
  const rest = [...files];
  const open = () => rest.shift() ?? raise("no file is left");
  const name = "/var/log/a.log";
  const openAgain = () => Promise.try(open);
  const sizes = { bufferBytes: 300, maxTextBytes: 200, maxHeldBytes };
  return new LogWriter({ ...sizes, now: () => 0, open, openAgain, name, greeting, complaints });
}

function raise(message: string): never {
  throw new Error(message);
}

function say(writer: LogWriter, text: string): void {
  writer.addMessage("info", { source: "t", text });
}

/** The text without the times. */
function said(file: MemoryFile): string {
  return file.text.replace(/\[[^\]]*\] /g, "");
}

Deno.test("LogWriter writes its greeting and lines when told", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file], "hello");
  assertEquals([said(file), writer.isWaiting], ["", true]);
  await writer.flush();
  assertEquals(said(file), "INFO log: hello\n");
  assertEquals(writer.isWaiting, false);
  say(writer, "one");
  writer.addAccess(RECORD);
  assertEquals([said(file), writer.isWaiting], ["INFO log: hello\n", true]);
  await writer.flush();
  assertEquals(said(file), 'INFO log: hello\nINFO t: one\n::1 - - "GET / HTTP/1.1" 200 - "-" "-"\n');
  assertEquals(writer.isWaiting, false);
});

Deno.test("LogWriter writes what waits before its buffer overflows, in order", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  let mostWaiting = 0;
  for (let count = 1; count <= 50; count++) {
    say(writer, `line ${count}`);
    // What is being written is waited for by none of these calls.
    await new Promise((resolve) => setTimeout(resolve, 0));
    mostWaiting = Math.max(mostWaiting, count - file.text.split("\n").length + 1);
  }
  // A line takes some 45 bytes, and the buffer is full at 300.
  assert(mostWaiting > 2 && mostWaiting < 10, `${mostWaiting}`);
  await writer.flush();
  assertEquals(said(file), Array.from({ length: 50 }, (_, count) => `INFO t: line ${count + 1}\n`).join(""));
});

Deno.test("LogWriter.addMessage() writes details of any number", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  const details = Array.from({ length: 100 }, (_, count) => `detail ${count} ${"x".repeat(250)}`);
  writer.addMessage("error", { source: "t", text: "bad", details });
  await writer.flush();
  const lines = said(file).trimEnd().split("\n");
  assertEquals(lines[0], "ERROR t: bad");
  assertEquals(
    lines.slice(1).map((line) => line.slice(0, 13).trim()),
    details.map((detail) => detail.slice(0, 9).trim()),
  );
});

Deno.test("LogWriter.flush() goes on where the file took only a part", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.mostAtOnce = 7;
  say(writer, "one");
  say(writer, "two");
  await writer.flush();
  assertEquals(said(file), "INFO t: one\nINFO t: two\n");
});

Deno.test("LogWriter.flush() counts lines that cannot be written and tells when writing works again", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  for (const text of ["one", "two"]) say(writer, text);
  await writer.flush();
  say(writer, "three");
  await writer.flush();
  assertEquals([file.text, writer.isWaiting], ["", true]);
  file.room = Infinity;
  say(writer, "four");
  await writer.flush();
  assertEquals(said(file), "ERROR log: 3 lines lost: no space left on device\nINFO t: four\n");
  assertEquals(writer.isWaiting, false);
  say(writer, "five");
  await writer.flush();
  assertEquals(said(file).split("\n").slice(-2), ["INFO t: five", ""]);
});

Deno.test("LogWriter.flush() tells of a loss also when nothing else waits", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  say(writer, "one");
  await writer.flush();
  file.room = Infinity;
  await writer.flush();
  assertEquals([said(file), writer.isWaiting], ["ERROR log: 1 lines lost: no space left on device\n", false]);
});

const COMPLAINT =
  'ERROR log: Cannot write "/var/log/a.log", no space left on device: its lines are lost until that ends\n';

const LAST_COMPLAINT = 'ERROR log: Cannot write "/var/log/a.log", no space left on device: 1 lines lost at the end\n';

Deno.test("LogWriter complains once when lines begin to be lost, and again when they are lost anew", async () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints);
  say(writer, "one");
  await writer.flush();
  assertEquals(complaints.text, "");
  file.room = 0;
  for (const text of ["two", "three"]) {
    say(writer, text);
    await writer.flush();
    assertEquals(said(complaints), COMPLAINT);
  }
  file.room = Infinity;
  await writer.flush();
  say(writer, "four");
  await writer.flush();
  assertEquals(said(complaints), COMPLAINT);
  file.room = 0;
  say(writer, "five");
  await writer.flush();
  assertEquals(said(complaints), COMPLAINT + COMPLAINT);
});

Deno.test("LogWriter complains of lines of another thread, of those of close(), and of none after it", async () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const source = new LogLines({ bufferBytes: 0, maxTextBytes: 99, now: () => 0 });
  source.addMessage("info", { source: "worker", text: "one" });
  const writer = makeWriter([file], null, complaints);
  file.room = 0;
  writer.append(source.bytes);
  await writer.flush();
  assertEquals(said(complaints), COMPLAINT);
  const [other, heard] = [new MemoryFile(), new MemoryFile()];
  const closing = makeWriter([other], null, heard);
  other.room = 0;
  say(closing, "one");
  await closing.close(IN_TIME);
  assertEquals(said(heard), COMPLAINT + LAST_COMPLAINT);
  const closed = makeWriter([new MemoryFile()], null, heard);
  await closed.close(IN_TIME);
  say(closed, "one");
  await closed.flush();
  assertEquals(said(heard), COMPLAINT + LAST_COMPLAINT);
});

Deno.test("LogWriter goes on when complaints cannot be written either", async () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints);
  file.room = complaints.room = 0;
  say(writer, "one");
  await writer.flush();
  file.room = Infinity;
  await writer.flush();
  assertEquals(said(file), "ERROR log: 1 lines lost: no space left on device\n");
});

Deno.test("LogWriter.flush() ends a line that was cut before it writes the next", async () => {
  for (const room of [1, 30, 44, 45, 46, 80]) {
    const file = new MemoryFile();
    const writer = makeWriter([file]);
    file.room = room;
    for (const text of ["one", "two"]) say(writer, text);
    await writer.flush();
    const cut = file.text;
    const lostCount = 2 - cut.split("\n").length + 1;
    assertEquals(cut.length, Math.min(room, cut.length));
    file.room = Infinity;
    say(writer, "three");
    await writer.flush();
    const separator = cut === "" || cut.endsWith("\n") ? "" : "\n";
    assert(file.text.startsWith(`${cut}${separator}[`), file.text);
    const rest = file.text.slice(cut.length + separator.length).replace(/\[[^\]]*\] /g, "");
    assertEquals(rest, `ERROR log: ${lostCount} lines lost: no space left on device\nINFO t: three\n`, `room ${room}`);
  }
});

Deno.test("LogWriter.flush() counts a notice that is cut as not told", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  say(writer, "one");
  await writer.flush();
  file.room = 40;
  await writer.flush();
  assertEquals(writer.isWaiting, true);
  file.room = Infinity;
  await writer.flush();
  assertEquals(file.text.split("\n").length, 3);
  assert(said(file).endsWith("\nERROR log: 1 lines lost: no space left on device\n"), said(file));
});

Deno.test("LogWriter.flush() survives a file that takes nothing and does not say why", async () => {
  const stuck: LogSink = { write: () => Promise.resolve(0), close: () => {} };
  const writer = makeWriter([stuck]);
  say(writer, "one");
  await writer.flush();
  assertEquals(writer.isWaiting, true);
});

Deno.test("LogWriter.reopen() writes what waits to the old file and greets in the new one", async () => {
  const [first, second] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([first, second], "hello");
  say(writer, "one");
  await writer.reopen();
  say(writer, "two");
  await writer.flush();
  assertEquals(said(first), "INFO log: hello\nINFO t: one\n");
  assertEquals(said(second), "INFO log: hello\nINFO t: two\n");
  assertEquals([first.closeCount, second.closeCount], [1, 0]);
});

Deno.test("LogWriter.reopen() keeps the old file when the new one cannot be opened", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  await assertRejects(() => writer.reopen(), Error, "no file is left");
  say(writer, "one");
  await writer.flush();
  assertEquals([said(file), file.closeCount], ["INFO t: one\n", 0]);
});

Deno.test("LogWriter.reopen() leaves a cut line to the old file", async () => {
  const [first, second] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([first, second]);
  first.room = 20;
  say(writer, "one");
  await writer.reopen();
  await writer.flush();
  assertEquals(said(second), "ERROR log: 1 lines lost: no space left on device\n");
});

Deno.test("LogWriter.close() writes what waits and closes once", async () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  say(writer, "one");
  await writer.close(IN_TIME);
  await writer.close(IN_TIME);
  say(writer, "two");
  await writer.flush();
  assertEquals([said(file), file.closeCount], ["INFO t: one\n", 1]);
});

/** The numbers of the lines that were said. */
function numbersIn(file: MemoryFile): readonly number[] {
  return [...said(file).matchAll(/INFO t: (\d+)\n/g)].map(([, number]) => Number(number));
}

Deno.test("LogWriter holds lines while a write hangs, counts those beyond its bound, and tells it in their place", async () => {
  const [file, complaints] = [new StallingFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints, 3000);
  for (let number = 1; number <= 200; number++) {
    say(writer, `${number}`);
    writer.flush();
  }
  assertEquals([file.text, writer.isWaiting], ["", true]);
  const reason = "more than 3000 bytes wait to be written";
  const complaint = `ERROR log: Cannot write "/var/log/a.log", ${reason}: its lines are lost until that ends\n`;
  assertEquals(said(complaints), complaint);
  file.goOn();
  await writer.flush();
  const numbers = numbersIn(file);
  assert(numbers.length > 50 && numbers.length < 100, `${numbers.length}`);
  assertEquals(numbers, Array.from(numbers, (_, index) => index + 1));
  assert(said(file).endsWith(`\nERROR log: ${200 - numbers.length} lines lost: ${reason}\n`), said(file));
  assertEquals(writer.isWaiting, false);
  say(writer, "1000");
  await writer.flush();
  assert(said(file).endsWith("wait to be written\nINFO t: 1000\n"), said(file));
  assertEquals(said(complaints), complaint);
});

Deno.test("LogWriter loses nothing of what waits within its bound, from other threads too, and keeps its order", async () => {
  const file = new StallingFile();
  const writer = makeWriter([file]);
  const source = new LogLines({ bufferBytes: 0, maxTextBytes: 99, now: () => 0 });
  for (let number = 1; number <= 300; number++) {
    if (number % 3 > 0) {
      say(writer, `${number}`);
      continue;
    }
    source.addMessage("info", { source: "t", text: `${number}` });
    writer.append(source.bytes.slice() as EscapedLines);
    source.clear();
  }
  file.goOn();
  await writer.flush();
  assertEquals(numbersIn(file), Array.from({ length: 300 }, (_, index) => index + 1));
  assertEquals(said(file).split("\n").length, 301);
});

Deno.test("LogWriter.reopen() waits for a write that hangs, and what is added meanwhile comes into the new file", async () => {
  const [first, second] = [new StallingFile(), new MemoryFile()];
  const writer = makeWriter([first, second], "hello");
  say(writer, "1");
  const reopened = [writer.reopen(), writer.reopen()];
  assertEquals(reopened[0], reopened[1]);
  say(writer, "2");
  writer.flush();
  assertEquals([first.text, second.text, first.closeCount], ["", "", 0]);
  first.goOn();
  await Promise.all(reopened);
  await writer.flush();
  assertEquals([said(first), first.closeCount], ["INFO log: hello\nINFO t: 1\n", 1]);
  assertEquals(said(second), "INFO log: hello\nINFO t: 2\n");
});

Deno.test("LogWriter.close() gives up a write that hangs when it is late, and tells how many lines that costs", async () => {
  const [file, complaints] = [new StallingFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints);
  for (const text of ["1", "2", "3"]) {
    say(writer, text);
    writer.flush();
  }
  await writer.close({ late: Promise.resolve(), tooLate: NEVER });
  assertEquals(file.closeCount, 1);
  const want = 'ERROR log: Cannot write "/var/log/a.log", a write did not end: 3 lines lost at the end\n';
  assertEquals(said(complaints), want);
  file.goOn();
  await writer.flush();
  assertEquals(numbersIn(file), [1]);
});

Deno.test("LogWriter.close() ends although the complaint of it hangs as well", async () => {
  const writer = makeWriter([new StallingFile()], "hello", new StallingFile());
  await writer.close({ late: Promise.resolve(), tooLate: Promise.resolve() });
  assertEquals(writer.isWaiting, true);
});
