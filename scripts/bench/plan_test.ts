import { assertEquals, assertThrows } from "@std/assert";
import type { Options } from "./options.ts";
import { lisodPeer, listPeers } from "./peers.ts";
import { groupRows, makePlan, peersOf, switchesOf } from "./plan.ts";
import { ROWS } from "./rows.ts";
import { lisodSwitches } from "./switches.ts";

/** A lisod that serves files and no more, and all peers. */
const PEERS = [lisodPeer({ name: "lisod", path: "/opt/lisod", supports: new Set(["access_log"]) }), ...listPeers()];
const ALL: Choice = { only: [], peers: [], base: "lisod" };

type Choice = Pick<Options, "only" | "peers" | "base">;

function rowNames(options: Choice): readonly string[] {
  return makePlan({ rows: ROWS, peers: PEERS }, options).rows.map(({ row }) => row.name);
}

Deno.test("makePlan() leaves rows out, with the reason, when the base lacks what they need", () => {
  const plan = makePlan({ rows: ROWS, peers: PEERS }, ALL);
  assertEquals(plan.rows.some(({ row }) => /^(tls|cgi)-/.test(row.name)), false);
  assertEquals(plan.leftOut.includes("tls-keep-alive: lisod cannot do tls yet"), true);
  assertEquals(plan.rows.length + plan.leftOut.length, ROWS.length);
  assertEquals([...switchesOf(plan)], ["access_log"]);
});

Deno.test("makePlan() puts the base first and only those beside it that the row names when all are chosen", () => {
  const plan = makePlan({ rows: ROWS, peers: PEERS }, { ...ALL, only: ["access-log"] });
  assertEquals(plan.rows[0].peers.map(({ name }) => name), ["lisod", "nginx", "nginx-tuned", "lighttpd", "apache"]);
  assertEquals(peersOf(plan).length, 5);
});

Deno.test("makePlan() keeps to the chosen rows and servers when some are named", () => {
  assertEquals(rowNames({ ...ALL, only: ["range", "file-1*"] }), ["range", "file-100k", "file-1m", "file-100m"]);
  const plan = makePlan({ rows: ROWS, peers: PEERS }, { only: ["cgi-c-8"], peers: ["lighttpd"], base: "nginx" });
  assertEquals(plan.rows[0].peers.map(({ name }) => name), ["nginx", "lighttpd"]);
});

Deno.test("makePlan() throws when a name is unknown or nothing is left", async (t) => {
  for (
    const { options, want } of [
      { options: { ...ALL, base: "iis" }, want: '"iis"' },
      { options: { ...ALL, peers: ["iis"] }, want: '"iis"' },
      { options: { ...ALL, only: ["range", "http3"] }, want: '"http3"' },
      { options: { ...ALL, only: ["tls-*"] }, want: "nothing to measure" },
    ]
  ) {
    await t.step(want, () => {
      assertThrows(() => rowNames(options), Error, want);
    });
  }
});

Deno.test("groupRows() puts rows together that are measured in the same rounds, where their first one stands", () => {
  const base = lisodPeer({ name: "lisod", path: "/opt/lisod", supports: new Set(["access_log", "many_open"]) });
  const only = ["range", "access-log", "open-1*", "pipelined"];
  const plan = makePlan({ rows: ROWS, peers: [base] }, { ...ALL, only });
  const groups = groupRows(plan, [["open-10", "open-100", "open-1000", "open-10000"], ["pipelined", "access-log"]]);
  assertEquals(groups.map((rows) => rows.map(({ row }) => row.name)), [
    ["access-log", "pipelined"],
    ["range"],
    ["open-10", "open-100", "open-1000", "open-10000"],
  ]);
});

Deno.test("lisodSwitches() believes what the help shows when options come and go", () => {
  const always = ["both_cores", "many_files", "many_open"];
  const all = "--log FILE --cgi PATH --https PORT\n  --key FILE, --certificate FILE --workers N --native on|off";
  for (
    const [help, ...want] of [
      ["--http PORT --log FILE", "access_log"],
      ["--log FILE --cgi-max N --https PORT", "access_log", "many_scripts"],
      [all, "access_log", "tls", "cgi", "workers", "native_off"],
      ["--include FILE", "many_places"],
      ["--status PREFIX", "status"],
      ["--cgi PATH --cgi-env NAME=VALUE", "cgi", "blog"],
    ]
  ) {
    assertEquals([...lisodSwitches(help)].toSorted(), [...always, ...want].toSorted());
  }
});

Deno.test("ROWS have names that are each used once when --only picks one", () => {
  assertEquals(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
});
