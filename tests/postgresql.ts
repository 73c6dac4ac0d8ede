/** A PostgreSQL that the tests start and end: the one of the blog's tests (tests/blog/postgresql.py), told by lines. */
import { join } from "@std/path";
import { PrintedText } from "./printed_text.ts";

const DRIVER = `
import sys
sys.path.insert(0, sys.argv[1])
from postgresql import PostgreSQL, find_programs
server = PostgreSQL(find_programs())
print(server.create("blog"), flush=True)
for line in sys.stdin:
    server.restart() if line == "restart\\n" else server.stop()
    print("done", flush=True)
`;

export interface PostgreSql extends AsyncDisposable {
  /** DATABASE_URL of an empty database. */
  readonly url: string;
  /** As its unit restarts it: who is connected is cut off. */
  restart(): Promise<void>;
}

/** Throws where Debian's postgresql and python3-psycopg2 are missing. */
export async function startPostgreSql(): Promise<PostgreSql> {
  const process = new Deno.Command("/usr/bin/python3", {
    args: ["-c", DRIVER, join(import.meta.dirname ?? ".", "blog")],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const output = new PrintedText(process.stdout);
  const tell = async (word: string) => {
    await input.write(new TextEncoder().encode(`${word}\n`));
    await output.line();
  };
  return {
    url: await output.line(),
    restart: () => tell("restart"),
    async [Symbol.asyncDispose]() {
      await tell("stop");
      await input.close();
      await output.cancel();
      await process.status;
    },
  };
}
