/**
 * A disk that takes a minute for what is not in memory, which strace(1) plays: the reads that wait for it are held up, and those that do
 * not are told that nothing is there. Whoever asks for something else is answered meanwhile.
 */
import { assertEquals } from "@std/assert";
import { until } from "./cgi/running_scripts.ts";
import { curl } from "./harness.ts";
import { HttpsServer } from "./https.ts";

/** preadv2(2) with RWF_NOWAIT says so of what is not in memory. */
const NOT_IN_MEMORY = "inject=preadv2:error=EAGAIN";
const SLOW = "inject=pread64:delay_enter=60s";

class SlowDisk implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #log: string;

  private constructor(process: Deno.ChildProcess, log: string) {
    this.#process = process;
    this.#log = log;
  }

  /** From now on for all threads of that process. */
  static async under(pid: number): Promise<SlowDisk> {
    const log = await Deno.makeTempFile();
    const args = [
      "-f",
      "-q",
      "-o",
      log,
      "-e",
      "trace=preadv2,pread64",
      "-e",
      NOT_IN_MEMORY,
      "-e",
      SLOW,
      "-p",
      `${pid}`,
    ];
    const process = new Deno.Command("strace", { args, stdin: "null" }).spawn();
    const tracerOf = () => /^TracerPid:\t(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    await until(() => tracerOf() === `${process.pid}`, "strace is there");
    return new SlowDisk(process, log);
  }

  /** A read waits for it. */
  async untilAsked(): Promise<void> {
    await until(() => Deno.readTextFileSync(this.#log).includes("preadv2("), "the file is read");
  }

  /** It is as quick as ever. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await Deno.remove(this.#log);
  }
}

Deno.test({
  name: "a disk that is slow holds up those alone who are sent what lies on it",
  ignore: Deno.uid() !== 0,
  async fn() {
    const large = "a large file, which is read again for each client: ".repeat(100_000);
    const files = { "large.txt": large, "small.txt": "a small one", "other.txt": "another one" };
    await using https = await HttpsServer.start({ files, args: ["--file-cache-ms=60m"] });
    const { server } = https;
    const ask = (url: string, path: string) => curl("--cacert", https.certificates.root, `${url}/${path}`);
    const [plain, secure] = (["http", "https"] as const).map((scheme) =>
      `${scheme}://localhost:${server.port(scheme)}`
    );
    for (const url of [plain, secure]) assertEquals((await ask(url, "small.txt")).text, files["small.txt"]);
    let isOver = false;
    let waiting: Promise<readonly string[]>;
    {
      await using disk = await SlowDisk.under(server.pid);
      const asked = [ask(plain, "large.txt"), ask(secure, "large.txt"), ask(plain, "other.txt")];
      waiting = Promise.all(asked).then((answers) => answers.map(({ text }) => text)).finally(() => isOver = true);
      await disk.untilAsked();
      for (const url of [plain, secure]) {
        assertEquals([(await ask(url, "small.txt")).text, isOver], [files["small.txt"], false]);
      }
    }
    assertEquals((await waiting).map((text) => text.length), [large.length, large.length, files["other.txt"].length]);
  },
});
