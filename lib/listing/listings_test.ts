import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Body, HttpError } from "../http/message.ts";
import { Listings, type ListingSection, type ReadListing } from "./listings.ts";

/** A section by a clock of the test's, and a folder whose state is a text that is read when the test says so. */
class Scene {
  nowMs = 1_000_000;
  state = "a";
  /** Reads that are under way. */
  readonly reads: { readonly end: () => void; readonly fail: (error: Error) => void }[] = [];
  readCount = 0;
  readonly listings = new Listings(1_000_000);
  readonly section: ListingSection;

  constructor(fileCacheMs = 1000) {
    this.section = this.listings.section({ limits: { fileCacheMs }, nowMs: () => this.nowMs });
  }

  get read(): ReadListing {
    return async () => {
      const { state } = this;
      this.readCount++;
      await new Promise<void>((end, fail) => this.reads.push({ end, fail }));
      // Two parts, so that it is no small page.
      return (async function* () {
        for (const text of [state, "x".repeat(70_000)]) yield await Promise.resolve(new TextEncoder().encode(text));
      })();
    };
  }

  ask(folder = "/", form = "page"): Promise<Body> {
    return this.section.get({ folder, form }, this.read);
  }

  /** Resolves when so many reads are under way. */
  async waitForReads(count: number): Promise<void> {
    for (let turn = 0; this.reads.length < count; turn++) {
      if (turn === 1000) throw new Error(`${this.reads.length} reads are under way`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Ends the oldest read. */
  endRead(): void {
    this.reads.shift()?.end();
  }
}

/** The state that was read. */
async function stateOf(body: Promise<Body>): Promise<string> {
  let text = "";
  for await (const part of await body) text += new TextDecoder().decode(part);
  await (await body).close();
  return text.replace(/x+$/, "");
}

Deno.test("Listings reads a folder once for all who ask within its time, and keeps it that long", async () => {
  const scene = new Scene();
  const bodies = [scene.ask(), scene.ask()];
  await scene.waitForReads(1);
  scene.nowMs += 900;
  bodies.push(scene.ask());
  scene.endRead();
  assertEquals(await Promise.all(bodies.map(stateOf)), ["a", "a", "a"]);
  scene.nowMs += 99;
  scene.state = "b";
  assertEquals(await stateOf(scene.ask()), "a");
  assertEquals(scene.readCount, 1);
  // From the beginning of the read on, not from its end.
  scene.nowMs += 1;
  const body = scene.ask();
  await scene.waitForReads(1);
  scene.endRead();
  assertEquals(await stateOf(body), "b");
});

Deno.test("Listings reads anew when the clock was set back", async () => {
  const scene = new Scene();
  const first = scene.ask();
  await scene.waitForReads(1);
  scene.endRead();
  await stateOf(first);
  scene.nowMs -= 1;
  scene.state = "b";
  const second = scene.ask();
  await scene.waitForReads(1);
  scene.endRead();
  assertEquals(await stateOf(second), "b");
});

Deno.test("Listings gives nothing that was read before the request when no time is allowed, and shares what is read next", async () => {
  const scene = new Scene(0);
  const first = scene.ask();
  await scene.waitForReads(1);
  scene.state = "b";
  const later = [scene.ask(), scene.ask(), scene.ask()];
  scene.endRead();
  assertEquals(await stateOf(first), "a");
  await scene.waitForReads(1);
  scene.endRead();
  assertEquals(await Promise.all(later.map(stateOf)), ["b", "b", "b"]);
  assertEquals(scene.readCount, 2);
});

Deno.test("Listings reads four folders at once, and the others in their turn", async () => {
  const scene = new Scene();
  const bodies = ["/1", "/2", "/3", "/4", "/5", "/6"].map((path) => scene.ask(path));
  await scene.waitForReads(4);
  assertEquals(scene.readCount, 4);
  scene.state = "later";
  for (let left = 6; left > 0; left--) {
    await scene.waitForReads(1);
    scene.endRead();
  }
  assertEquals(await Promise.all(bodies.map(stateOf)), ["a", "a", "a", "a", "later", "later"]);
});

Deno.test("Listings makes the forms of a folder one after another, each once, and other folders meanwhile", async () => {
  const scene = new Scene();
  const forms = ["a", "b", "c", "a", "b", "c"].map((form) => scene.ask("/", form));
  await scene.waitForReads(1);
  const other = scene.ask("/other");
  await scene.waitForReads(2);
  assertEquals(scene.readCount, 2);
  scene.state = "later";
  // That of the first form; the other folder's is left under way.
  scene.endRead();
  for (let count = 3; count <= 4; count++) {
    await scene.waitForReads(2);
    assertEquals(scene.readCount, count);
    scene.reads.pop()?.end();
  }
  assertEquals(await Promise.all(forms.map(stateOf)), ["a", "later", "later", "a", "later", "later"]);
  scene.endRead();
  assertEquals(await stateOf(other), "a");
  // All are kept by themselves.
  assertEquals(await Promise.all(["a", "b", "c"].map((form) => stateOf(scene.ask("/", form)))), [
    "a",
    "later",
    "later",
  ]);
  assertEquals(scene.readCount, 4);
});

Deno.test("Listings makes a form of a folder though another one has failed", async () => {
  const scene = new Scene();
  const [first, second] = [scene.ask("/", "a"), scene.ask("/", "b")];
  await scene.waitForReads(1);
  scene.reads.shift()?.fail(new HttpError(404, "Not there"));
  await assertRejects(() => first, HttpError, "Not there");
  await scene.waitForReads(1);
  scene.endRead();
  assertEquals(await stateOf(second), "a");
});

Deno.test("Listings tells a failure to all who wait, keeps nothing, and reads again for the next", async () => {
  const scene = new Scene();
  const first = scene.ask();
  await scene.waitForReads(1);
  scene.endRead();
  await stateOf(first);
  scene.nowMs += 2000;
  const bodies = [scene.ask(), scene.ask()];
  await scene.waitForReads(1);
  scene.reads.shift()?.fail(new HttpError(404, "Not there"));
  for (const body of bodies) await assertRejects(() => body, HttpError, "Not there");
  assertEquals(scene.listings.bytes, 0);
  const next = scene.ask();
  await scene.waitForReads(1);
  scene.endRead();
  assertEquals(await stateOf(next), "a");
});

Deno.test("Listings reads again what had to make room, and each section has its own", async () => {
  const scene = new Scene();
  for (let index = 0; index < 40; index++) {
    const body = scene.ask(`/${index}`);
    await scene.waitForReads(1);
    scene.endRead();
    await stateOf(body);
  }
  assert(scene.listings.bytes <= 1_000_000);
  // The last ones are there still.
  assertEquals(await stateOf(scene.ask("/39")), "a");
  assertEquals(scene.readCount, 40);
  const again = scene.ask("/0");
  await scene.waitForReads(1);
  scene.endRead();
  await stateOf(again);
  const other = scene.listings.section({ limits: { fileCacheMs: 1000 }, nowMs: () => scene.nowMs }).get(
    { folder: "/39", form: "page" },
    scene.read,
  );
  await scene.waitForReads(1);
  scene.endRead();
  await stateOf(other);
  assertEquals(scene.readCount, 42);
});
