import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { findConfigFiles, loadConfigFile } from "./load_config_file.ts";
import { StartError } from "../start_error.ts";

Deno.test("loadConfigFile() reads text and refuses everything else", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "lisod.conf");
  try {
    const refusal = () => assertThrows(() => loadConfigFile(path), StartError).message;
    assertStringIncludes(refusal(), `--config "${path}": does not exist: name a readable file`);
    Deno.writeTextFileSync(path, "\ufeffroot = /srv/ä\n");
    assertEquals(loadConfigFile(path), { path, text: "root = /srv/ä\n" });
    Deno.writeFileSync(path, Uint8Array.of(0x61, 0xe4, 0x0a));
    assertStringIncludes(refusal(), "not text");
    Deno.writeFileSync(path, new Uint8Array((1 << 24) + 1));
    assertStringIncludes(refusal(), "longer than 16777216 bytes");
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assertStringIncludes(refusal(), "is a folder");
    Deno.removeSync(path);
    // A FIFO that nobody writes would be read for ever.
    new Deno.Command("mkfifo", { args: [path] }).outputSync();
    assertStringIncludes(refusal(), "not a regular file");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("findConfigFiles() gives what * and ? mean, in the order of names, and hidden files by their dot alone", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["b.conf", "a.conf", "a.conf~", ".c.conf", "ab.conf", "a+conf"]) {
      Deno.writeTextFileSync(join(folder, name), "");
    }
    const find = (pattern: string) =>
      findConfigFiles(join(folder, pattern), "include").map((path) => path.slice(folder.length + 1));
    assertEquals(find("*.conf"), ["a.conf", "ab.conf", "b.conf"]);
    assertEquals(find("?.conf"), ["a.conf", "b.conf"]);
    assertEquals(find(".*.conf"), [".c.conf"]);
    for (const folder of ["none", "a.conf"]) assertThrows(() => find(`${folder}/*.conf`), StartError, "include");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
