import { assertEquals } from "@std/assert";
import { type CountedConnection, OpenConnections } from "./open_connections.ts";

interface Named extends CountedConnection {
  readonly name: string;
}

interface Options {
  readonly address?: string;
  readonly isIdle?: boolean;
  readonly slowness?: number | null;
  readonly heldBytes?: number;
}

function connection(
  name: string,
  { address = "192.0.2.1", isIdle = true, slowness = null, heldBytes = 0 }: Options = {},
): Named {
  const info = { id: 1, remoteAddress: address, remotePort: 1, localAddress: "", localPort: 0, secure: false };
  return { name, info, closeIfIdle: () => isIdle, slowness, heldBytes };
}

function namesOf(connections: OpenConnections<Named>): string {
  return [...connections].map(({ name }) => name).join("");
}

Deno.test("OpenConnections.replace() and filter() keep the order, and who takes a place counts as who had it", () => {
  const connections = new OpenConnections<Named>();
  const [, place] = [..."abc"].map((name) => connections.add(connection(name, { isIdle: name !== "a" })));
  connections.replace(place, connection("d"));
  assertEquals([namesOf(connections), connections.size, connections.countFrom("192.0.2.1")], ["adc", 3, 3]);
  assertEquals(connections.filter(({ name }) => name !== "a").map(({ name }) => name), ["d", "c"]);
  connections.remove(place);
  assertEquals([namesOf(connections), connections.countFrom("192.0.2.1")], ["ac", 2]);
});

/** By what is removed, one after the other: what is left each time, in the order of coming. */
const REMOVALS: readonly (readonly [order: string, left: readonly string[]])[] = [
  ["abcd", ["bcd", "cd", "d", ""]],
  ["dcba", ["abc", "ab", "a", ""]],
  ["bcad", ["acd", "ad", "d", ""]],
  ["cabd", ["abd", "bd", "d", ""]],
];

for (const [order, left] of REMOVALS) {
  Deno.test(`OpenConnections.remove() leaves the others in their order when ${order} leave`, () => {
    const connections = new OpenConnections<Named>();
    const places = new Map([..."abcd"].map((name) => [name, connections.add(connection(name))]));
    const seen = [...order].map((name) => {
      const place = places.get(name);
      if (place !== undefined) connections.remove(place);
      return namesOf(connections);
    });
    assertEquals(seen, left);
    assertEquals(connections.size, 0);
    connections.add(connection("e"));
    assertEquals([namesOf(connections), connections.size], ["e", 1]);
  });
}

Deno.test("OpenConnections.remove() keeps nothing of a connection that has left, and its neighbours can leave too", () => {
  const connections = new OpenConnections<Named>();
  const [a, b] = [connections.add(connection("a")), connections.add(connection("b"))];
  connections.remove(a);
  assertEquals([a.before, a.after, b.before], [null, null, null]);
});

Deno.test("OpenConnections iterates to the end when the one it is at leaves", () => {
  const connections = new OpenConnections<Named>();
  const places = [..."abc"].map((name) => connections.add(connection(name)));
  let names = "";
  for (const { name } of connections) {
    names += name;
    if (name === "b") connections.remove(places[1]);
  }
  assertEquals([names, namesOf(connections)], ["abc", "ac"]);
});

Deno.test("OpenConnections.countFrom() counts by address, and IPv6 by its /64", () => {
  const connections = new OpenConnections<Named>();
  const places = ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"].map((address) =>
    connections.add(connection("a", { address }))
  );
  assertEquals(["192.0.2.1", "2001:db8::9", "192.0.2.2"].map((address) => connections.countFrom(address)), [2, 2, 0]);
  connections.remove(places[0]);
  connections.remove(places[2]);
  assertEquals(["192.0.2.1", "2001:db8::9"].map((address) => connections.countFrom(address)), [1, 1]);
});

Deno.test("OpenConnections.closeIdle() closes the idle ones alone and says how many", () => {
  const connections = new OpenConnections<Named>();
  for (const isIdle of [true, false, true]) connections.add(connection("a", { isIdle }));
  assertEquals(connections.closeIdle("no room", 0), 2);
});

Deno.test("OpenConnections.fewerThan() resolves when enough have left", async () => {
  const connections = new OpenConnections<Named>();
  const places = [..."ab"].map((name) => connections.add(connection(name)));
  const waiting = connections.fewerThan(2, 60_000);
  connections.remove(places[0]);
  assertEquals(await waiting, true);
  assertEquals(await connections.fewerThan(1, 0), false);
});

Deno.test("OpenConnections.slowestFrom() finds whoever has the lowest number of that address", () => {
  const table: readonly [want: string | undefined, ...slowness: (number | null)[]][] = [
    [undefined, null, null],
    ["b", null, 5, null],
    ["b", 5, 4, 4],
    ["c", 0, 7, -1000],
    ["a", -3000, 0, -2000],
  ];
  for (const [want, ...numbers] of table) {
    const connections = new OpenConnections<Named>();
    connections.add(connection("other", { address: "192.0.2.2", slowness: -9000 }));
    numbers.forEach((slowness, index) => connections.add(connection("abc"[index], { slowness })));
    assertEquals(connections.slowestFrom("192.0.2.1")?.name, want, numbers.join());
    assertEquals(connections.slowestFrom("192.0.2.3"), null);
  }
});

Deno.test("OpenConnections.byWeight() has first whoever holds most for what it moves, and nobody who holds little or is not waited for", () => {
  const connections = new OpenConnections<Named>();
  for (
    const [name, heldBytes, slowness] of [
      ["fast", 500_000, 1_000_000],
      ["working", 500_000, null],
      ["stalled", 65_536, 0],
      ["idle", 1024, -5000],
      ["slow", 65_536, 100],
    ] as const
  ) connections.add(connection(name, { heldBytes, slowness }));
  assertEquals(connections.byWeight().map(({ name }) => name), ["stalled", "slow", "fast"]);
});
