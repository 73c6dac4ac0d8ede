/** Reads the file that --config names, and those that it includes. I/O. Separate from config_file.ts, which understands it. */
import { basename, dirname, join } from "@std/path";
import { readSmallFile } from "../small_file.ts";
import { osProblem, StartError } from "../start_error.ts";
import type { ConfigFile, ConfigFiles } from "./config_file.ts";

const REMEDY = "name a readable file with lines such as http = 8080";

/** Ten thousand places have less than a tenth of that. */
const MAX_CONFIG_BYTES = 16 * 1_048_576;

/** The disk. */
export const CONFIG_FILES: ConfigFiles = { load: loadConfigFile, find: findConfigFiles };

/** `path` is absolute; `argument` named it. Throws StartError for what is no text file that can be read. */
export function loadConfigFile(path: string, argument = "--config"): ConfigFile {
  const file = { argument, value: path };
  const { bytes } = readSmallFile(file, { remedy: REMEDY, maxBytes: MAX_CONFIG_BYTES });
  try {
    return { path, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new StartError({ ...file, problem: "not text", remedy: REMEDY }, { cause });
  }
}

/** As a shell has it: hidden files only where the pattern begins with a dot. Throws StartError, also where there is no such folder. */
export function findConfigFiles(pattern: string, argument: string): readonly string[] {
  const [folder, name] = [dirname(pattern), basename(pattern)];
  const source = name.replace(/[.*+?^${}()|[\]\\]/g, (character) => WILD[character] ?? `\\${character}`);
  const matcher = new RegExp(`^${name.startsWith(".") ? "" : "(?!\\.)"}${source}$`, "s");
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name).filter((each) => matcher.test(each))
      .toSorted().map((each) => join(folder, each));
  } catch (error) {
    const remedy = "name files in a folder that can be read";
    throw new StartError({ argument, value: pattern, problem: osProblem(error), remedy }, { cause: error });
  }
}

const WILD: Readonly<Record<string, string>> = { "*": ".*", "?": "." };
