import { assertEquals } from "@std/assert";
import { createIsBefore1970 } from "./file_times.ts";
import { openFileCalls } from "./libc.ts";

const DATES: readonly (readonly [date: string, want: boolean])[] = [
  ["1901-12-14", true],
  ["1960-01-01", true],
  ["1969-12-31 23:59:59.75", true],
  ["1970-01-01", false],
  ["1980-01-02", false],
  ["2037-01-01", false],
];

// The library stays open, as it does in the server.
Deno.test("createIsBefore1970() knows what the runtime mirrors", { sanitizeResources: false }, () => {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-times-" });
  try {
    const isBefore1970 = createIsBefore1970(openFileCalls());
    for (const [date, want] of DATES) {
      const path = `${folder}/${date}.txt`;
      new Deno.Command("touch", { args: ["--date", `${date} UTC`, path] }).outputSync();
      assertEquals(isBefore1970(path), want, date);
      const link = `${folder}/link`;
      Deno.symlinkSync(path, link);
      assertEquals(isBefore1970(link), want, date);
      Deno.removeSync(link);
    }
    assertEquals(isBefore1970(`${folder}/none`), null);
    assertEquals(createIsBefore1970(null)(folder), null);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
