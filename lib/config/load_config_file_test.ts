import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { loadConfigFile } from "./load_config_file.ts";
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
    Deno.writeFileSync(path, new Uint8Array((1 << 20) + 1));
    assertStringIncludes(refusal(), "longer than 1048576 bytes");
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
