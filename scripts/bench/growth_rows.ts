/**
 * What requests cost as the work around them grows: the rows, and the families of them that are compared and drawn. Pure data. The
 * rows of a family are measured in the same rounds, so that what slows the machine for a while slows all of them.
 */
import type { Row } from "./row.ts";
import { CGI_BASE, CLIENTS, KEEP_ALIVE, numberedRequest, scriptRequest } from "./row_parts.ts";

/** Rows that differ in one number. */
export interface GrowthFamily {
  /** As the chart's file has it. */
  readonly name: string;
  readonly title: string;
  /** From the least to the most; the first is what the others are compared with. */
  readonly points: readonly GrowthPoint[];
  /** How much of its rate lisod is to keep, and how many times as long 99 % of the waits may be; null: nothing is aimed at. */
  readonly goal: { readonly rate: number; readonly p99: number } | null;
}

export interface GrowthPoint {
  /** The row's name. */
  readonly row: string;
  /** The number that grows, as the chart writes it. */
  readonly label: string;
}

const PEERS: Row["peers"] = ["nginx", "lighttpd"];

/** As people write numbers. */
function label(count: number): string {
  return count.toLocaleString("en-US");
}

const OPEN_COUNTS = [10, 100, 1000, 10_000];

const OPEN_ROWS = OPEN_COUNTS.map((idle): Row => ({
  ...KEEP_ALIVE,
  name: `open-${idle}`,
  measures: `1 KiB file, 64 connections beside ${label(idle)} that were answered once and stay open`,
  switches: ["many_open"],
  // lighttpd takes at most half as many connections as there are descriptors, of which conf/lighttpd.conf asks for 20,000.
  peers: idle < 10_000 ? PEERS : ["nginx"],
  goals: {},
  load: { ...CLIENTS, idle },
}));

const FILE_COUNTS = [1, 100, 10_000] as const;

const FILES_BASE: Row = { ...KEEP_ALIVE, switches: ["many_files"], peers: PEERS, goals: {} };

const FILE_ROWS = FILE_COUNTS.map((fileCount): Row => ({
  ...FILES_BASE,
  name: `files-${fileCount}`,
  measures: fileCount === 1
    ? "a file of 1 KiB, alone in its folder, 64 connections"
    : `${label(fileCount)} files of 1 KiB in turn, all of a folder, 64 connections`,
  load: { ...CLIENTS, request: numberedRequest(fileCount), fileCount },
}));

const FOLDER_ROW: Row = {
  ...FILES_BASE,
  name: "folder-100000",
  measures: "a file of 1 KiB of a folder of 100,000, 64 connections",
  load: { ...CLIENTS, request: numberedRequest(100_000) },
};

const SCRIPT_COUNTS = [1, 8, 64, 256];

const SCRIPT_ROWS = SCRIPT_COUNTS.map((active): Row => ({
  ...CGI_BASE,
  name: `scripts-${active}`,
  measures: `CGI, C program, ${label(active)} at once`,
  switches: ["cgi", "many_scripts"],
  peers: PEERS,
  goals: {},
  load: { ...CLIENTS, request: scriptRequest("hello-c"), active },
}));

/** All rows of growth. */
export const GROWTH_ROWS: readonly Row[] = [...OPEN_ROWS, ...FILE_ROWS, FOLDER_ROW, ...SCRIPT_ROWS];

/** The names of rows that are measured in the same rounds. */
export const GROWTH_GROUPS: readonly (readonly string[])[] = [OPEN_ROWS, [...FILE_ROWS, FOLDER_ROW], SCRIPT_ROWS].map((
  rows,
) => rows.map(({ name }) => name));

export const GROWTH_FAMILIES: readonly GrowthFamily[] = [
  {
    name: "open",
    title: "64 connections that ask, beside so many that stay open",
    points: OPEN_COUNTS.map((count) => ({ row: `open-${count}`, label: label(count) })),
    goal: { rate: 0.85, p99: 1.15 },
  },
  {
    name: "files",
    title: "So many files of 1 KiB, asked for in turn",
    points: FILE_COUNTS.map((count) => ({ row: `files-${count}`, label: label(count) })),
    goal: null,
  },
  {
    name: "folder",
    title: "One file of a folder of so many",
    points: [{ row: "files-1", label: "1" }, { row: "folder-100000", label: "100,000" }],
    goal: null,
  },
  {
    name: "scripts",
    title: "So many CGI programs in C at once",
    points: SCRIPT_COUNTS.map((count) => ({ row: `scripts-${count}`, label: label(count) })),
    goal: null,
  },
];
