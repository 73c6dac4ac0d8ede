/** Reads the file that --config names. I/O. Separate from config_file.ts, which understands it. */
import type { ConfigFile } from "./config_file.ts";
import { osProblem, StartError } from "../start_error.ts";

/** A larger file, such as a log named by mistake, is not read. */
const MAX_FILE_BYTES = 1_048_576;

/** `path` is absolute. Throws StartError for what is no text file that can be read. */
export function loadConfigFile(path: string): ConfigFile {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) throw new Error("not a regular file");
    if (size > MAX_FILE_BYTES) throw new Error(`longer than ${MAX_FILE_BYTES} bytes`);
    return { path, text: decodeText(Deno.readFileSync(path)) };
  } catch (cause) {
    const remedy = "name a readable file with lines such as http = 8080";
    throw new StartError({ argument: "--config", value: path, problem: osProblem(cause), remedy }, { cause });
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error("not text", { cause });
  }
}
