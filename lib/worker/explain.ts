/**
 * Says for one URL what a server of a configuration would answer, by the very parts that would answer it: the site and the place,
 * who may have it, the file or the program, status and fields. Nothing is started and nothing listens. I/O: looks at the disk.
 */
import { Authenticator } from "../access/authenticator.ts";
import type { Config } from "../config/config.ts";
import type { PlaceConfig } from "../config/sites_config.ts";
import { accessOf, hostsText, prefixText, type Said, sourceText } from "../config/sites_text.ts";
import type { ScriptLocation } from "../gateway/meta_variables.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { cutPath, type Located } from "../http/located.ts";
import { EMPTY_BODY, HttpError, type HttpRequest, type HttpResponse, reasonPhrase } from "../http/message.ts";
import { WHOLE } from "../net/listen_address.ts";
import { OwnFields } from "../http/own_fields.ts";
import { parseAuthority, parseTarget, type Target } from "../http/target.ts";
import { Router } from "../site/router.ts";
import { isChallenge } from "../site/redirect_to_https.ts";
import { Sites } from "../site/sites.ts";
import { statusDocumentName } from "../status/status_answer.ts";
import { createFileMemory } from "../static/file_memory.ts";
import { type Given, quoted, UsageError } from "../start_error.ts";
import { createAnswerers, createSites, operatorFields, withHsts } from "./build_site.ts";

/** Lines, each ends in a line feed. Throws UsageError for what is no URL of http, https, ws or wss. */
export async function explain(given: Given, config: Config): Promise<string> {
  const isWebSocket = /^wss?:\/\//i.test(given.value);
  const url = isWebSocket ? { ...given, value: given.value.replace(/^ws/i, "http") } : given;
  const target = parseUrl(url);
  const host = parseAuthority(target.authority ?? "")?.host ?? "";
  const { sites, list, seen } = createRecordingSites(config);
  const site = config.sites[list.indexOf(sites.of(host))];
  const asked = requestFor(url, { target, host, fields: isWebSocket ? HANDSHAKE : HeaderFields.EMPTY });
  const isRedirected = config.redirectsToHttps && /^http:/i.test(url.value) && !isChallenge(asked);
  const request = isRedirected ? { ...asked, connection: { ...asked.connection, secure: true } } : asked;
  const router = new Router({ sites, rules: config.rules, rate: null });
  const answer = await answerOf(router, request);
  if (sites.find(host, target.path) === null) return lines([["site", ["none"]], ["status", [statusText(answer)]]]);
  const rules = accessOf(site, { segments: cutPath(target.path) });
  const served = seen.path === null ? rules : accessOf(site, { segments: cutPath(seen.path) });
  const isMoved = seen.path !== null && seen.path !== target.path;
  return lines([
    ["redirect", isRedirected ? ["308 to HTTPS, which answers so (--https-redirect)"] : []],
    ["site", [hostsText(site)]],
    ["place", seen.place === null ? [] : [`${prefixText(seen.place.prefix)} ${fromText(seen.place.label)}`.trim()]],
    ["source", seen.place === null ? [] : [sourceText(seen.place)]],
    ["in place", isMoved ? [`${seen.path} is served in place of ${target.path}`] : []],
    ["who may", whoTexts(isMoved ? [...rules, ...served] : rules)],
    ["answered", answererTexts(seen)],
    ["status", [seen.script === null ? statusText(answer) : "that of the program"]],
    [
      "fields",
      fieldTexts(answer, {
        ...{ config, place: seen.place, isSecure: request.connection.secure, isProgram: seen.script !== null },
      }),
    ],
  ]);
}

/** What was asked for an answer. */
interface Seen {
  place: PlaceConfig | null;
  at: Located | null;
  path: string | null;
  script: ScriptLocation | null;
}

/** The sites without their guards, which would ask for a user; what is asked last is noted, and programs do not run. */
function createRecordingSites(config: Config) {
  const seen: Seen = { place: null, at: null, path: null, script: null };
  const open = { ...config, sites: config.sites.map((site) => ({ ...site, rules: [], realms: [], requirements: [] })) };
  const runner = {
    answer: (_: HttpRequest, { script }: { readonly script: ScriptLocation }) => {
      seen.script = script;
      return Promise.resolve({ status: 200, fields: HeaderFields.EMPTY, body: EMPTY_BODY });
    },
    converse: (_: HttpRequest, { script }: { readonly script: ScriptLocation }) => {
      seen.script = script;
      return Promise.reject(new HttpError(426, "What answers a WebSocket client"));
    },
  };
  const answerers = createAnswerers(open, {
    memory: createFileMemory(config.limits),
    runner,
    forwarder: runner,
    nowMs: () => Date.now(),
    isBefore1970: () => null,
    identityOf: () => ({ uid: 0, gid: 0 }),
    part: WHOLE,
    gatherStatus: null,
    placeIndex: () => 0,
  }).map((list, site) =>
    list.map((answerer, place) => ({
      ...answerer,
      answer: (request: HttpRequest, at: Located) => {
        Object.assign(seen, { place: config.sites[site].places[place], at, path: request.path, script: null });
        return answerer.answer(request, at);
      },
    }))
  );
  const list = createSites(open, {
    answerers,
    users: open.sites.map(() => ({ realms: [], groups: new Map() })),
    authenticator: new Authenticator({
      ...{ limits: config.limits, nowMs: () => Date.now(), log: { info: () => {} } },
      checkPassword: () => Promise.resolve(false),
    }),
    errorResponseOf: () => ({ status, fields }) => ({ status, fields, body: EMPTY_BODY }),
  });
  return { seen, list, sites: new Sites(list, config) };
}

function parseUrl(url: Given): Target {
  try {
    if (/^https?:\/\//i.test(url.value)) return parseTarget("GET", url.value.replace(/#.*$/s, ""), "keep");
    if (url.value.startsWith("/")) return parseTarget("GET", url.value, "keep");
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new UsageError({ ...url, problem: `${error.status} ${reasonPhrase(error.status)}`, remedy: error.message });
  }
  const remedy = "give one such as http://example.org/a, or a path such as /a for the first site";
  throw new UsageError({ ...url, problem: "not a URL of http, https, ws or wss", remedy });
}

/** RFC 6455 4.1. */
const HANDSHAKE = HeaderFields.of(
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
);

function requestFor(
  url: Given,
  { target, host, fields }: { readonly target: Target; readonly host: string; readonly fields: HeaderFields },
): HttpRequest {
  const connection = { id: 1, remoteAddress: "127.0.0.1", remotePort: 1, localAddress: "127.0.0.1", localPort: 1 };
  return {
    ...{ method: "GET", target: url.value, version: "1.1", fields: fields.and(["Host", host]), host },
    ...{ path: target.path, query: target.query, body: EMPTY_BODY },
    connection: { ...connection, secure: /^https:/i.test(url.value) },
    signal: new AbortController().signal,
  };
}

async function answerOf(router: Router, request: HttpRequest): Promise<HttpResponse | HttpError> {
  try {
    const answer = await router.answer(request);
    await answer.body.close();
    return answer;
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
}

function statusText(answer: HttpResponse | HttpError): string {
  const text = `${answer.status} ${reasonPhrase(answer.status)}`;
  return answer instanceof HttpError ? `${text}: ${answer.message}` : text;
}

function fromText(argument: string): string {
  return argument === "" ? "" : `(${argument})`;
}

function whoTexts(said: readonly Said[]): readonly string[] {
  const texts = said.map(({ argument, text }) => `${text} ${fromText(argument)}`);
  return said.length === 0 ? ["all"] : [...new Set(texts)];
}

function answererTexts({ place, at, script }: Seen): readonly string[] {
  if (script !== null) {
    const { file, interpreter, scriptName, pathInfo } = script;
    const by = interpreter === null ? "" : ` by ${interpreter}`;
    return [`program ${file}${by}`, `SCRIPT_NAME=${scriptName} PATH_INFO=${pathInfo}`];
  }
  if (place === null || at === null) return [];
  if (place.source.kind === "status") return [statusDocumentName(at.path) ?? []].flat();
  if (place.source.kind !== "files") return [];
  const path = place.source.path.value + at.path;
  const index = path.endsWith("/") ? place.files.indexNames.find((name) => isFile(path + name)) : undefined;
  return [`file ${path}${index ?? ""}`];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** In the order in which they are sent. */
function fieldTexts(
  answer: HttpResponse | HttpError,
  { config, place, isSecure, isProgram }: {
    readonly config: Config;
    readonly place: PlaceConfig | null;
    readonly isSecure: boolean;
    readonly isProgram: boolean;
  },
): readonly string[] {
  const { fields, hstsSeconds } = place?.said ?? { fields: config.access, hstsSeconds: config.hstsSeconds };
  const own = new OwnFields(withHsts(operatorFields(fields), isSecure ? hstsSeconds : null));
  const { length } = answer instanceof HttpError ? EMPTY_BODY : answer.body;
  const isMeasured = !isProgram && !(answer instanceof HttpError) && length !== null;
  return [
    ...[...own.beside(answer.fields, answer.status), ...own.kept(answer.fields)].map(([name, value]) =>
      `${name}: ${value}`
    ),
    ...(isMeasured ? [`Content-Length: ${length}`] : []),
    ...(isProgram ? ["and those of the program"] : []),
  ];
}

/** A name once, before the first of its texts; control characters escaped. */
function lines(rows: readonly (readonly [name: string, texts: readonly string[]])[]): string {
  return rows.flatMap(([name, texts]) =>
    texts.map((text, at) => {
      const plain = text.replace(/\p{Cc}|\p{Cs}/gu, (character) => quoted(character).slice(1, -1));
      return `${(at === 0 ? name : "").padEnd(10)}${plain}\n`;
    })
  ).join("");
}
