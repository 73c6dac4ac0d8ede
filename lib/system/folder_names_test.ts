import { assert, assertEquals, assertRejects } from "@std/assert";
import { createReadNames, type FolderCalls } from "./folder_names.ts";
import { openFolderCalls } from "./libc.ts";

/** More than come at once, by either way. */
const NAMES = [
  ...["a", "ä", "\u{1f600}", "\ufeffmark", ".hidden", "a\nb", "x".repeat(255)],
  ...Array.from({ length: 3000 }, (_, index) => `file ${index}`),
];

/** All names, and how many came at once at most. */
async function readAll(calls: FolderCalls | null, folder: string): Promise<{ names: string[]; most: number }> {
  const names: string[] = [];
  let most = 0;
  for await (const some of createReadNames(calls)(folder)) {
    names.push(...some);
    most = Math.max(most, some.length);
  }
  return { names: names.sort(), most };
}

function withFolder(test: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync({ prefix: "lisod-names-" });
    try {
      await test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

for (const way of ["calls", "runtime"] as const) {
  // The library stays open, as it does in the server.
  const options = { sanitizeResources: false };
  const open = () => way === "calls" ? openFolderCalls() : null;

  Deno.test(
    `createReadNames() tells all names, some at a time, by the ${way}`,
    options,
    withFolder(async (folder) => {
      const calls = open();
      assertEquals(calls === null, way === "runtime");
      assertEquals(await readAll(calls, folder), { names: [], most: 0 });
      for (const name of NAMES) Deno.writeTextFileSync(`${folder}/${name}`, "");
      Deno.mkdirSync(`${folder}/sub`);
      const { names, most } = await readAll(calls, folder);
      assertEquals(names, [...NAMES, "sub"].sort());
      assert(most < NAMES.length / 2, `${most} at once`);
    }),
  );

  Deno.test(
    `createReadNames() throws what the system says when there is no folder, by the ${way}`,
    options,
    withFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/file`, "");
      await assertRejects(() => readAll(open(), `${folder}/none`), Deno.errors.NotFound);
      await assertRejects(() => readAll(open(), `${folder}/file`), Deno.errors.NotADirectory);
    }),
  );
}

Deno.test(
  "createReadNames() throws, and closes the folder, when that is removed meanwhile",
  { sanitizeResources: false },
  withFolder(async (folder) => {
    const inner = `${folder}/inner`;
    Deno.mkdirSync(inner);
    for (const name of NAMES) Deno.writeTextFileSync(`${inner}/${name}`, "");
    const openCount = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = openCount();
    const names = createReadNames(openFolderCalls())(inner)[Symbol.asyncIterator]();
    assertEquals((await names.next()).done, false);
    Deno.removeSync(inner, { recursive: true });
    await assertRejects(() => names.next(), Deno.errors.NotFound);
    assertEquals(openCount(), before);
  }),
);
