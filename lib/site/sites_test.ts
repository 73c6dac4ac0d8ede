import { assert, assertEquals, assertThrows } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath } from "../http/located.ts";
import { EMPTY_BODY } from "../http/message.ts";
import { NO_FIELDS } from "../http/own_fields.ts";
import { NO_SETTINGS } from "./place_settings.ts";
import { parseRewrite } from "./rewrite.ts";
import type { Place, Site } from "./site.ts";
import { type Location, Sites } from "./sites.ts";

function placeOf(prefix: string, mount = prefix): Place {
  return {
    prefix: { segments: cutPath(prefix) },
    mount: { segments: cutPath(mount) },
    guard: null,
    settings: NO_SETTINGS,
    said: null,
    countedAs: 0,
    rate: null,
    indexNames: ["index.html", "index.cgi"],
    answer: () => ({ status: 200, fields: HeaderFields.EMPTY, body: EMPTY_BODY }),
  };
}

function siteOf(hosts: readonly string[], places: readonly Place[]): Site {
  return {
    hosts,
    places,
    errorResponse: ({ status }) => ({ status, fields: HeaderFields.EMPTY, body: EMPTY_BODY }),
    fields: NO_FIELDS,
    rewrites: [],
  };
}

const ROOT = placeOf("/");
const PLACES = [ROOT, placeOf("/cgi"), placeOf("/cgi/admin", "/cgi"), placeOf("/docs/index.html", "/")];
const SITES = new Sites([siteOf([], PLACES)]);

function find(sites: Sites, host: string, path: string): Location {
  const location = sites.find(host, path);
  assert(location !== null, host);
  return location;
}

type Want = readonly [place: string, mount: string, path: string, index?: string];

const FOUND: readonly (readonly [path: string, want: Want])[] = [
  ["/", ["/", "", "/"]],
  ["/a//b/", ["/", "", "/a/b/"]],
  ["/cgi", ["/cgi", "/cgi", ""]],
  ["//cgi//", ["/cgi", "/cgi", "/"]],
  ["/cgix", ["/", "", "/cgix"]],
  ["/cgi/x", ["/cgi", "/cgi", "/x"]],
  ["/cgi/admin", ["/cgi/admin", "/cgi", "/admin"]],
  ["//cgi///admin/x/", ["/cgi/admin", "/cgi", "/admin/x/"]],
  ["/cgi/administer", ["/cgi", "/cgi", "/administer"]],
  ["/docs", ["/", "", "/docs"]],
  ["/docs/", ["/", "", "/docs/", "/docs/index.html"]],
  ["//docs//", ["/", "", "/docs/", "/docs/index.html"]],
  ["/docs/index.html", ["/docs/index.html", "", "/docs/index.html"]],
  ["*", ["/", "", "/*"]],
  ["", ["/", "", ""]],
];

for (const [path, [place, mount, below, index]] of FOUND) {
  Deno.test(`Sites.find() leads "${path}" to the place "${place}"`, () => {
    const location = find(SITES, "", path);
    const nameOf = (found: Place | null) => found === null ? undefined : `/${found.prefix.segments.join("/")}`;
    assertEquals(
      [nameOf(location.place), location.at.mount, location.at.path, nameOf(location.others[0] ?? null)],
      [place, mount, below, index],
    );
  });
}

Deno.test("Sites.find() gives the same object for a path that it knows, also after many others", () => {
  const sites = new Sites([siteOf([], [ROOT])]);
  const first = sites.find("", "/a");
  assert(sites.find("", "/a") === first);
  for (let count = 0; count < 3000; count++) sites.find("", `/${count}`);
  assertEquals(sites.find("", "/a"), first);
  const long = `/${"x".repeat(300)}`;
  assertEquals(find(sites, "", long).at.path, long);
});

Deno.test("Sites.of() and find() go by the host, and the first site has all other hosts", () => {
  const [first, second, third] = [
    siteOf(["a.example"], [ROOT]),
    siteOf(["b.example", "c.example"], [placeOf("/")]),
    siteOf(
      ["c.example"],
      [placeOf("/")],
    ),
  ];
  const sites = new Sites([first, second, third]);
  const table: readonly (readonly [host: string, want: Site])[] = [
    ["a.example", first],
    ["b.example", second],
    ["c.example", second],
    ["", first],
    ["d.example", first],
    ["__proto__", first],
  ];
  for (const [host, want] of table) {
    assert(sites.of(host) === want, host);
    assert(find(sites, host, "/x").place === want.places[0], host);
  }
});

Deno.test("Sites.find() takes a look by segments, however many places there are", () => {
  const places = Array.from({ length: 10_000 }, (_, index) => placeOf(`/p${index % 100}/q${index}`));
  const sites = new Sites([siteOf([], [ROOT, ...places])]);
  for (const index of [0, 4321, 9999]) {
    assert(find(sites, "", `/p${index % 100}/q${index}/x`).place === places[index]);
  }
  assert(find(sites, "", "/p1/q2").place === ROOT);
});

Deno.test("Sites throws when a site has no place for all of it", () => {
  assertThrows(() => new Sites([siteOf([], [placeOf("/a")])]), Error, "without a place");
});

Deno.test("Sites.of() takes a name before a wildcard, and a whole name with its dot", () => {
  const [first, exact, below] = [["a.example"], ["x.b.example"], ["*.b.example"]].map((hosts) => siteOf(hosts, [ROOT]));
  const sites = new Sites([first, exact, below]);
  const table = [["x.b.example.", exact], ["z.z.b.example", below], ["b.example", first]] as const;
  for (const [host, want] of table) assert(sites.of(host) === want, host);
});

Deno.test("Sites.find() finds nobody for hosts that no site names where these are refused", () => {
  const sites = new Sites([siteOf(["a.example"], [ROOT])], { refusesUnknownHosts: true });
  assert(sites.find("a.example.", "/") !== null);
  for (const host of ["", "b.example", "x.a.example"]) assertEquals(sites.find(host, "/"), null, host);
});

Deno.test("Sites.find() leads to what stands in place of a path, which the places of both guard, and findServed() does not", () => {
  const rewrite = parseRewrite("/docs/:name=/cgi/admin/{name}?a");
  assert(rewrite !== null);
  const sites = new Sites([{ ...siteOf([], PLACES), rewrites: [rewrite] }]);
  for (const path of ["/docs/x", "//docs///x"]) {
    const { place, at, others, rewritten } = find(sites, "", path);
    assertEquals([place, at.path, others, rewritten?.address("b")], [PLACES[2], "/admin/x", [ROOT], {
      path: "/cgi/admin/x",
      query: "a&b",
    }]);
    assertEquals(sites.findServed("", path).place, ROOT);
  }
  assertEquals(find(sites, "", "/docs/index.html").others, [PLACES[3]]);
});

Deno.test("Sites.find() leads a folder to what is mounted by the name of its index, and the places of both guard it", () => {
  const places = [ROOT, placeOf("/app"), placeOf("/app/index.cgi"), placeOf("/app/index.cgi/deep", "/app/index.cgi")];
  const sites = new Sites([siteOf([], places)]);
  for (const path of ["/app/", "//app//"]) {
    const { place, at, others, rewritten } = find(sites, "", path);
    assertEquals([place, at.mount, at.path, rewritten?.address("q")], [places[2], "/app/index.cgi", "", {
      path: `${path}index.cgi`,
      query: "q",
    }]);
    assertEquals(others, [places[1]]);
  }
  assertEquals(find(sites, "", "/app").place, places[1]);
  assertEquals(find(sites, "", "/app/x/").place, places[1]);
});
