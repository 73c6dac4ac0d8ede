import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readWebSockets, runWebSockets } from "./websocket.ts";

Deno.test("readWebSockets() reads the sums, and refuses what is none", () => {
  assertEquals(readWebSockets("133068 2000708\n"), { messages: 133_068, durationUs: 2_000_708 });
  for (const text of ["", "0 2000000\n", "answer: Success\n"]) {
    assertThrows(() => readWebSockets(text), Error, "no message");
  }
});

Deno.test("websocket.c counts the messages that its other end sends back, and fails where nobody listens", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/websocket`;
    const made = await new Deno.Command("cc", { args: ["-O2", "-o", program, `${import.meta.dirname}/websocket.c`] })
      .output();
    assertEquals(made.success, true, new TextDecoder().decode(made.stderr));
    // A port on which nobody listens at this moment.
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const order = { program, port, connections: 3, seconds: 1 };
    await assertRejects(() => runWebSockets(order), Error, "connect");
    await using served = new Deno.Command(program, { args: ["serve", String(port)] }).spawn();
    for (let isThere = false; !isThere;) {
      isThere = await Deno.connect({ hostname: "127.0.0.1", port }).then((connection) => {
        connection.close();
        return true;
      }, (error) => {
        if (error instanceof Deno.errors.ConnectionRefused) return false;
        throw error;
      });
    }
    const { messages, durationUs } = await runWebSockets(order);
    assertEquals([messages > 100, durationUs >= 1e6], [true, true]);
    served.kill();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
