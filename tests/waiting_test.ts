/** Who waits for plain connections in the compiled binary: the runtime of each thread, by its own epoll (lib/system/runtime_epoll.ts). */
import { assertEquals } from "@std/assert";
import { readLink, readProc } from "./daemon.ts";
import { startServer } from "./harness.ts";

/** What each epoll of the process watches: the numbers of its entries, and the descriptors. Others may be closed meanwhile. */
function readEpolls(pid: number) {
  return [...Deno.readDirSync(`/proc/${pid}/fdinfo`)].map(({ name }) => {
    const entries = readProc(pid, `fdinfo/${name}`).matchAll(/^tfd: *(\d+) .*? data: *([0-9a-f]+)/gm);
    return Array.from(entries, ([, descriptor, data]) => ({ descriptor: Number(descriptor), data }));
  });
}

for (const workers of [1, 2]) {
  Deno.test(`lisod waits in the runtime of each thread that serves, workers: ${workers}`, async () => {
    await using server = await startServer({ args: ["--workers", String(workers)] });
    // The runtime's epolls know what tells them of signals as 1; each is there under two descriptors.
    const ofRuntime = readEpolls(server.pid).filter((entries) =>
      entries.some(({ data }) => data.replace(/^0+/, "") === "1")
    );
    const watched = ofRuntime.flat().filter(({ descriptor }) => {
      return readLink(`/proc/${server.pid}/fd/${descriptor}`) === "anon_inode:[eventpoll]";
    });
    assertEquals(new Set(watched.map(({ descriptor }) => descriptor)).size, workers);
  });
}
