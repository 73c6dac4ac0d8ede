import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { locate } from "../http/located.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse } from "../http/message.ts";
import { exampleParts } from "../../tests/example_status.ts";
import { createStatusAnswer } from "./status_answer.ts";

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly address?: string;
  readonly fields?: readonly (readonly [string, string])[];
}

const answer = createStatusAnswer(() => Promise.resolve(exampleParts()));

function ask({ path = "/s/", method = "GET", address = "127.0.0.1", fields = [] }: Asked): Promise<HttpResponse> {
  const connection = { id: 1, remoteAddress: address, remotePort: 1, localAddress: "", localPort: 1, secure: false };
  const request: HttpRequest = {
    ...{ method, target: path, version: "1.1", fields: HeaderFields.of(...fields), path, query: "", host: "" },
    ...{ body: EMPTY_BODY, connection, signal: new AbortController().signal },
  };
  return answer(request, locate(path, undefined, 1));
}

function textOf({ body }: HttpResponse): string {
  return new TextDecoder().decode(body.bytes);
}

Deno.test("a status place has a page, JSON and metrics, which nobody keeps", async () => {
  const table: readonly (readonly [path: string, type: string, start: string])[] = [
    ["/s/", "text/html; charset=utf-8", "<!DOCTYPE html>"],
    ["/s/json", "application/json", '{"version":"1.0.0"'],
    ["/s/metrics", "text/plain; version=0.0.4; charset=utf-8", "# HELP lisod_build_info"],
  ];
  for (const [path, type, start] of table) {
    const response = await ask({ path });
    assertEquals([response.status, response.fields.get("content-type")], [200, type]);
    assertEquals(response.fields.get("cache-control"), "no-store");
    assertEquals(textOf(response).slice(0, start.length), start);
  }
  const open = await ask({ path: "/s/metrics", fields: [["Accept", "application/openmetrics-text;version=1.0.0"]] });
  assertStringIncludes(open.fields.get("content-type") ?? "", "openmetrics");
  assertEquals(textOf(open).slice(-6), "# EOF\n");
});

Deno.test("a status place without its slash leads to itself, and has nothing else", async () => {
  const { status, fields } = await ask({ path: "/s" });
  assertEquals([status, fields.get("location")], [301, "/s/"]);
  for (const path of ["/s/x", "/s/json/", "/s/json/x"]) {
    assertEquals((await assertRejects(() => ask({ path }), HttpError)).status, 404, path);
  }
});

Deno.test("a status place takes GET and HEAD", async () => {
  assertEquals((await ask({ method: "HEAD" })).status, 200);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const error = await assertRejects(() => ask({ method }), HttpError);
    assertEquals([error.status, error.fields.get("allow")], [405, "GET, HEAD"]);
  }
});

Deno.test("a status place does not take clients of a proxy that is not named for those of the machine", async () => {
  const table: readonly (readonly [field: readonly [string, string], isRefused: boolean])[] = [
    [["X-Forwarded-For", "192.0.2.7"], true],
    [["X-Forwarded-For", "127.0.0.1, 192.0.2.7"], true],
    [["X-Forwarded-For", "::ffff:192.0.2.7"], true],
    [["X-Forwarded-For", "unknown"], true],
    [["X-Real-IP", "2001:db8::1"], true],
    [["Forwarded", 'for="[2001:db8::1]";proto=https'], true],
    [["Forwarded", "proto=https;for=192.0.2.7"], true],
    [["X-Forwarded-For", "127.0.0.1, ::1"], false],
    [["Forwarded", "for=127.0.0.1;proto=https"], false],
    [["X-Forwarded-For", ""], false],
    [["X-Forwarded-Proto", "https"], false],
  ];
  for (const [field, isRefused] of table) {
    if (isRefused) {
      assertEquals((await assertRejects(() => ask({ fields: [field] }), HttpError)).status, 403, field.join());
    } else assertEquals((await ask({ fields: [field] })).status, 200, field.join());
    // Rules have let this one in.
    assertEquals((await ask({ address: "192.0.2.9", fields: [field] })).status, 200);
  }
});
