/** What a thread does with errors that nobody catches; serving itself is tested end to end, in tests/. */
import { assertEquals } from "@std/assert";

Deno.test("logUncaughtErrors() tells the log, and the thread lives on", async () => {
  const module = new URL("./thread_server.ts", import.meta.url);
  const program = `import { logUncaughtErrors } from "${module}";
    const said = [];
    const error = (...words) => {
      said.push(words.map(String));
      if (said.length === 2) setTimeout(() => postMessage(said));
    };
    logUncaughtErrors({ error }, { index: 1, count: 2 });
    Promise.reject(new Error("rejected"));
    setTimeout(() => { throw new TypeError("thrown") });`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(program)}`, { type: "module" });
  const said = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  worker.terminate();
  assertEquals(said, [
    ["worker-2", "Uncaught rejection", "Error: rejected"],
    ["worker-2", "Uncaught error", "TypeError: thrown"],
  ]);
});
