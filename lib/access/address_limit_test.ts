import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "../http/message.ts";
import { AddressLimit, createRequestLimit } from "./address_limit.ts";

Deno.test("take() counts the addresses of one network together, and throws 429 for one too many", () => {
  let nowMs = 1_000_000;
  const limit = createRequestLimit(3, () => nowMs);
  const many = () => ["2001:db8::1", "2001:db8::2", "2001:db8::3"].forEach((address) => limit?.take(address));
  many();
  const { status, fields } = assertThrows(() => limit?.take("2001:db8::4"), HttpError);
  assertEquals([status, fields.get("retry-after")], [429, "1"]);
  limit?.take("2001:db8:0:1::1");
  nowMs += 1000;
  many();
});

Deno.test("take() counts nothing for clients without an address", () => {
  const limit = createRequestLimit(1, () => 0);
  for (let count = 0; count < 5; count++) limit?.take("");
  limit?.take("192.0.2.1");
  assertThrows(() => limit?.take("192.0.2.1"), HttpError);
});

Deno.test("giveBack() takes one back", () => {
  const limit = new AddressLimit({ what: "things", burst: 1, intervalMs: 90_000, nowMs: () => 0 });
  limit.take("192.0.2.1");
  limit.giveBack("192.0.2.1");
  limit.take("192.0.2.1");
  assertEquals(assertThrows(() => limit.take("192.0.2.1"), HttpError).fields.get("retry-after"), "90");
});

Deno.test("createRequestLimit() gives none when the rate is 0", () => {
  assertEquals(createRequestLimit(0, () => 0), null);
});
