import { assertEquals, assertThrows } from "@std/assert";
import { configFilesOf } from "../../tests/config_texts.ts";
import { parseConfigFile } from "./config_file.ts";
import { isSameRecord, recordedFiles, recordedPaths, recordFiles } from "./file_record.ts";

const TEXTS = { "/etc/a.conf": "include = d/*.conf\ninclude = b", "/etc/b": "listing", "/etc/d/c.conf": "root = /r" };

function record(texts: Readonly<Record<string, string>>) {
  const { files, record } = recordFiles(configFilesOf(texts));
  const sections = parseConfigFile(files.load("/etc/a.conf", "--config"), files);
  return { record, sections };
}

Deno.test("recordedFiles() gives what was read through recordFiles(), and nothing else", () => {
  const first = record(TEXTS);
  const files = recordedFiles(structuredClone(first.record));
  assertEquals(parseConfigFile(files.load("/etc/a.conf", ""), files), first.sections);
  assertEquals(recordedPaths(first.record), ["/etc/a.conf", "/etc/d/c.conf", "/etc/b", "/etc/d"]);
  assertThrows(() => files.load("/etc/other", ""), Error, "Was not read: /etc/other");
  assertThrows(() => files.find("constructor", ""), Error, "Was not read");
});

Deno.test("isSameRecord() tells a text that has changed, and a file that has come", () => {
  assertEquals(isSameRecord(record(TEXTS).record, record(TEXTS).record), true);
  assertEquals(isSameRecord(record(TEXTS).record, record({ ...TEXTS, "/etc/b": "" }).record), false);
  assertEquals(isSameRecord(record(TEXTS).record, record({ ...TEXTS, "/etc/d/z": "" }).record), false);
});
