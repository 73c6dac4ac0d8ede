/**
 * What users of other CGI hosts have met, end to end over HTTP and HTTPS: heads that are odd but meant well, fields that operator and
 * program both set, what a proxy says of ports, and bytes that are no text. RFC 3875.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { probe, SCRIPTS } from "./cgi/running_scripts.ts";
import { HttpsServer } from "./https.ts";
import { RawClient } from "./raw_client.ts";
import { fieldValues, type RawResponse, toText } from "./raw_http.ts";

const SCHEMES = ["http", "https"] as const;
type Scheme = (typeof SCHEMES)[number];

/** A server that runs the probe on both ports. */
function start(...args: readonly string[]): Promise<HttpsServer> {
  return HttpsServer.start({ args: ["--cgi", SCRIPTS, ...args] });
}

/** The one answer to a request whose bytes are `text`, one a character; Host is there. */
async function ask(
  https: HttpsServer,
  scheme: Scheme,
  { target, method = "GET", fields = [], host = "localhost" }: {
    readonly target: string;
    readonly method?: string;
    readonly fields?: readonly string[];
    readonly host?: string;
  },
): Promise<RawResponse> {
  using client = scheme === "http"
    ? await RawClient.connect(https.server.port())
    : new RawClient(await https.connect());
  const text = `${[`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields].join("\r\n")}\r\n\r\n`;
  await client.send(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  const { responses } = await client.receive({ count: 1 });
  return responses[0];
}

/** All fields but those that the server adds to each answer or to a file, as lines. */
function fieldsOf({ fields }: RawResponse): string[] {
  const own =
    /^(date|server|connection|content-length|transfer-encoding|x-content-type-options|last-modified|accept-ranges|etag)$/i;
  return fields.filter(([name]) => !own.test(name)).map(([name, value]) => `${name}: ${value}`);
}

/** What the probe tells of its environment. */
function variablesIn(response: RawResponse): ReadonlyMap<string, string> {
  return new Map(
    toText(response.body).trimEnd().split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

const TEXT = "Content-Type: text/plain\n";

/** What the probe prints, and what the client gets: status, fields and content. */
const HEADS: readonly (readonly [out: string, status: number, fields: readonly string[], content: string])[] = [
  [
    "Location: /index.html\n\n",
    200,
    ["Content-Type: text/html; charset=utf-8"],
    "<!doctype html><title>Test</title>\n",
  ],
  ["Set-Cookie: s=1\nLocation: /x\n\n", 302, ["Set-Cookie: s=1", "Location: /x"], ""],
  [`${TEXT}Location: /x\n\nmoved`, 302, ["Content-Type: text/plain", "Location: /x"], "moved"],
  ["Location: /x#part\n\n", 302, ["Location: /x#part"], ""],
  ["Location: /a b.txt\n\n", 302, ["Location: /a b.txt"], ""],
  ["Location: /%zz\n\n", 302, ["Location: /%zz"], ""],
  // The bytes of UTF-8, as parts of Latin-1 text.
  ["Location: /caf\u00e9\n\n", 302, ["Location: /caf\xc3\xa9"], ""],
  ["X-A: 1\n\nhello", 200, ["X-A: 1"], "hello"],
  [`${TEXT}${TEXT}\nhello`, 200, ["Content-Type: text/plain"], "hello"],
  [`${TEXT}Content-Length:\n\nhello`, 200, ["Content-Type: text/plain"], "hello"],
  [`${TEXT}Content-Length: 5\nContent-Length: 5\n\nhello`, 200, ["Content-Type: text/plain"], "hello"],
];

Deno.test("heads that every host takes are taken, and a Location is for whom it can be for", async () => {
  await using https = await start();
  for (const scheme of SCHEMES) {
    for (const [out, ...want] of HEADS) {
      const response = await ask(https, scheme, { target: probe("print", { out }) });
      const content = toText(response.body);
      assertEquals([scheme, out, response.status, fieldsOf(response), content], [scheme, out, ...want]);
    }
  }
});

Deno.test("a status without a meaning is the client's to make something of", async () => {
  await using https = await start();
  for (const scheme of SCHEMES) {
    using client = scheme === "http"
      ? await RawClient.connect(https.server.port())
      : new RawClient(await https.connect());
    const target = probe("print", { out: `Status: 600 Odd\n${TEXT}\nhello` });
    await client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assertEquals((await client.receiveThrough("\r\n")).trimEnd(), "HTTP/1.1 600 Odd");
  }
});

/** Heads that contradict themselves, and the reason in the log. */
const CONTRADICTIONS: readonly (readonly [out: string, reason: RegExp])[] = [
  [`${TEXT}Content-Length: 4\nContent-Length: 5\n\nhello`, /has "4" and "5" as content-length/],
  [`${TEXT}Content-Type: text/html\n\nhello`, /has "text\/plain" and "text\/html" as content-type/],
  ["Status: 200\nStatus: 404\n\n", /has "200" and "404" as status/],
  ["\nhello", /The head that the script printed is empty/],
];

Deno.test("a head that contradicts itself is answered 500, and the log says why", async () => {
  await using https = await start();
  for (const scheme of SCHEMES) {
    for (const [out, reason] of CONTRADICTIONS) {
      assertEquals([out, (await ask(https, scheme, { target: probe("print", { out }) })).status], [out, 500]);
      await https.server.waitForLog((log) => reason.test(log));
    }
  }
});

/** Fields of the program, and all of those names in the answer. */
const BOTH_SET: readonly (readonly [out: string, want: readonly string[]])[] = [
  ["", ["no-cache", "nosniff", "DENY"]],
  ["Cache-Control: max-age=5\n", ["max-age=5", "nosniff", "DENY"]],
  ["cache-control: a\nCache-Control: b\n", ["a", "b", "nosniff", "DENY"]],
  ["X-Content-Type-Options: own\n", ["no-cache", "own", "DENY"]],
  ["X-Frame-Options: SAMEORIGIN\n", ["no-cache", "nosniff", "DENY"]],
];

Deno.test("a field that operator and program both set is sent as the program has it, unless it is always the operator's", async () => {
  const fields = ["--header", "Cache-Control: no-cache", "--header", "always X-Frame-Options: DENY"];
  await using https = await start("--hsts", "100", ...fields);
  const valuesOf = (response: RawResponse, ...names: readonly string[]) =>
    names.flatMap((name) => fieldValues(response, name));
  for (const scheme of SCHEMES) {
    for (const [out, want] of BOTH_SET) {
      const response = await ask(https, scheme, { target: probe("print", { out: `${TEXT}${out}\n` }) });
      const found = valuesOf(response, "Cache-Control", "X-Content-Type-Options", "X-Frame-Options");
      assertEquals([scheme, out, ...found], [scheme, out, ...want]);
    }
  }
  const own = probe("print", { out: `${TEXT}Strict-Transport-Security: max-age=5\n\n` });
  const answers = [await ask(https, "https", { target: own }), await ask(https, "https", { target: "/index.html" })];
  assertEquals(answers.map((answer) => valuesOf(answer, "Strict-Transport-Security")), [["max-age=5"], [
    "max-age=100",
  ]]);
});

/** What a trusted proxy says, and SERVER_PORT, HTTPS and REMOTE_PORT; "own": the port of the socket. */
const FORWARDED:
  readonly (readonly [host: string, fields: readonly string[], want: readonly (string | undefined)[]])[] = [
    ["h.example", ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], ["443", "on", undefined]],
    ["h.example:8443", ["X-Forwarded-For: 192.0.2.1:4711", "X-Forwarded-Proto: https"], ["8443", "on", "4711"]],
    ["h.example", ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"], ["80", undefined, undefined]],
    ["h.example", ["X-Forwarded-Proto: https", "X-Forwarded-Port: 4711"], ["4711", "on", "some"]],
    ["h.example:8443", [], ["own", "own", "some"]],
  ];

Deno.test("a program is told the port that the proxy was asked on, and no port of a client that is not known", async () => {
  await using https = await start("--proxy", "127.0.0.1");
  for (const scheme of SCHEMES) {
    for (const [host, fields, want] of FORWARDED) {
      const variables = variablesIn(await ask(https, scheme, { target: "/cgi/probe", host, fields }));
      const own = [String(https.server.port(scheme)), scheme === "https" ? "on" : undefined];
      const [port, secure, remotePort] = ["SERVER_PORT", "HTTPS", "REMOTE_PORT"].map((name) => variables.get(name));
      assertEquals([scheme, host, ...fields, port, secure], [
        ...[scheme, host, ...fields],
        ...want.slice(0, 2).map((text, at) => text === "own" ? own[at] : text),
      ]);
      if (want[2] === "some") assertMatch(remotePort ?? "", /^[1-9]\d*$/);
      else assertEquals(remotePort, want[2]);
    }
  }
});

Deno.test("bytes that are not UTF-8 reach the program, and name no file", async () => {
  await using https = await start("--cgi-handler", ".x=/bin/cat");
  for (const scheme of SCHEMES) {
    const fields = ["X-Name: M\xfcller", "Cookie: a=\xe9; b=\xc3\xa9"];
    const variables = variablesIn(await ask(https, scheme, { target: "/cgi/probe/caf%E9/%C3%A9", fields }));
    const names = ["PATH_INFO", "PATH_TRANSLATED", "HTTP_X_NAME", "HTTP_COOKIE", "REQUEST_URI"];
    assertEquals(names.map((name) => variables.get(name)), [
      ...["/caf\xe9/\xc3\xa9", `${https.server.place.root}/caf\xe9/\xc3\xa9`, "M\xfcller", "a=\xe9; b=\xc3\xa9"],
      "/cgi/probe/caf%E9/%C3%A9",
    ]);
    const words = variablesIn(await ask(https, scheme, { target: "/cgi/probe?caf%E9+b" }));
    assertEquals(words.get("arguments"), "caf\xe9 b");
    // The name that the runtime would ask the system for.
    for (const name of ["caf\ufffd", "caf\ufffd.x"]) {
      await Deno.writeTextFile(`${https.server.place.root}/${name}`, "other");
    }
    for (const target of ["/caf%E9", "/caf%E9/", "/caf%E9.x", "/cgi/pro%E9be", "/cgi/%C0%AE%C0%AE/probe"]) {
      assertEquals([target, (await ask(https, scheme, { target })).status], [target, 404]);
    }
    assertEquals((await ask(https, scheme, { target: "/caf%EF%BF%BD" })).status, 200);
  }
});

Deno.test("a method that a client chose is no error, and a script that cannot be started is one line with the reason", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/missing`, "#!/usr/bin/python4\n", { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/crlf`, "#!/bin/sh\r\necho\r\n", { mode: 0o755 });
  await using https = await HttpsServer.start({ args: ["--cgi", folder] });
  for (const scheme of SCHEMES) {
    for (const method of ["PUT", "PROPFIND"]) {
      assertEquals((await ask(https, scheme, { method, target: "/index.html" })).status, 501);
    }
    for (const target of ["/cgi/missing", "/cgi/crlf"]) {
      assertEquals((await ask(https, scheme, { target })).status, 500);
    }
  }
  const { server } = https;
  await server.stop();
  const errors = server.logText().split("\n").filter((line) => / (WARN|ERROR) (GET|PUT|PROPFIND)|^ {4}/.test(line));
  assertEquals(
    errors.map((line) => line.slice(line.indexOf("ERROR")).replace(/ \(request \S+\)$/, "")),
    SCHEMES.flatMap(() => [
      `ERROR GET /cgi/missing: Cannot start "${folder}/missing": its first line is "#!/usr/bin/python4", and there is no such program`,
      `ERROR GET /cgi/crlf: Cannot start "${folder}/crlf": its first line "#!/bin/sh" ends in CR LF and must end in LF alone`,
    ]),
  );
  await Deno.remove(folder, { recursive: true });
});
