/** Configuration files that are no files: what tests of parsing read in place of the disk. */
import { dirname } from "@std/path";
import type { ConfigFiles } from "../lib/config/config_file.ts";

/** Those of these absolute paths; a pattern means all in its folder. Throws plain Error for any other path. */
export function configFilesOf(texts: Readonly<Record<string, string>>): ConfigFiles {
  return {
    load: (path) => {
      if (!Object.hasOwn(texts, path)) throw new Error(`No such configuration: ${path}`);
      return { path, text: texts[path] };
    },
    find: (pattern) => Object.keys(texts).filter((path) => dirname(path) === dirname(pattern)).toSorted(),
  };
}

/** All of them empty. */
export const NO_FILES: ConfigFiles = { load: (path) => ({ path, text: "" }), find: () => [] };
