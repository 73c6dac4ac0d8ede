import { assertEquals, assertRejects } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import {
  BytesBody,
  EMPTY_BODY,
  type Handler,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type LocalRedirect,
} from "../http/message.ts";
import { RULES } from "../rules.ts";
import { createRouter, type RoutedRequest, type Routes } from "./router.ts";

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
    body: new BytesBody(new Uint8Array(5)),
    connection: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

const files: Handler = () => Promise.resolve(response("files"));

function scriptsBelow(prefix: string, handle: Handler) {
  return { isScriptPath: (path: string) => path.startsWith(prefix), handle };
}

/** Who answers, and with which status. */
async function ask(method: string, path: string, rules: keyof typeof RULES, prefix: string | null): Promise<string> {
  const scripts = prefix === null ? null : scriptsBelow(prefix, () => Promise.resolve(response("script")));
  try {
    const { status, fields } = await createRouter({ rules: RULES[rules], files, scripts })(requestFor(method, path));
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
  ["GET", "/cgi", "200 files", "200 files"],
  ["GET", "/cgix/a", "200 files", "200 files"],
  ["PUT", "/cgi/a", "501", "200 script"],
  ["OPTIONS", "/cgi/a", "501", "200 script"],
  ["PUT", "/a", "501", "501"],
  ["DELETE", "/nothing", "501", "501"],
  ["get", "/a", "501", "501"],
  ["OPTIONS", "/a", "501", "204 GET, HEAD, OPTIONS"],
  ["OPTIONS", "*", "501", "204 GET, HEAD, OPTIONS"],
  ["CONNECT", "", "501", "501"],
];

for (const [method, path, course, standard] of ROUTES) {
  Deno.test(`createRouter() finds who answers ${method} ${path || "a host"}`, async () => {
    assertEquals(await ask(method, path, "course", "/cgi/"), course);
    assertEquals(await ask(method, path, "standard", "/cgi/"), standard);
  });
}

Deno.test("createRouter() gives all to the files when there are no scripts", async () => {
  assertEquals(await ask("GET", "/cgi/a", "standard", null), "200 files");
  assertEquals(await ask("PUT", "/cgi/a", "standard", null), "501");
});

/** A router whose scripts answer by `answer`; records the requests that files and scripts get. */
function recordingRouter(
  answer: (request: HttpRequest) => HttpResponse | LocalRedirect,
  guard: Routes["guard"] = null,
) {
  const seen: HttpRequest[] = [];
  const record = (handler: (request: HttpRequest) => HttpResponse | LocalRedirect): Handler => (request) => {
    seen.push(request);
    return Promise.resolve(handler(request));
  };
  const scripts = { isScriptPath: (path: string) => path.startsWith("/cgi/"), handle: record(answer) };
  return {
    seen,
    router: createRouter({ rules: RULES.standard, files: record(() => response("files")), scripts, guard }),
  };
}

Deno.test("createRouter() follows a local redirect with GET and without content", async () => {
  const { seen, router } = recordingRouter(() => ({ localRedirect: "/a%20b?e" }));
  const { fields } = await router(requestFor("POST", "/cgi/x"));
  assertEquals(fields.get("X-From"), "files");
  const { method, target, path, query, host, body, fields: sent } = seen[1];
  assertEquals([method, target, path, query, host], ["GET", "/a%20b?e", "/a b", "e", "a"]);
  assertEquals([...sent], [["Host", "a"], ["Cookie", "c"]]);
  assertEquals(body, EMPTY_BODY);
  await router(requestFor("HEAD", "/cgi/x"));
  assertEquals(seen[3].method, "HEAD");
});

Deno.test("createRouter() follows five local redirects in a row and answers 500 to the sixth", async () => {
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
  Deno.test(`createRouter() answers 500 when a script redirects to ${JSON.stringify(location)}`, async () => {
    const { seen, router } = recordingRouter(() => ({ localRedirect: location }));
    const { status, message } = await assertRejects(async () => await router(requestFor("GET", "/cgi/x")), HttpError);
    assertEquals([status, message], [500, `Malformed local redirect of "/cgi/x": ${JSON.stringify(location)}`]);
    assertEquals(seen.length, 1);
  });
}

Deno.test("createRouter() asks the guard for each path that it answers, and passes the user on", async () => {
  const scriptUsers: unknown[] = [];
  const answer = (request: HttpRequest) => {
    scriptUsers.push(request.user);
    return { localRedirect: "/private" };
  };
  const { router, seen } = recordingRouter(answer, (request) => {
    if (request.path === "/forbidden") throw new HttpError(403, "No");
    return Promise.resolve(request.path === "/private" ? { name: "eva", scheme: "Basic" } : null);
  });
  const request: RoutedRequest = requestFor("GET", "/cgi/x");
  await router(request);
  assertEquals(scriptUsers, [null]);
  assertEquals([seen[1].path, seen[1].user?.name, request.user?.name], ["/private", "eva", "eva"]);
  await assertRejects(async () => await router(requestFor("GET", "/forbidden")), HttpError);
  assertEquals(seen.length, 2);
});
