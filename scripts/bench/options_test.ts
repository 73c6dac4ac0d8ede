import { assertEquals, assertThrows } from "@std/assert";
import { isChosen, readOptions } from "./options.ts";

Deno.test("readOptions() gives the defaults when there is no argument", () => {
  const want = {
    mode: "measure",
    only: [],
    peers: [],
    base: "lisod",
    rounds: 7,
    seconds: 3,
    lisod: null,
    before: null,
    charts: null,
  };
  assertEquals(readOptions([]), want as ReturnType<typeof readOptions>);
});

const CASES = [
  { args: ["--quick"], want: { rounds: 3, seconds: 1 } },
  { args: ["--quick", "--seconds", "2"], want: { rounds: 3, seconds: 2 } },
  { args: ["--rounds=9"], want: { rounds: 9, seconds: 3 } },
  { args: ["--only", "range,tls-*"], want: { only: ["range", "tls-*"] } },
  { args: ["--base", "nginx", "--peers", "nginx,lighttpd"], want: { base: "nginx", peers: ["nginx", "lighttpd"] } },
  { args: ["--lisod", "/opt/lisod", "--before", "/opt/old"], want: { lisod: "/opt/lisod", before: "/opt/old" } },
  { args: ["--charts", "/tmp/charts"], want: { charts: "/tmp/charts" } },
  { args: ["--list"], want: { mode: "list" } },
  { args: ["--readme"], want: { mode: "readme" } },
  { args: ["--help", "--list"], want: { mode: "help" } },
];

Deno.test("readOptions() reads each option when it is given", async (t) => {
  for (const { args, want } of CASES) {
    await t.step(args.join(" "), () => {
      const got: Readonly<Record<string, unknown>> = { ...readOptions(args) };
      assertEquals(Object.fromEntries(Object.keys(want).map((name) => [name, got[name]])), want);
    });
  }
});

Deno.test("readOptions() throws an error that names the argument when it is wrong", async (t) => {
  for (
    const [args, want] of [[["--fast"], "--fast"], [["keep-alive"], "keep-alive"], [["--rounds", "0"], "--rounds"]]
  ) {
    await t.step(String(args), () => {
      assertThrows(() => readOptions([...args]), Error, String(want));
    });
  }
});

Deno.test("isChosen() takes names and beginnings when there are any", () => {
  assertEquals(isChosen("range", []), true);
  assertEquals(isChosen("range", ["range"]), true);
  assertEquals(isChosen("range", ["ran"]), false);
  assertEquals(isChosen("tls-resumed", ["range", "tls-*"]), true);
  assertEquals(isChosen("range", ["tls-*"]), false);
});
