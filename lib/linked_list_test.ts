import { assertEquals } from "@std/assert";
import { type Linked, LinkedList } from "./linked_list.ts";

interface Node extends Linked<Node> {
  readonly name: string;
}

const node = (name: string): Node => ({ name, before: null, after: null });
const namesOf = (list: LinkedList<Node>) => [...list].map(({ name }) => name).join("");

/** What is removed of "abcd", one after the other, and what is left. */
const REMOVED = [
  { removed: "", left: "abcd" },
  { removed: "a", left: "bcd" },
  { removed: "d", left: "abc" },
  { removed: "bc", left: "ad" },
  { removed: "abcd", left: "" },
  { removed: "aa", left: "bcd" },
  { removed: "cbc", left: "ad" },
] as const;

for (const { removed, left } of REMOVED) {
  Deno.test(`LinkedList keeps the order without "${removed}", which may be said twice`, () => {
    const list = new LinkedList<Node>();
    const nodes = [..."abcd"].map(node);
    for (const each of nodes) list.add(each);
    for (const name of removed) list.remove(nodes["abcd".indexOf(name)]);
    assertEquals([namesOf(list), list.size], [left, left.length]);
    const gone = nodes.filter(({ name }) => removed.includes(name));
    assertEquals(gone.filter(({ before, after }) => before !== null || after !== null), []);
    list.add(node("e"));
    assertEquals(namesOf(list), `${left}e`);
  });
}

Deno.test("LinkedList goes on when what it gives is removed", () => {
  const list = new LinkedList<Node>();
  for (const name of "abc") list.add(node(name));
  let seen = "";
  for (const each of list) {
    seen += each.name;
    list.remove(each);
  }
  assertEquals([seen, list.size], ["abc", 0]);
});
