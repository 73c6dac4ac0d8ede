/**
 * What the tests of lib/static/static_files.ts share: a site in a temporary folder, a handler that serves it by a clock of
 * the test's, and questions to that handler.
 */
import { assert } from "@std/assert";
import { type Field, HeaderFields } from "../lib/http/header_fields.ts";
import { locate } from "../lib/http/located.ts";
import {
  BytesBody,
  EMPTY_BODY,
  type Handler,
  HttpError,
  type HttpRequest,
  type HttpResponse,
} from "../lib/http/message.ts";
import { DEFAULT_LIMITS, type Limits } from "../lib/limits.ts";
import { RULES, type RulesName } from "../lib/rules.ts";
import { createFileMemory } from "../lib/static/file_memory.ts";
import { createStaticHandler, type StaticOptions } from "../lib/static/static_files.ts";

/** Longer than what is read whole, or kept in memory. */
export const BIG_BYTES = 3_000_000;

/** A folder to serve, and a handler that does. */
export interface Site {
  readonly root: string;
  /** Beside the root: what must never be served. */
  readonly outside: string;
  /** Later than every change of a file by more than a second, unless a test sets it. */
  nowMs: number;
  handler(options?: HandlerOptions): Handler;
}

/** What differs from the defaults. */
export interface HandlerOptions extends Partial<Omit<StaticOptions, "limits" | "rules" | "nowMs" | "memory">> {
  readonly limits?: Partial<Limits>;
  readonly rules?: RulesName;
}

/** Runs the test with a site of its own, and removes it. */
export async function withSite(test: (site: Site) => Promise<void> | void): Promise<void> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "static_files_test_" }));
  const site: Site = {
    root: `${folder}/root`,
    outside: `${folder}/outside`,
    nowMs: Date.now() + 60_000,
    handler: ({ limits: given, rules = "standard", ...options } = {}) => {
      const limits = { ...DEFAULT_LIMITS, ...given };
      const memory = createFileMemory(limits);
      const files = createStaticHandler({
        ...{ root: site.root, listing: false, ...options, limits, memory, rules: RULES[rules] },
        nowMs: () => site.nowMs,
      });
      return (request) => {
        const at = locate(request.path);
        return files.recall(request, at) ?? files.answer(request, at);
      };
    },
  };
  try {
    for (const path of [site.root, site.outside]) Deno.mkdirSync(path);
    Deno.writeTextFileSync(`${site.outside}/secret.txt`, "secret");
    await test(site);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

interface RequestOptions {
  readonly method?: string;
  readonly target?: string;
  readonly content?: string;
}

/** A GET of that path, unless the options say otherwise. */
export function makeRequest(path: string, fields: readonly Field[] = [], options: RequestOptions = {}): HttpRequest {
  return {
    method: options.method ?? "GET",
    target: options.target ?? path,
    version: "1.1",
    fields: HeaderFields.of(...fields),
    path,
    query: "",
    host: "",
    body: options.content === undefined ? EMPTY_BODY : new BytesBody(encode(options.content)),
    connection: { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false },
    signal: new AbortController().signal,
  };
}

/** The answer; HttpError as the handler throws it. */
export async function respond(handler: Handler, request: HttpRequest): Promise<HttpResponse> {
  const response = await handler(request);
  assert("status" in response);
  return response;
}

/** The answer as a whole: status, fields and content; an HttpError as its status and fields. The body is closed. */
export async function ask(
  handler: Handler,
  path: string,
  fields: readonly Field[] = [],
  options: RequestOptions = {},
): Promise<{ status: number; fields: HeaderFields; text: string; length: number | null }> {
  let response: HttpResponse;
  try {
    response = await respond(handler, makeRequest(path, fields, options));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { status: error.status, fields: error.fields, text: "", length: 0 };
  }
  const { status, body } = response;
  const text = options.method === "HEAD" ? "" : decode(await readAll(body));
  await body.close();
  return { status, fields: response.fields, text, length: body.length };
}

/** All of the content. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  // A chunk is valid until the next is asked for.
  for await (const chunk of chunks) copies.push(chunk.slice());
  const all = new Uint8Array(copies.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const copy of copies) {
    all.set(copy, at);
    at += copy.length;
  }
  return all;
}

/** UTF-8. */
export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** UTF-8, with a mark for what is none. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes that differ from place to place, so that a wrong offset shows. */
export function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
