import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Clients, clientsCommand, type ClientsOrder, readClientsReport } from "./clients.ts";

const NO_ERRORS = { status: 0, length: 0, cut: 0, idle: 0, late: 0 };
const REPORT = { answers: 100, durationUs: 1_000_000, p50Us: 80.5, p99Us: 900, p999Us: 2000, cpuUs: 500_000 };

Deno.test("readClientsReport() gives the figures, and throws when there is an error of any kind or no answer", () => {
  assertEquals(readClientsReport(JSON.stringify({ ...REPORT, errors: NO_ERRORS })), REPORT);
  for (const kind of Object.keys(NO_ERRORS)) {
    const line = JSON.stringify({ ...REPORT, errors: { ...NO_ERRORS, [kind]: 3 } });
    assertThrows(() => readClientsReport(line), Error, `The load counted errors: ${kind} 3`);
  }
  assertThrows(
    () => readClientsReport(JSON.stringify({ ...REPORT, answers: 0, errors: NO_ERRORS })),
    Error,
    "no answer",
  );
});

Deno.test("clientsCommand() asks for as much as can be when there is no rate", () => {
  const order = { program: "/clients", port: 81, active: 64, idle: 10, seconds: 3, contentBytes: 1024, paths: "/list" };
  const most = ["/clients", "81", "64", "10", "3", "0", "1024", "/list"];
  assertEquals(clientsCommand({ ...order, rate: null }), most);
  assertEquals(clientsCommand({ ...order, rate: 500 }), most.with(5, "500"));
});

/** A server that answers each request with what `answerTo` makes of its number and path; "" ends the connection. */
function serveText(answerTo: (path: string) => string): { readonly port: number; close(): void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const answerAll = async (connection: Deno.Conn): Promise<void> => {
    connections.add(connection);
    const space = new Uint8Array(4096);
    try {
      for (let count = await connection.read(space); count !== null; count = await connection.read(space)) {
        const [, path] = /^GET (\S+) HTTP\/1\.1\r\nHost: \S+\r\n\r\n$/.exec(
          new TextDecoder().decode(space.subarray(0, count)),
        ) ?? [];
        const answer = answerTo(path);
        if (answer === "") break;
        // In two pieces, so that the client has to wait in the middle of a head or a chunk.
        for (const piece of [answer.slice(0, 20), answer.slice(20)]) {
          await connection.write(new TextEncoder().encode(piece));
        }
        if (answer.includes("Connection: close")) break;
      }
    } catch (error) {
      // The load has ended, or the test.
      const { BadResource, BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;
      if (![BadResource, BrokenPipe, ConnectionReset, Interrupted].some((one) => error instanceof one)) throw error;
    }
    if (connections.delete(connection)) connection.close();
  };
  (async () => {
    for await (const connection of listener) answerAll(connection);
  })();
  return {
    port: listener.addr.port,
    close: () => {
      listener.close();
      for (const connection of connections) connection.close();
      connections.clear();
    },
  };
}

/** Compiles clients.c into a folder of its own, and gives `work` an order to change. */
async function withProgram(work: (order: ClientsOrder) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/clients`;
    const args = ["-Wall", "-Wextra", "-Werror", "-O2", "-o", program, `${import.meta.dirname}/clients.c`];
    const made = await new Deno.Command("cc", { args }).output();
    assertEquals(made.success, true, new TextDecoder().decode(made.stderr));
    await Deno.writeTextFile(`${folder}/paths`, "/a\n/b\n/c\n");
    const sizes = { active: 4, idle: 3, seconds: 1, contentBytes: 5 };
    await work({ program, port: 0, ...sizes, rate: null, paths: `${folder}/paths` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts one load and closes the connections. */
async function loadOnce(order: ClientsOrder): ReturnType<Clients["load"]> {
  await using clients = await Clients.open(order);
  return await clients.load();
}

const PLAIN = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
const LAST = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

Deno.test("clients.c asks for all paths in turn and reads answers of each framing when it may go on", async (t) => {
  await withProgram(async (order) => {
    for (const [name, answer] of Object.entries({ PLAIN, CHUNKED, LAST })) {
      await t.step(name, async () => {
        const asked = new Map<string, number>();
        const server = serveText((path) => {
          asked.set(path, (asked.get(path) ?? 0) + 1);
          return answer;
        });
        try {
          // A connection that ends is none that stays open.
          const report = await loadOnce({ ...order, port: server.port, idle: answer === LAST ? 0 : order.idle });
          assertEquals([...asked.keys()].toSorted(), ["/a", "/b", "/c"]);
          const [least, most] = [Math.min(...asked.values()), Math.max(...asked.values())];
          assertEquals(most - least <= order.idle + 1, true, `${least} to ${most}`);
          assertEquals([report.answers > 0, report.durationUs, report.cpuUs > 0], [true, 1_000_000, true]);
        } finally {
          server.close();
        }
      });
    }
  });
});

Deno.test("clients.c keeps its rate and counts waits from when requests were due when the server stands still", async () => {
  await withProgram(async (order) => {
    let asked = 0;
    const server = serveText(() => {
      asked += 1;
      // Nobody is answered for 700 ms, where 70 of the 100 requests are due.
      if (asked === 20) { for (const begin = performance.now(); performance.now() - begin < 700;); }
      return PLAIN;
    });
    try {
      const { p50Us } = await loadOnce({ ...order, port: server.port, idle: 0, rate: 100 });
      assertEquals(asked, 100);
      // With at most four requests under way, a load that waits for its answers would find 96 of them quick.
      assertEquals(p50Us > 100_000, true, String(p50Us));
    } finally {
      server.close();
    }
  });
});

const WRONG = [
  { name: "another status", answer: PLAIN.replace("200", "404"), want: "status" },
  { name: "another length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", want: "length" },
  { name: "another length in chunks", answer: CHUNKED.replace("2\r\nlo\r\n", ""), want: "length" },
  { name: "no answer", answer: "", want: "cut" },
];

Deno.test("clients.c counts what is not as it must be when the load is on", async (t) => {
  await withProgram(async (order) => {
    for (const { name, answer, want } of WRONG) {
      await t.step(name, async () => {
        const server = serveText(() => answer);
        try {
          const run = () => loadOnce({ ...order, port: server.port, idle: 0 });
          await assertRejects(run, Error, `The load counted errors: ${want} `);
        } finally {
          server.close();
        }
      });
    }
    await t.step("an idle connection that is closed", async () => {
      let asked = 0;
      const server = serveText(() => (asked += 1) > order.idle ? PLAIN : LAST);
      try {
        await assertRejects(() => loadOnce({ ...order, port: server.port }), Error, "errors: idle 1");
      } finally {
        server.close();
      }
    });
    await t.step("nobody who listens", async () => {
      // A port that was somebody's a moment ago may be so again: tcpmux, which nobody has any more.
      await assertRejects(() => loadOnce({ ...order, port: 1 }), Error, "connect: Connection refused");
    });
  });
});
