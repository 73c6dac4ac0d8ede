import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AccessRecord, LogLines } from "./log_lines.ts";
import { type LogSink, LogWriter } from "./log_writer.ts";

/** A file in memory that can fill up, take less than it is given, and be closed. */
class MemoryFile implements LogSink {
  text = "";
  closeCount = 0;
  /** How many bytes it still takes. */
  room = Infinity;
  /** How many bytes it takes at once. */
  mostAtOnce = Infinity;

  writeSync(bytes: Uint8Array): number {
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

function makeWriter(
  files: readonly LogSink[],
  greeting: string | null = null,
  complaints: LogSink | null = null,
): LogWriter {
  const rest = [...files];
  const open = () => rest.shift() ?? raise("no file is left");
  const name = "/var/log/a.log";
  return new LogWriter({ bufferBytes: 300, maxTextBytes: 200, now: () => 0, open, name, greeting, complaints });
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

Deno.test("LogWriter writes its greeting at once and lines when told", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file], "hello");
  assertEquals([said(file), writer.isWaiting], ["INFO log: hello\n", false]);
  say(writer, "one");
  writer.addAccess(RECORD);
  assertEquals([said(file), writer.isWaiting], ["INFO log: hello\n", true]);
  writer.flush();
  assertEquals(said(file), 'INFO log: hello\nINFO t: one\n::1 - - "GET / HTTP/1.1" 200 - "-" "-"\n');
  assertEquals(writer.isWaiting, false);
});

Deno.test("LogWriter writes what waits before its buffer overflows, in order", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  let mostWaiting = 0;
  for (let count = 1; count <= 50; count++) {
    say(writer, `line ${count}`);
    mostWaiting = Math.max(mostWaiting, count - file.text.split("\n").length + 1);
  }
  // A line takes some 45 bytes, and the buffer is full at 300.
  assert(mostWaiting > 2 && mostWaiting < 10, `${mostWaiting}`);
  writer.flush();
  assertEquals(said(file), Array.from({ length: 50 }, (_, count) => `INFO t: line ${count + 1}\n`).join(""));
});

Deno.test("LogWriter.addMessage() writes details of any number", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  const details = Array.from({ length: 100 }, (_, count) => `detail ${count} ${"x".repeat(250)}`);
  writer.addMessage("error", { source: "t", text: "bad", details });
  writer.flush();
  const lines = said(file).trimEnd().split("\n");
  assertEquals(lines[0], "ERROR t: bad");
  assertEquals(
    lines.slice(1).map((line) => line.slice(0, 13).trim()),
    details.map((detail) => detail.slice(0, 9).trim()),
  );
});

Deno.test("LogWriter.flush() goes on where the file took only a part", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.mostAtOnce = 7;
  say(writer, "one");
  say(writer, "two");
  writer.flush();
  assertEquals(said(file), "INFO t: one\nINFO t: two\n");
});

Deno.test("LogWriter.flush() counts lines that cannot be written and tells when writing works again", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  for (const text of ["one", "two"]) say(writer, text);
  writer.flush();
  say(writer, "three");
  writer.flush();
  assertEquals([file.text, writer.isWaiting], ["", true]);
  file.room = Infinity;
  say(writer, "four");
  writer.flush();
  assertEquals(said(file), "ERROR log: 3 lines lost: no space left on device\nINFO t: four\n");
  assertEquals(writer.isWaiting, false);
  say(writer, "five");
  writer.flush();
  assertEquals(said(file).split("\n").slice(-2), ["INFO t: five", ""]);
});

Deno.test("LogWriter.flush() tells of a loss also when nothing else waits", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  say(writer, "one");
  writer.flush();
  file.room = Infinity;
  writer.flush();
  assertEquals([said(file), writer.isWaiting], ["ERROR log: 1 lines lost: no space left on device\n", false]);
});

const COMPLAINT =
  'ERROR log: Cannot write "/var/log/a.log", no space left on device: its lines are lost until that ends\n';

Deno.test("LogWriter complains once when lines begin to be lost, and again when they are lost anew", () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints);
  say(writer, "one");
  writer.flush();
  assertEquals(complaints.text, "");
  file.room = 0;
  for (const text of ["two", "three"]) {
    say(writer, text);
    writer.flush();
    assertEquals(said(complaints), COMPLAINT);
  }
  file.room = Infinity;
  writer.flush();
  say(writer, "four");
  writer.flush();
  assertEquals(said(complaints), COMPLAINT);
  file.room = 0;
  say(writer, "five");
  writer.flush();
  assertEquals(said(complaints), COMPLAINT + COMPLAINT);
});

Deno.test("LogWriter complains of lines of another thread, of those of close(), and of none after it", () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const source = new LogLines({ bufferBytes: 0, maxTextBytes: 99, now: () => 0 });
  source.addMessage("info", { source: "worker", text: "one" });
  const writer = makeWriter([file], null, complaints);
  file.room = 0;
  writer.append(source.bytes);
  assertEquals(said(complaints), COMPLAINT);
  const [other, heard] = [new MemoryFile(), new MemoryFile()];
  const closing = makeWriter([other], null, heard);
  other.room = 0;
  say(closing, "one");
  closing.close();
  assertEquals(said(heard), COMPLAINT);
  const closed = makeWriter([new MemoryFile()], null, heard);
  closed.close();
  say(closed, "one");
  closed.flush();
  assertEquals(said(heard), COMPLAINT);
});

Deno.test("LogWriter goes on when complaints cannot be written either", () => {
  const [file, complaints] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([file], null, complaints);
  file.room = complaints.room = 0;
  say(writer, "one");
  writer.flush();
  file.room = Infinity;
  writer.flush();
  assertEquals(said(file), "ERROR log: 1 lines lost: no space left on device\n");
});

Deno.test("LogWriter.flush() ends a line that was cut before it writes the next", () => {
  for (const room of [1, 30, 44, 45, 46, 80]) {
    const file = new MemoryFile();
    const writer = makeWriter([file]);
    file.room = room;
    for (const text of ["one", "two"]) say(writer, text);
    writer.flush();
    const cut = file.text;
    const lostCount = 2 - cut.split("\n").length + 1;
    assertEquals(cut.length, Math.min(room, cut.length));
    file.room = Infinity;
    say(writer, "three");
    writer.flush();
    const separator = cut === "" || cut.endsWith("\n") ? "" : "\n";
    assert(file.text.startsWith(`${cut}${separator}[`), file.text);
    const rest = file.text.slice(cut.length + separator.length).replace(/\[[^\]]*\] /g, "");
    assertEquals(rest, `ERROR log: ${lostCount} lines lost: no space left on device\nINFO t: three\n`, `room ${room}`);
  }
});

Deno.test("LogWriter.flush() counts a notice that is cut as not told", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  file.room = 0;
  say(writer, "one");
  writer.flush();
  file.room = 40;
  writer.flush();
  assertEquals(writer.isWaiting, true);
  file.room = Infinity;
  writer.flush();
  assertEquals(file.text.split("\n").length, 3);
  assert(said(file).endsWith("\nERROR log: 1 lines lost: no space left on device\n"), said(file));
});

Deno.test("LogWriter.flush() survives a file that takes nothing and does not say why", () => {
  const stuck: LogSink = { writeSync: () => 0, close: () => {} };
  const writer = makeWriter([stuck]);
  say(writer, "one");
  writer.flush();
  assertEquals(writer.isWaiting, true);
});

Deno.test("LogWriter.reopen() writes what waits to the old file and greets in the new one", () => {
  const [first, second] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([first, second], "hello");
  say(writer, "one");
  writer.reopen();
  say(writer, "two");
  writer.flush();
  assertEquals(said(first), "INFO log: hello\nINFO t: one\n");
  assertEquals(said(second), "INFO log: hello\nINFO t: two\n");
  assertEquals([first.closeCount, second.closeCount], [1, 0]);
});

Deno.test("LogWriter.reopen() keeps the old file when the new one cannot be opened", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  assertThrows(() => writer.reopen(), Error, "no file is left");
  say(writer, "one");
  writer.flush();
  assertEquals([said(file), file.closeCount], ["INFO t: one\n", 0]);
});

Deno.test("LogWriter.reopen() leaves a cut line to the old file", () => {
  const [first, second] = [new MemoryFile(), new MemoryFile()];
  const writer = makeWriter([first, second]);
  first.room = 20;
  say(writer, "one");
  writer.reopen();
  writer.flush();
  assertEquals(said(second), "ERROR log: 1 lines lost: no space left on device\n");
});

Deno.test("LogWriter.close() writes what waits and closes once", () => {
  const file = new MemoryFile();
  const writer = makeWriter([file]);
  say(writer, "one");
  writer.close();
  writer.close();
  say(writer, "two");
  writer.flush();
  assertEquals([said(file), file.closeCount], ["INFO t: one\n", 1]);
});
