import { assertEquals } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { locate, type Located } from "../http/located.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse, NotThere } from "../http/message.ts";
import { RULES } from "../rules.ts";
import { createFilesAnswer } from "./files_answer.ts";

function response(name: string): HttpResponse {
  return { status: 200, fields: HeaderFields.of(["X-From", name]), body: EMPTY_BODY };
}

function requestFor(method: string, path: string): HttpRequest {
  return {
    ...{
      method,
      target: path,
      version: "1.1",
      fields: HeaderFields.EMPTY,
      path,
      query: "",
      host: "",
      body: EMPTY_BODY,
    },
    connection: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

/** Files of which "/known" is in memory; programs at "/x.sh", where there are any. */
function answerFor(rules: keyof typeof RULES, hasScripts: boolean, hasFallback = false) {
  const files = {
    recall: ({ method }: HttpRequest, at: Located) =>
      (method === "GET" || method === "HEAD") && at.path === "/known" ? response("memory") : null,
    answer: () => Promise.resolve(response("files")),
    isThere: (at: Located) => at.path !== "/none",
  };
  const scripts = (_: HttpRequest, at: Located) => at.path === "/x.sh" ? Promise.resolve(response("script")) : null;
  return createFilesAnswer({ files, scripts: hasScripts ? scripts : null, rules: RULES[rules], hasFallback });
}

const TABLE: readonly (readonly [method: string, path: string, want: string, withoutScripts: string])[] = [
  ["GET", "/known", "200 memory", "200 memory"],
  ["HEAD", "/known", "200 memory", "200 memory"],
  ["POST", "/known", "200 files", "200 files"],
  ["GET", "/a", "200 files", "200 files"],
  ["GET", "/x.sh", "200 script", "200 files"],
  ["POST", "/x.sh", "200 script", "200 files"],
  ["PUT", "/x.sh", "200 script", "501"],
  ["PUT", "/a", "501", "501"],
  ["OPTIONS", "/x.sh", "200 script", "200 GET, HEAD, OPTIONS"],
  ["OPTIONS", "/a", "200 GET, HEAD, OPTIONS", "200 GET, HEAD, OPTIONS"],
];

for (const [method, path, ...wanted] of TABLE) {
  Deno.test(`createFilesAnswer() finds who answers ${method} ${path}`, async () => {
    for (const [index, hasScripts] of [true, false].entries()) {
      let got: string;
      try {
        const answer = await answerFor("standard", hasScripts)(requestFor(method, path), locate(path));
        if ("localRedirect" in answer) throw new Error("A local redirect");
        got = `${answer.status} ${answer.fields.get("X-From") ?? answer.fields.get("Allow")}`;
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        got = `${error.status}`;
      }
      assertEquals(got, wanted[index]);
    }
  });
}

Deno.test("createFilesAnswer() answers from memory without a promise", () => {
  const answer = answerFor("standard", true)(requestFor("GET", "/known"), locate("/known"));
  assertEquals("status" in answer && answer.status, 200);
});

Deno.test("createFilesAnswer() leaves to a fallback what is not there, by methods that files do not have", async () => {
  const table = [["POST", "/none"], ["PUT", "/none"], ["OPTIONS", "/none"], ["POST", "/a"], ["PUT", "/x.sh"], [
    "GET",
    "/none",
  ]];
  const got = await Promise.all(table.map(async ([method, path]) => {
    try {
      const answer = await answerFor("standard", true, true)(requestFor(method, path), locate(path));
      return "fields" in answer ? answer.fields.get("X-From") : null;
    } catch (error) {
      return error instanceof NotThere ? "not there" : error;
    }
  }));
  // Whoever is asked for a file finds out by himself.
  assertEquals(got, ["not there", "not there", "not there", "files", "script", "files"]);
});
