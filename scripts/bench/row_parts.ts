/** What the rows are made of: the files that are served, requests, and the rows that others differ from by little. Pure data. */
import type { ClientsLoad, RequestShape, Row } from "./row.ts";

/** Sizes of the files that the bench serves, in bytes. */
export const FILES: Readonly<Record<string, number>> = {
  "1k.txt": 1024,
  /** Of a kind that nobody compresses. */
  "1k.bin": 1024,
  "4k.txt": 4096,
  "100k.bin": 100 * 1024,
  "1m.bin": 1024 * 1024,
  "100m.bin": 100 * 1024 * 1024,
};

/** Folders of the site by how many files of NUMBERED_BYTES they have. */
export const FOLDER_SIZES = [1, 100, 10_000, 100_000] as const;
export const NUMBERED_BYTES = 1024;

/** The folder of so many files, from the root of the site. */
export function folderOf(size: typeof FOLDER_SIZES[number]): string {
  return `many/${size}`;
}

/** A file of such a folder, counted from 0. */
export function numberedFile(number: number): string {
  return `${number}.txt`;
}

/** Of the text that is compressed. */
export const WORDS_BYTES = 100 * 1024;

/** What each script of cgi/ answers. */
export const SCRIPT_TEXT = "Hello from a script.\n";

/** A GET of a whole file. */
export function fileRequest(file: string, fields: RequestShape["fields"] = []): RequestShape {
  const content = { file, from: 0, length: FILES[file] };
  return { path: `/${file}`, fields, isConditional: false, status: 200, content };
}

/** A GET of the first file of a folder. */
export function numberedRequest(size: typeof FOLDER_SIZES[number]): RequestShape {
  const path = `/${folderOf(size)}/${numberedFile(0)}`;
  const content = { file: path, from: 0, length: NUMBERED_BYTES };
  return { path, fields: [], isConditional: false, status: 200, content };
}

/** A GET of a script of cgi/. */
export function scriptRequest(script: string): RequestShape {
  return {
    path: `/cgi/${script}`,
    fields: [],
    isConditional: false,
    status: 200,
    content: { text: SCRIPT_TEXT },
  };
}

/** The row that most others differ from by little: answers of the 1 KiB file a second at 64 connections. */
export const KEEP_ALIVE = {
  name: "keep-alive",
  measures: "1 KiB file, 64 keep-alive connections, access log off",
  unit: "requests/s",
  judged: "value",
  better: "more",
  switches: [],
  peers: ["nginx", "nginx-tuned", "lighttpd", "apache", "deno-serve", "bare-loop"],
  goals: { nginx: 1.25, lighttpd: 0.8, "deno-serve": 2, apache: 5 },
  most: null,
  leastSeconds: 0,
  load: { kind: "wrk", request: fileRequest("1k.txt"), connections: 64, pipelined: 1, counts: "requests" },
} as const satisfies Row;

/** The same load by our own program, which tells waits from when requests were due, and can keep to a rate. */
export const CLIENTS = {
  ...{ kind: "clients", request: KEEP_ALIVE.load.request, fileCount: 1, active: 64, idle: 0, pace: "most" },
} as const satisfies ClientsLoad;

/** nginx starts no scripts: it hands them to fcgiwrap, whose CPU and memory count as its own. */
export const CGI_BASE = {
  ...KEEP_ALIVE,
  switches: ["cgi"],
  peers: ["nginx", "lighttpd", "apache"],
} as const satisfies Row;
