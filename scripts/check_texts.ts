/**
 * Checks what the project's texts say of its files: every path that they name is there; the table of folders (design.txt 1)
 * has each folder of lib/ once, on its floor; the change map (design.txt 2) reaches every file of lib/; changelog.txt begins with
 * the version; no line of readme.txt and design.txt is too wide. Separate from check_layers.ts, which runs it, because it reads
 * texts and no code.
 */
import { dirname, join } from "@std/path";
import { VERSION } from "../lib/version.ts";

/** One place where a text or the code is not as it must be. */
export interface Breach {
  /** Relative to the project's folder. */
  readonly path: string;
  /** Counted from 1; null for a whole file or folder. */
  readonly line: number | null;
  readonly message: string;
}

const DESIGN = "design.txt";
const CHANGES = "changelog.txt";

/** The texts whose paths are checked. */
const TEXTS: readonly string[] = [
  "readme.txt",
  DESIGN,
  CHANGES,
  "vulnerabilities.txt",
  "tests.txt",
  "scripts/bench/NOTES.md",
];

/** The texts that are held to a width, and the width in characters. */
const NARROW_TEXTS: readonly string[] = ["readme.txt", DESIGN];
const MOST_COLUMNS = 134;

/** Not part of the project: running its scripts makes them. */
const MADE_LATER: readonly string[] = ["cgi-bin/.venv"];

/** Folders of the project's own folder in which nothing is part of the project. */
const FOREIGN: readonly string[] = [".git", ".tools", "artefacts", "node_modules", "__pycache__", ".venv"];

/** Parts between slashes, a star for any of their letters; not of an address or of an absolute path. */
const PATH = /(?<![\w./:*~-])(?:\.?[\w*-][\w.*-]*\/)+[\w.*-]*/g;
/** A source or text without its folder. */
const NAME = /(?<![\w./:*~-])[\w-]+\.(?:ts|py|txt)\b/g;

/** A row of a table: two spaces, the first column, at least two spaces, the second. */
const FOLDER_ROW = /^ {2}(\d+) {2,}(lib\/[\w/]*) {2,}\S/gm;
/** A line of the change map that names the folder of the rows below it. */
const MAP_FOLDER = /^ {2}(\S+\/)(?: {2,}\S.*)?$/;
const MAP_ROW = /^ {4}\S.*? {2,}(\S.*)$/;

/** The files and folders of the project, relative to its own; folders end in a slash. */
export type Tree = ReadonlySet<string>;

/** Every breach of the texts in the current folder. `floorOf`: see check_layers.ts. I/O. */
export function checkTexts(floorOf: (folder: string) => number | null): Breach[] {
  const tree: Tree = new Set(readTree());
  const design = Deno.readTextFileSync(DESIGN);
  return [
    ...TEXTS.flatMap((path) => checkPaths(path, Deno.readTextFileSync(path), tree)),
    ...NARROW_TEXTS.flatMap((path) => checkWidth(path, Deno.readTextFileSync(path))),
    ...checkFolderTable(design, { tree, floorOf }),
    ...checkChangeMap(design, tree),
    ...checkChangelog(Deno.readTextFileSync(CHANGES), VERSION),
  ];
}

/** Every path of `text` that names nothing of `tree`; `path` is the text's own, for names beside it. */
export function checkPaths(path: string, text: string, tree: Tree): Breach[] {
  const folder = dirname(path) === "." ? "" : `${dirname(path)}/`;
  const isKnown = (name: string) =>
    MADE_LATER.includes(name) || ["", folder].some((start) => isThere(start + name, tree));
  const isOurs = (name: string) => {
    const [first] = name.split("/");
    return tree.has(`${first}/`) || tree.has(`${folder}${first}/`);
  };
  const wrongPaths = [...text.matchAll(PATH)].filter(([name]) => isOurs(name) && !isKnown(trim(name)));
  const baseNames = new Set([...tree].map((each) => each.slice(each.lastIndexOf("/") + 1)));
  const wrongNames = [...text.matchAll(NAME)].filter(([name]) => !baseNames.has(name));
  return [...wrongPaths, ...wrongNames].map(({ 0: name, index }) => ({
    path,
    line: lineOf(text, index),
    message: `names "${trim(name)}", which is not there`,
  }));
}

/** Every line that is wider than people read. */
export function checkWidth(path: string, text: string): Breach[] {
  return text.split("\n").flatMap((row, index) => {
    const message = `has ${row.length} columns, which is more than ${MOST_COLUMNS}: go on in the next line`;
    return row.length <= MOST_COLUMNS ? [] : [{ path, line: index + 1, message }];
  });
}

/** A path at the end of a sentence has its full stop with it. */
function trim(name: string): string {
  return name.replace(/\.+$/, "");
}

function isThere(name: string, tree: Tree): boolean {
  if (!name.includes("*")) return tree.has(name) || tree.has(`${name}/`);
  const pattern = new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}/?$`);
  return [...tree].some((each) => pattern.test(each));
}

/** Folders of lib/ that the table lacks, has twice, or puts on another floor; and rows of folders that are not there. */
export function checkFolderTable(
  design: string,
  { tree, floorOf }: { readonly tree: Tree; readonly floorOf: (folder: string) => number | null },
): Breach[] {
  const { text, line } = sectionOf(design, 1);
  const rows = [...text.matchAll(FOLDER_ROW)].map(({ 1: floor, 2: folder, index }) => ({
    floor: Number(floor),
    folder,
    line: line + lineOf(text, index) - 1,
  }));
  const breaches: Breach[] = [];
  const report = (at: number, message: string) => breaches.push({ path: DESIGN, line: at, message });
  for (const folder of new Set([...tree].filter((path) => path.startsWith("lib/")).map(folderOf))) {
    const found = rows.filter((row) => row.folder === folder);
    if (found.length !== 1) {
      report(found[1]?.line ?? line, `"${folder}" has ${found.length} rows in the table of folders`);
    }
  }
  for (const { floor, folder, line } of rows) {
    const want = floorOf(folder);
    if (!tree.has(folder)) report(line, `"${folder}" of the table of folders is not there`);
    else if (floor !== want) report(line, `"${folder}" stands on floor ${want}, not ${floor}`);
  }
  return breaches;
}

/** Rows of the change map that name nothing, and files of lib/ that no row reaches, by itself or by its folder. */
export function checkChangeMap(design: string, tree: Tree): Breach[] {
  const { text, line } = sectionOf(design, 2);
  const breaches: Breach[] = [];
  const reached: string[] = [];
  let folder = "";
  for (const [index, row] of text.split("\n").entries()) {
    folder = MAP_FOLDER.exec(row)?.[1] ?? folder;
    for (const name of MAP_ROW.exec(row)?.[1].split(/[,;] /) ?? []) {
      const path = [folder + name, name].find((each) => tree.has(each));
      const message = `the change map names "${name}", which is neither in ${folder} nor beside it`;
      if (path === undefined) breaches.push({ path: DESIGN, line: line + index, message });
      else reached.push(path);
    }
  }
  const sources = [...tree].filter((path) => path.startsWith("lib/") && /(?<!_test)\.ts$/.test(path));
  const missed = sources.filter((path) => !reached.includes(path) && !reached.some((each) => isBelow(path, each)));
  return [...breaches, ...missed.map((path) => ({ path, line: null, message: "no row of the change map leads here" }))];
}

/** A chapter of changelog.txt: the version and its date, underlined. */
const CHAPTER = /^(\S+) \(\d{4}-\d{2}-\d{2}\)\n-+\n- \S/m;

/** The newest chapter, which must be that of the version. */
export function checkChangelog(text: string, version: string): Breach[] {
  const found = CHAPTER.exec(text);
  if (found?.[1] === version) return [];
  const message = `the first chapter is that of ${found?.[1] ?? "nothing"}, and the version is ${version}`;
  return [{ path: CHANGES, line: found === null ? null : lineOf(text, found.index), message }];
}

function isBelow(path: string, folder: string): boolean {
  return folder.endsWith("/") && path.startsWith(folder);
}

function folderOf(path: string): string {
  return path.endsWith("/") ? path : `${dirname(path)}/`;
}

/** A numbered section with its heading, and its first line; empty text where there is none. */
function sectionOf(text: string, number: number): { readonly text: string; readonly line: number } {
  const start = text.search(new RegExp(`^${number} [A-Z].*\\n-+\\n`, "m"));
  if (start === -1) return { text: "", line: 1 };
  const next = text.slice(start).search(new RegExp(`^${number + 1} [A-Z].*\\n-+\\n`, "m"));
  return { text: text.slice(start, next === -1 ? undefined : start + next), line: lineOf(text, start) };
}

/** Counted from 1. */
function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** The project below `folder`, relative to it. */
function readTree(folder = ""): string[] {
  return [...Deno.readDirSync(folder || ".")].filter(({ name }) => !FOREIGN.includes(name)).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? [`${path}/`, ...readTree(path)] : [path];
  });
}
