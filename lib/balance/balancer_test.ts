import { assertEquals } from "@std/assert";
import { Balancer, type Candidate } from "./balancer.ts";

class Scripted implements Candidate {
  underWayCount = 0;
  isAside = false;

  constructor(readonly text: string, readonly isBackup = false) {}

  isOpen(): boolean {
    return !this.isAside;
  }
}

function names(balancer: Balancer<Scripted>, clients: readonly string[], tried: ReadonlySet<Scripted> | null = null) {
  return clients.map((client) => balancer.choose({ client, nowMs: 0, tried })?.text ?? "none").join(" ");
}

const FOUR = ["", "", "", ""];

Deno.test("Balancer gives each its turn with round, whatever is under way, and goes on without one that is aside", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => new Scripted(text));
  a.underWayCount = 9;
  const balancer = new Balancer([a, b, c], "round");
  assertEquals(names(balancer, FOUR), "a b c a");
  b.isAside = true;
  assertEquals(names(balancer, FOUR), "a c a c");
});

Deno.test("Balancer takes with least whoever has the fewest under way, and of equals each in turn", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => new Scripted(text));
  const balancer = new Balancer([a, b, c], "least");
  assertEquals(names(balancer, ["", "", ""]), "a b c");
  a.underWayCount = b.underWayCount = 2;
  c.underWayCount = 1;
  assertEquals(names(balancer, FOUR), "c c c c");
  c.underWayCount = 2;
  assertEquals(new Set(names(balancer, ["", "", ""]).split(" ")).size, 3);
});

Deno.test("Balancer leads a client always to the same with client, and moves none but those of one that goes", () => {
  const all = ["a", "b", "c", "d"].map((text) => new Scripted(text));
  const balancer = new Balancer(all, "client");
  const clients = Array.from({ length: 400 }, (_, at) => `192.0.2.${at % 200}:${at}`);
  const before = names(balancer, clients).split(" ");
  assertEquals(names(balancer, clients).split(" "), before);
  const counts = all.map(({ text }) => before.filter((name) => name === text).length);
  assertEquals(counts.every((count) => count > 60 && count < 140), true, counts.join(" "));
  all[1].isAside = true;
  const after = names(balancer, clients).split(" ");
  assertEquals(after.every((name, at) => before[at] === "b" ? name !== "b" : name === before[at]), true);
  all[1].isAside = false;
  assertEquals(names(balancer, clients).split(" "), before);
});

Deno.test("Balancer shares out clients without an address by load", () => {
  const [a, b] = [new Scripted("a"), new Scripted("b")];
  a.underWayCount = 1;
  assertEquals(names(new Balancer([a, b], "client"), FOUR), "b b b b");
});

Deno.test("Balancer asks backups where none of the others is left, and nobody twice", () => {
  const [a, b, c] = [new Scripted("a"), new Scripted("b"), new Scripted("c", true)];
  const balancer = new Balancer([a, b, c], "round");
  assertEquals(names(balancer, ["", "", ""]), "a b a");
  assertEquals(names(balancer, [""], new Set([a, b])), "c");
  assertEquals(names(balancer, [""], new Set([a, b, c])), "none");
  a.isAside = b.isAside = true;
  assertEquals(names(balancer, ["", ""]), "c c");
  c.isAside = true;
  assertEquals(names(balancer, [""]), "none");
  assertEquals(names(new Balancer([c], "least"), [""]), "none");
});
