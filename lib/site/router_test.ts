import { assert, assertEquals, assertRejects } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath } from "../http/located.ts";
import {
  BytesBody,
  EMPTY_BODY,
  type Handler,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
  NotThere,
} from "../http/message.ts";
import { NO_FIELDS, OwnFields } from "../http/own_fields.ts";
import { RequestNotes } from "../request_notes.ts";
import { RULES } from "../rules.ts";
import { type Answerer, buildPlaces, type Guarded } from "./build_places.ts";
import { createFilesAnswer } from "./files_answer.ts";
import { parseFallback } from "./fallback.ts";
import { NO_SETTINGS, type PlaceSettings } from "./place_settings.ts";
import type { RoutedRequest } from "./readdressed.ts";
import { parseRewrite, type Rewrite } from "./rewrite.ts";
import { Router, type RouterOptions } from "./router.ts";
import { Sites } from "./sites.ts";

function response(name: string): HttpResponse {
  return { status: 200, fields: HeaderFields.of(["X-From", name]), body: EMPTY_BODY };
}

function requestFor(method: string, path: string): HttpRequest {
  return {
    method,
    target: path,
    version: "1.1",
    fields: HeaderFields.of(["Host", "a"], ["Content-Length", "5"], ["Content-Type", "b"], ["Cookie", "c"]),
    path,
    query: "d",
    host: "a",
    id: "r1",
    body: new BytesBody(new Uint8Array(5)),
    connection: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

const files: Handler = () => Promise.resolve(response("files"));

function answererOf(path: string, answer: Answerer["answer"], settings = NO_SETTINGS): Answerer {
  const prefix = { segments: cutPath(path) };
  return { prefix, mount: prefix, indexNames: ["index.html"], answer, settings, said: null, countedAs: 0, rate: null };
}

/** A site whose files answer as "files", and programs below the prefix; every answer by `handlers` where they are given. */
function siteOf(
  { prefix, script, files: answer = files, guards = [], rewrites = [], settings = NO_SETTINGS }: {
    readonly prefix: string | null;
    readonly script: Handler;
    readonly files?: Handler;
    readonly guards?: readonly Guarded[];
    readonly rewrites?: readonly Rewrite[];
    readonly settings?: PlaceSettings;
  },
): Sites {
  const others: Answerer[] = prefix === null ? [] : [answererOf(prefix, script, settings)];
  const rules = RULES.standard;
  const all = createFilesAnswer({
    files: {
      recall: () => null,
      answer: async (request) => await answer(request) as HttpResponse,
      isThere: ({ path }) => !path.startsWith("/none"),
    },
    scripts: null,
    rules,
    hasFallback: settings.fallback !== null,
  });
  return new Sites([{
    hosts: [],
    places: buildPlaces([answererOf("/", all, settings), ...others], guards),
    rewrites,
    errorResponse: ({ status }) => ({ status, fields: HeaderFields.EMPTY, body: EMPTY_BODY }),
    fields: NO_FIELDS,
  }]);
}

/** Who answers, and with which status. */
async function ask(method: string, path: string, rules: keyof typeof RULES, prefix: string | null): Promise<string> {
  const sites = siteOf({ prefix, script: () => Promise.resolve(response("script")) });
  try {
    const router = new Router({ sites, rules: RULES[rules], rate: null });
    const { status, fields } = await router.answer(requestFor(method, path));
    return `${status} ${fields.get("X-From") ?? fields.get("Allow")}`;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return `${error.status}`;
  }
}

const ROUTES: readonly (readonly [method: string, path: string, course: string, standard: string])[] = [
  ["GET", "/", "200 files", "200 files"],
  ["HEAD", "/a", "200 files", "200 files"],
  ["POST", "/a", "200 files", "200 files"],
  ["GET", "/cgi/a", "200 script", "200 script"],
  ["HEAD", "/cgi/a", "200 script", "200 script"],
  ["POST", "/cgi/a", "200 script", "200 script"],
  ["GET", "/cgi", "200 script", "200 script"],
  ["GET", "//cgi//a", "200 script", "200 script"],
  ["GET", "/cgix/a", "200 files", "200 files"],
  ["PUT", "/cgi/a", "501", "200 script"],
  ["OPTIONS", "/cgi/a", "501", "200 script"],
  ["PUT", "/a", "501", "501"],
  ["DELETE", "/nothing", "501", "501"],
  ["get", "/a", "501", "501"],
  ["OPTIONS", "/a", "501", "200 GET, HEAD, OPTIONS"],
  ["OPTIONS", "*", "501", "200 GET, HEAD, OPTIONS"],
  ["CONNECT", "", "501", "501"],
];

for (const [method, path, course, standard] of ROUTES) {
  Deno.test(`Router.answer() finds who answers ${method} ${path || "a host"}`, async () => {
    assertEquals(await ask(method, path, "course", "/cgi/"), course);
    assertEquals(await ask(method, path, "standard", "/cgi/"), standard);
  });
}

Deno.test("Router.answer() gives all to the files when there are no scripts", async () => {
  assertEquals(await ask("GET", "/cgi/a", "standard", null), "200 files");
  assertEquals(await ask("PUT", "/cgi/a", "standard", null), "501");
});

/** A router whose scripts answer by `answer`; records the requests that files and scripts get. */
function recordingRouter(
  answer: (request: HttpRequest) => HttpResponse | LocalRedirect,
  guards: readonly Guarded[] = [],
  rate: RouterOptions["rate"] = null,
) {
  const seen: HttpRequest[] = [];
  const record = (handler: (request: HttpRequest) => HttpResponse | LocalRedirect): Handler => (request) => {
    seen.push(request);
    return Promise.resolve(handler(request));
  };
  const sites = siteOf({ prefix: "/cgi", script: record(answer), files: record(() => response("files")), guards });
  const router = new Router({ sites, rules: RULES.standard, rate });
  return { seen, router: (request: HttpRequest) => router.answer(request) };
}

Deno.test("Router.answer() follows a local redirect with GET and without content", async () => {
  const { seen, router } = recordingRouter(() => ({ localRedirect: "/a%20b?e" }));
  const { fields } = await router(requestFor("POST", "/cgi/x"));
  assertEquals(fields.get("X-From"), "files");
  const { method, target, path, query, host, body, id, fields: sent } = seen[1];
  assertEquals([method, target, path, query, host, id], ["GET", "/a%20b?e", "/a b", "e", "a", "r1"]);
  assertEquals([...sent], [["Host", "a"], ["Cookie", "c"]]);
  assertEquals(body, EMPTY_BODY);
  await router(requestFor("HEAD", "/cgi/x"));
  assertEquals(seen[3].method, "HEAD");
});

Deno.test("Router.answer() follows five local redirects in a row and answers 500 to the sixth", async () => {
  let count = 0;
  const { seen, router } = recordingRouter(() => count++ < 5 ? { localRedirect: "/cgi/y" } : response("script"));
  assertEquals((await router(requestFor("GET", "/cgi/x"))).status, 200);
  assertEquals(seen.length, 6);
  const endless = recordingRouter(() => ({ localRedirect: "/cgi/y" }));
  assertEquals(
    (await assertRejects(async () => await endless.router(requestFor("GET", "/cgi/x")), HttpError)).status,
    500,
  );
  assertEquals(endless.seen.length, 6);
});

for (const location of ["/%zz", "/%", "/a%2fb", "/a\\b", "/%00", "/a#b", "/a b", "/\u00fc", "/a\tb"]) {
  Deno.test(`Router.answer() answers 500 when a script redirects to ${JSON.stringify(location)}`, async () => {
    const { seen, router } = recordingRouter(() => ({ localRedirect: location }));
    const { status, message } = await assertRejects(async () => await router(requestFor("GET", "/cgi/x")), HttpError);
    assertEquals([status, message], [500, `Malformed local redirect of "/cgi/x": ${JSON.stringify(location)}`]);
    assertEquals(seen.length, 1);
  });
}

function guardOf(prefix: string, admit: Guarded["guard"]["admit"]): Guarded {
  return { prefix: { segments: cutPath(prefix) }, guard: { admit } };
}

const EVA = { name: "eva", scheme: "Basic" };

Deno.test("Router.answer() asks the guard of each place that it answers from, and passes the user on", async () => {
  const scriptUsers: unknown[] = [];
  const answer = (request: HttpRequest) => {
    scriptUsers.push(request.user);
    return { localRedirect: "/private" };
  };
  const refuse = () => {
    throw new HttpError(403, "No");
  };
  const guards = [
    guardOf("/cgi", () => null),
    guardOf("/forbidden", refuse),
    guardOf("/private", () => Promise.resolve(EVA)),
  ];
  const { router, seen } = recordingRouter(answer, guards);
  const request: RoutedRequest = requestFor("GET", "/cgi/x");
  await router(request);
  assertEquals(scriptUsers, [null]);
  assertEquals([seen[1].path, seen[1].user?.name, request.user?.name], ["/private", "eva", "eva"]);
  for (const path of ["/forbidden", "//forbidden//x", "/forbidden/"]) {
    await assertRejects(async () => await router(requestFor("GET", path)), HttpError);
  }
  assertEquals(seen.length, 2);
});

Deno.test("Router.answer() asks the guard of a folder and that of its index for the folder", async () => {
  const asked: string[] = [];
  const note = (name: string, user: typeof EVA | null) => () => {
    asked.push(name);
    return Promise.resolve(user);
  };
  const guards = [guardOf("/a", note("folder", EVA)), guardOf("/a/index.html", note("index", null))];
  const { router, seen } = recordingRouter(() => response("script"), guards);
  for (const path of ["/a/", "/a", "/a/index.html", "//a//", "/a/b"]) await router(requestFor("GET", path));
  assertEquals(asked, ["folder", "index", "folder", "index", "folder", "index", "folder"]);
  assertEquals(seen.map(({ user }) => user?.name), ["eva", "eva", undefined, "eva", "eva"]);
});

Deno.test("Router.answer() counts a request once, before it asks any guard", async () => {
  const addresses: string[] = [];
  const rate = { take: (address: string) => void addresses.push(address) };
  const { router } = recordingRouter(
    ({ path }) => path === "/cgi/x" ? { localRedirect: "/b" } : response("script"),
    [],
    rate,
  );
  await router({
    ...requestFor("GET", "/cgi/x"),
    connection: { ...requestFor("GET", "/").connection, remoteAddress: "a" },
  });
  assertEquals(addresses, ["a"]);
});

Deno.test("Router.answer() answers without a promise when the place does and nobody guards it", () => {
  const place = { ...answererOf("/", () => response("memory")), guard: null };
  const site = {
    hosts: [],
    places: [place],
    rewrites: [],
    errorResponse: () => response("error"),
    fields: NO_FIELDS,
  };
  const router = new Router({ sites: new Sites([site]), rules: RULES.standard, rate: null });
  const answer = router.answer(requestFor("GET", "/a"));
  assertEquals("status" in answer && answer.status, 200);
});

Deno.test("Router.replaceSites() holds for requests that come, and error pages", async () => {
  const siteFor = (status: number) =>
    new Sites([{
      hosts: [],
      places: [{ ...answererOf("/", () => ({ ...response("new"), status })), guard: null }],
      rewrites: [],
      errorResponse: () => ({ ...response("error"), status }),
      fields: NO_FIELDS,
    }]);
  const router = new Router({ sites: siteFor(200), rules: RULES.standard, rate: null });
  router.replaceSites(siteFor(203));
  assertEquals((await router.answer(requestFor("GET", "/a"))).status, 203);
  assertEquals(router.errorResponse(new HttpError(404, ""), requestFor("GET", "/a")).status, 203);
});

/** A site that rewrites and falls back, with a program at /cgi and files at all paths but those below /none. */
function addressedRouter(guards: readonly Guarded[] = []) {
  const seen: HttpRequest[] = [];
  const record = (name: string): Handler => (request) => {
    seen.push(request);
    if (name === "files" && request.path.startsWith("/none")) throw new NotThere(request.path);
    return Promise.resolve(response(name));
  };
  const rewrites = ["/w/:page=/cgi/x?id={page}", "/w/*=/plain", "/to-none=/none/a", "/s/:x=302 /{x}"].map((text) => {
    const rewrite = parseRewrite(text);
    assert(rewrite !== null);
    return rewrite;
  });
  const settings = { ...NO_SETTINGS, fallback: parseFallback("/cgi/app/{path}", { segments: [] }) };
  const parts = { prefix: "/cgi", script: record("script"), files: record("files"), guards, rewrites, settings };
  const router = new Router({ sites: siteOf(parts), rules: RULES.standard, rate: null });
  return { seen, router: (request: HttpRequest) => router.answer(request) };
}

const ADDRESSED: readonly (readonly [method: string, path: string, by: string, served: string, query: string])[] = [
  ["GET", "/a", "files", "/a", "d"],
  ["GET", "/w/p q", "script", "/cgi/x", "id=p%20q&d"],
  ["PUT", "//w//p", "script", "/cgi/x", "id=p&d"],
  ["GET", "/w/a/b", "files", "/plain", "d"],
  ["GET", "/none/b c", "script", "/cgi/app/none/b c", "d"],
  ["HEAD", "/none", "script", "/cgi/app/none", "d"],
  ["POST", "/none", "script", "/cgi/app/none", "d"],
  ["DELETE", "/none", "script", "/cgi/app/none", "d"],
  ["GET", "/to-none", "script", "/cgi/app/none/a", "d"],
];

for (const [method, path, by, served, query] of ADDRESSED) {
  Deno.test(`Router.answer() rewrites and falls back: ${method} ${path}`, async () => {
    const { seen, router } = addressedRouter();
    const request = requestFor(method, path);
    const { fields } = await router(request);
    const last = seen[seen.length - 1];
    assertEquals([fields.get("X-From"), last.path, last.query, last.method, last.target], [
      by,
      served,
      query,
      method,
      path,
    ]);
    assertEquals(last.original ?? null, served === path ? null : { path, query: "d" });
    assert(last.body === request.body);
    assertEquals(last.id, "r1");
  });
}

Deno.test("Router.answer() asks who guards what was asked for, and who guards what stands in its place", async () => {
  const asked: string[] = [];
  const note = (prefix: string) =>
    guardOf(prefix, () => {
      asked.push(prefix);
      return prefix === "/cgi" ? EVA : null;
    });
  const { router, seen } = addressedRouter(["/w", "/cgi", "/none"].map(note));
  for (const path of ["/w/p", "/none/x", "/to-none", "/a"]) {
    const request: RoutedRequest = requestFor("GET", path);
    await router(request);
    assertEquals([asked.splice(0).join(" "), request.user?.name, seen.at(-1)?.user?.name], [
      ...{
        "/w/p": ["/cgi /w", "eva", "eva"],
        "/none/x": ["/none /cgi", "eva", "eva"],
        "/to-none": ["/none /cgi", "eva", "eva"],
        "/a": ["", undefined, undefined],
      }[path] ?? [],
    ]);
  }
});

Deno.test("Router.answer() falls back neither from what is refused nor from where a fallback leads", async () => {
  const refused = addressedRouter([guardOf("/none", () => {
    throw new HttpError(403, "No");
  })]);
  assertEquals(
    (await assertRejects(async () => await refused.router(requestFor("GET", "/none")), HttpError)).status,
    403,
  );
  const settings = { ...NO_SETTINGS, fallback: parseFallback("/none/page", { segments: [] }) };
  let count = 0;
  const nothing: Handler = () => {
    count++;
    throw new NotThere("x");
  };
  const router = new Router({
    ...{
      sites: siteOf({ prefix: null, script: nothing, files: nothing, settings }),
      rules: RULES.standard,
      rate: null,
    },
  });
  await assertRejects(async () => await router.answer(requestFor("GET", "/none")), NotThere);
  assertEquals(count, 2);
});

Deno.test("Router.answer() answers 404 to an encoded slash before any guard, unless it passes, and then it separates nothing", async () => {
  const closed = guardOf("/cgi/a", () => {
    throw new HttpError(403, "No");
  });
  for (const passesEncodedSlash of [false, true]) {
    const sites = siteOf({
      ...{ prefix: "/cgi", script: () => Promise.resolve(response("script")), guards: [closed] },
      settings: { ...NO_SETTINGS, passesEncodedSlash },
    });
    const router = new Router({ sites, rules: RULES.standard, rate: null });
    const statusOf = async (path: string) => {
      try {
        return (await router.answer(requestFor("GET", path))).status;
      } catch (error) {
        return error instanceof HttpError ? error.status : error;
      }
    };
    const statuses = await Promise.all(["/cgi/a/\udc2f", "/cgi/a\udc2fb", "/cgi/x/\udc2f", "/cgi/x"].map(statusOf));
    assertEquals(statuses, passesEncodedSlash ? [403, 200, 200, 200] : [404, 404, 404, 200]);
  }
});

Deno.test("Router.answer() answers 405 to methods that a place does not allow, before anybody is asked who he is", async () => {
  const asked: string[] = [];
  const guards = [guardOf("/", ({ method }) => {
    asked.push(method);
    return null;
  })];
  const settings = { ...NO_SETTINGS, methods: ["GET", "HEAD", "PUT"] };
  const parts = { prefix: "/cgi", script: () => Promise.resolve(response("script")), guards, settings };
  const router = new Router({ sites: siteOf(parts), rules: RULES.standard, rate: null });
  const statusOf = async (method: string, path: string) => {
    try {
      return `${(await router.answer(requestFor(method, path))).status}`;
    } catch (error) {
      return error instanceof HttpError ? `${error.status} ${error.fields.get("Allow") ?? ""}` : error;
    }
  };
  const methods = ["GET", "HEAD", "PUT", "POST", "OPTIONS", "get"];
  const no = "405 GET, HEAD, PUT";
  assertEquals(await Promise.all(methods.map((method) => statusOf(method, "/cgi/x"))), [
    "200",
    "200",
    "200",
    no,
    no,
    no,
  ]);
  assertEquals(asked, ["GET", "HEAD", "PUT"]);
  // What files have is theirs to say, and "*" is of the server.
  assertEquals([await statusOf("PUT", "/a"), await statusOf("OPTIONS", "*")], ["501 ", "200"]);
});

Deno.test("Router.answer() sends clients where a pattern says, after who guards what was asked for", async () => {
  const asked: string[] = [];
  const guards = ["/s", "/t"].map((prefix) =>
    guardOf(prefix, () => {
      asked.push(prefix);
      return null;
    })
  );
  const { seen, router } = addressedRouter(guards);
  const { status, fields } = await router(requestFor("PUT", "//s//t"));
  assertEquals([status, fields.get("Location"), asked, seen.length], [302, "/t?d", ["/s"], 0]);
});

Deno.test("Router.answer() and errorResponse() say what the place of the path says, by whether it came over TLS", async () => {
  const [plain, secure] = [new OwnFields(), new OwnFields()];
  const errorResponse = ({ status }: HttpError) => ({ ...response("its page"), status });
  const said = {
    ...answererOf("/said", () => response("said")),
    guard: null,
    said: { plain, secure, accessLog: "/log", errorResponse },
  };
  const late = { ...answererOf("/late", () => Promise.resolve(response("late"))), guard: null, said: said.said };
  const other = { ...answererOf("/", () => response("other")), guard: null };
  const site = {
    hosts: [],
    places: [other, said, late],
    rewrites: [],
    errorResponse: () => response("page"),
    fields: NO_FIELDS,
  };
  const router = new Router({ sites: new Sites([site]), rules: RULES.standard, rate: null });
  const over = (path: string, isSecure: boolean) => {
    const request = requestFor("GET", path);
    return { ...request, connection: { ...request.connection, secure: isSecure } };
  };
  assertEquals((await router.answer(over("/", false))).own, undefined);
  for (const path of ["/said/x", "/late"]) {
    assert((await router.answer(over(path, false))).own === plain, path);
    assert((await router.answer(over(path, true))).own === secure, path);
  }
  const error = new HttpError(404, "");
  assert(router.errorResponse(error, over("/said", true)).own === secure);
  assertEquals(router.errorResponse(error, over("/said", true)).status, 404);
  assertEquals([router.errorResponse(error, over("/", true)).own, router.errorResponse(error).own], [
    undefined,
    undefined,
  ]);
});

Deno.test("Router.answer() counts a request with those of its place where that says so, else with all others", async () => {
  const counted: string[] = [];
  const rateOf = (name: string) => ({ take: () => void counted.push(name) });
  const own = { ...answererOf("/own", () => ({ localRedirect: "/" })), guard: null, rate: rateOf("own") };
  const other = { ...answererOf("/", () => response("other")), guard: null };
  const site = {
    hosts: [],
    places: [other, own],
    rewrites: [],
    errorResponse: () => response("page"),
    fields: NO_FIELDS,
  };
  const router = new Router({ sites: new Sites([site]), rules: RULES.standard, rate: rateOf("server") });
  await router.answer(requestFor("GET", "/own/x"));
  await router.answer(requestFor("GET", "/x"));
  assertEquals(counted, ["own", "server"]);
});

Deno.test("Router.answer() notes where the path led last, and how long the guards took", async () => {
  let nowMs = 0;
  const guard = () => {
    nowMs += 30;
    return null;
  };
  const { router } = addressedRouter([guardOf("/cgi", guard)]);
  const rows: readonly (readonly [path: string, place: string, phases: string])[] = [
    ["/a", "/", ""],
    ["/w/p", "/cgi", "access 30"],
    ["/none/x", "/cgi", "access 30"],
    ["/cgi/x", "/cgi", "access 30"],
  ];
  for (const [path, place, phases] of rows) {
    const notes = new RequestNotes(() => nowMs);
    await router({ ...requestFor("GET", path), notes });
    assertEquals([path, notes.place, notes.phases], [path, place, phases]);
  }
  const redirecting = recordingRouter((request) => request.path === "/cgi/x" ? { localRedirect: "/a" } : response("x"));
  const notes = new RequestNotes(() => nowMs);
  await redirecting.router({ ...requestFor("GET", "/cgi/x"), notes });
  assertEquals(notes.place, "/");
  const refused = new RequestNotes(() => nowMs);
  const { router: guarded } = addressedRouter([guardOf("/cgi", () => {
    nowMs += 7;
    throw new HttpError(401, "No");
  })]);
  await assertRejects(async () => await guarded({ ...requestFor("GET", "/cgi/x"), notes: refused }), HttpError);
  assertEquals([refused.place, refused.phases], ["/cgi", "access 7"]);
});
