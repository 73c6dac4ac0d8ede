import { assertEquals, assertThrows } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath, joinSegments } from "../http/located.ts";
import { EMPTY_BODY } from "../http/message.ts";
import { buildPlaces } from "./build_places.ts";
import { NO_SETTINGS } from "./place_settings.ts";

const answerers = ["/", "/cgi", "/a/b"].map((prefix) => ({
  prefix: { segments: cutPath(prefix) },
  mount: { segments: cutPath(prefix) },
  indexNames: ["index.html"],
  answer: () => ({ status: 200, fields: HeaderFields.of(["X-From", prefix]), body: EMPTY_BODY }),
  settings: NO_SETTINGS,
  said: null,
  countedAs: 0,
  rate: null,
}));
const guarded = ["/a", "/cgi/admin", "/a/b/c"].map((prefix) => ({
  prefix: { segments: cutPath(prefix) },
  guard: { admit: () => ({ name: prefix, scheme: "Basic" }) },
}));

Deno.test("buildPlaces() gives each prefix the answer and the guard of the nearest around it", () => {
  const answerOf = new Map(answerers.map(({ prefix, answer }) => [answer, joinSegments(prefix.segments) || "/"]));
  const guardOf = new Map(guarded.map(({ prefix, guard }) => [guard, joinSegments(prefix.segments)]));
  const places = buildPlaces(answerers, guarded).map(({ prefix, mount, guard, answer }) => [
    joinSegments(prefix.segments) || "/",
    joinSegments(mount.segments) || "/",
    guard === null ? null : guardOf.get(guard as typeof guarded[number]["guard"]),
    answerOf.get(answer as typeof answerers[number]["answer"]),
  ]);
  assertEquals(places, [
    ["/", "/", null, "/"],
    ["/cgi", "/cgi", null, "/cgi"],
    ["/a/b", "/a/b", "/a", "/a/b"],
    ["/a", "/", "/a", "/"],
    ["/cgi/admin", "/cgi", "/cgi/admin", "/cgi"],
    ["/a/b/c", "/a/b", "/a/b/c", "/a/b"],
  ]);
});

Deno.test("buildPlaces() takes the later of two answers for one prefix, and throws where there is none", () => {
  const [first, second] = answerers.map(({ answer }) => ({ ...answerers[0], answer }));
  assertEquals(buildPlaces([first, second], []).map(({ answer }) => answer), [second.answer]);
  assertThrows(() => buildPlaces(answerers.slice(1), guarded), Error, 'Nothing answers for "/a/"');
});
