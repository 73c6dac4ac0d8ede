/** Reads the file that --config names. I/O. Separate from config_file.ts, which understands it. */
import type { ConfigFile } from "./config_file.ts";
import { readSmallFile } from "../small_file.ts";
import { StartError } from "../start_error.ts";

const REMEDY = "name a readable file with lines such as http = 8080";

/** `path` is absolute. Throws StartError for what is no text file that can be read. */
export function loadConfigFile(path: string): ConfigFile {
  const file = { argument: "--config", value: path };
  const { bytes } = readSmallFile(file, { remedy: REMEDY });
  try {
    return { path, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new StartError({ ...file, problem: "not text", remedy: REMEDY }, { cause });
  }
}
