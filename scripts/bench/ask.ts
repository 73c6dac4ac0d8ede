/** Asks a server once, as a load will, and refuses an answer that is not the right one. */
import { type Answer, readAnswer, requestText } from "./answer.ts";
import type { Server } from "./fleet.ts";
import type { RequestShape } from "./row.ts";
import { expectedBytes } from "./site.ts";

const ASK_MS = 20_000;

/** A request as it goes out: the shape's path with the fields that the server's validators added. */
export interface CheckedRequest {
  readonly url: string;
  readonly fields: RequestShape["fields"];
  /** Bytes of one right answer on the connection, TLS not counted. */
  readonly wireBytes: number;
}

/** Where and how a server is reached. */
export interface Door {
  readonly hostname: string;
  readonly port: number;
  /** Certificates to trust; null over plain TCP. */
  readonly caCerts: string[] | null;
}

/** The HTTPS door of a server that was started with TLS, else the HTTP one. */
export async function doorOf({ place }: Server): Promise<Door> {
  const hostname = "127.0.0.1";
  if (!place.switches.has("tls")) return { hostname, port: place.httpPort, caCerts: null };
  return { hostname, port: place.httpsPort, caCerts: [await Deno.readTextFile(place.certificate)] };
}

/** A new connection; the caller closes it. */
export function openConnection({ hostname, port, caCerts }: Door): Promise<Deno.Conn> {
  return caCerts === null ? Deno.connect({ hostname, port }) : Deno.connectTls({ hostname, port, caCerts });
}

/** Sends a GET and reads its answer. Both together take ASK_MS at most, else Error. */
export async function ask(connection: Deno.Conn, request: string): Promise<Answer> {
  const bytes = new TextEncoder().encode(request);
  const timer = setTimeout(() => connection.close(), ASK_MS);
  try {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    return await readAnswer(connection);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Sends the request of a row to a server over a new connection and gives back what a load needs to send the same. Throws
 * Error when status, length or content is not what the row expects.
 */
export async function askAndCheck(server: Server, shape: RequestShape): Promise<CheckedRequest> {
  const door = await doorOf(server);
  const host = `${door.hostname}:${door.port}`;
  const validators = shape.isConditional ? await askValidators(door, shape) : [];
  const fields = [...shape.fields, ...validators];
  const connection = await openConnection(door);
  try {
    const answer = await ask(connection, requestText(shape.path, host, fields));
    checkAnswer({ ...answer, content: await decodeContent(answer, shape) }, shape);
    const url = `${door.caCerts === null ? "http" : "https"}://${host}${shape.path}`;
    return { url, fields, wireBytes: answer.wireBytes };
  } finally {
    closeQuietly(connection);
  }
}

/** The content without its coding. Throws Error where that is another one than the row is about. */
export async function decodeContent(
  { fields, content }: Pick<Answer, "fields" | "content">,
  { path, coding }: Pick<RequestShape, "path" | "coding">,
): Promise<Uint8Array> {
  const found = fields.get("content-encoding");
  if (found !== coding) throw new Error(`GET ${path} got the coding "${found}" instead of "${coding}"`);
  if (coding === undefined) return content;
  const decoded = new Blob([content.slice()]).stream().pipeThrough(new DecompressionStream(coding));
  return await new Response(decoded).bytes();
}

/** The fields with which a browser asks whether its copy is still good. */
async function askValidators(door: Door, shape: RequestShape): Promise<RequestShape["fields"]> {
  const connection = await openConnection(door);
  try {
    const { fields } = await ask(connection, requestText(shape.path, `${door.hostname}:${door.port}`, shape.fields));
    const etag = fields.get("etag");
    const modified = fields.get("last-modified");
    if (etag === undefined || modified === undefined) throw new Error("The answer lacks ETag or Last-Modified");
    return [["If-None-Match", etag], ["If-Modified-Since", modified]];
  } finally {
    closeQuietly(connection);
  }
}

/** Throws Error unless the answer is the one that the row is about. */
export function checkAnswer(
  answer: Pick<Answer, "status" | "content">,
  { path, status, content }: Pick<RequestShape, "path" | "status" | "content">,
): void {
  if (answer.status !== status) throw new Error(`GET ${path} got status ${answer.status} instead of ${status}`);
  if ("holds" in content) {
    if (new TextDecoder().decode(answer.content).includes(content.holds)) return;
    throw new Error(`GET ${path} got ${answer.content.length} bytes without "${content.holds}"`);
  }
  const wanted = expectedBytes(content);
  if (answer.content.length !== wanted.length) {
    throw new Error(`GET ${path} got ${answer.content.length} bytes instead of ${wanted.length}`);
  }
  const different = answer.content.findIndex((byte, index) => byte !== wanted[index]);
  if (different >= 0) throw new Error(`GET ${path} got wrong content from byte ${different} on`);
}

/** Closes a connection that may be closed already: after a timeout of ask() it is. */
export function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
