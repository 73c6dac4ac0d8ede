import { assert, assertEquals, assertThrows } from "@std/assert";
import { readSmallFile } from "./small_file.ts";
import { StartError } from "./start_error.ts";

Deno.test("readSmallFile() gives content and mode, and refuses what is none without waiting", () => {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-small-" });
  try {
    const read = (name: string, maxBytes?: number) =>
      readSmallFile({ argument: "--key", value: `${folder}/${name}` }, { remedy: "name another", maxBytes });
    Deno.writeTextFileSync(`${folder}/file`, "four", { mode: 0o640 });
    Deno.chmodSync(`${folder}/file`, 0o640);
    assert(new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync().success);
    const { bytes, mode } = read("file", 4);
    assertEquals([new TextDecoder().decode(bytes), mode & 0o777], ["four", 0o640]);
    const refused: readonly (readonly [name: string, maxBytes: number | undefined, problem: string])[] = [
      ["none", undefined, "does not exist"],
      ["file", 3, "longer than 3 bytes"],
      [".", undefined, "is a folder"],
      ["fifo", undefined, "not a regular file"],
      ["file/x", undefined, "a part of the path is not a folder"],
    ];
    for (const [name, maxBytes, problem] of refused) {
      const { message } = assertThrows(() => read(name, maxBytes), StartError);
      assertEquals(message, `--key "${folder}/${name}": ${problem}: name another`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
