import { assertEquals } from "@std/assert";
import { openNameless, sweepFiles } from "./nameless_file.ts";

Deno.test("openNameless() leaves no name, and the file is read and written", async () => {
  const folder = Deno.makeTempDirSync();
  using file = await openNameless(folder);
  assertEquals([...Deno.readDirSync(folder)], []);
  await file.write(new Uint8Array([7]));
  await file.seek(0, Deno.SeekMode.Start);
  assertEquals(await file.read(new Uint8Array(2)), 1);
  Deno.removeSync(folder);
});

Deno.test("sweepFiles() removes what a killed server has left, and nothing of others or of now", async () => {
  const folder = Deno.makeTempDirSync();
  const nowMs = Date.now();
  const old = new Date(nowMs - 61_000);
  for (const name of ["lisod-content-old", "lisod-other", "lisod-content-new"]) {
    Deno.writeTextFileSync(`${folder}/${name}`, name);
    if (name !== "lisod-content-new") Deno.utimeSync(`${folder}/${name}`, old, old);
  }
  Deno.mkdirSync(`${folder}/lisod-content-folder`);
  Deno.symlinkSync("lisod-other", `${folder}/lisod-content-link`);
  assertEquals(await sweepFiles(folder, nowMs), 1);
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assertEquals(left, ["lisod-content-folder", "lisod-content-link", "lisod-content-new", "lisod-other"]);
  assertEquals(await sweepFiles(`${folder}/none`, nowMs), 0);
  Deno.removeSync(folder, { recursive: true });
});
