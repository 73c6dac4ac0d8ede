/**
 * What the files of a configuration said when they were read: so that all threads have the same, and that it is seen whether they
 * have changed. Pure; whoever reads is handed in.
 */
import { dirname } from "@std/path";
import type { ConfigFiles } from "./config_file.ts";

/** Data that can be sent to another thread. */
export interface FileRecord {
  /** By absolute path. */
  readonly texts: Readonly<Record<string, string>>;
  /** The paths that a pattern meant, by pattern. */
  readonly found: Readonly<Record<string, readonly string[]>>;
}

/** The same files; what is read through them stands in the record afterwards. */
export function recordFiles(files: ConfigFiles): { readonly files: ConfigFiles; readonly record: FileRecord } {
  const texts: Record<string, string> = {};
  const found: Record<string, readonly string[]> = {};
  return {
    record: { texts, found },
    files: {
      load: (path, argument) => {
        const file = files.load(path, argument);
        texts[path] = file.text;
        return file;
      },
      find: (pattern, argument) => found[pattern] = files.find(pattern, argument),
    },
  };
}

/** The files as they were when they were recorded. Throws plain Error for another one. */
export function recordedFiles({ texts, found }: FileRecord): ConfigFiles {
  return {
    load: (path) => ({ path, text: entry(texts, path) }),
    find: (pattern) => entry(found, pattern),
  };
}

function entry<Value>(entries: Readonly<Record<string, Value>>, key: string): Value {
  if (Object.hasOwn(entries, key)) return entries[key];
  throw new Error(`Was not read: ${key}`);
}

/** Whether both say the same. */
export function isSameRecord(one: FileRecord, other: FileRecord): boolean {
  return JSON.stringify([one.texts, one.found]) === JSON.stringify([other.texts, other.found]);
}

/** What has to be readable to read all of it again: files, and folders in which a pattern may find more. */
export function recordedPaths({ texts, found }: FileRecord): readonly string[] {
  return [...Object.keys(texts), ...Object.keys(found).map((pattern) => dirname(pattern))];
}
