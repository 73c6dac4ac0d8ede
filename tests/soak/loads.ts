/**
 * What the soak does to a server: each load plays one turn of something that real clients do, checks every byte of the
 * answers, and throws when one is wrong. The turns are numbered, and what a turn does follows from its number.
 */
import { assertEquals } from "@std/assert";
import type { HttpsServer } from "../https.ts";
import { RawClient } from "../raw_client.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The server that is soaked, and the client that trusts its certificates. */
export interface Site {
  readonly https: HttpsServer;
  readonly client: Deno.HttpClient;
}

export interface Load {
  readonly name: string;
  /** How many turns begin in a second; no turn of a load begins before the last one has ended. */
  readonly perSecond: number;
  readonly play: (site: Site, turn: number) => Promise<void>;
}

/** Bytes that differ from place to place, the same for the same length. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
}

const SMALL = pattern(KIB);
const LARGE = pattern(8 * MIB);
const UPLOAD = pattern(300 * KIB);

/** The files that the loads ask for. */
export const FILES: Readonly<Record<string, Uint8Array>> = { small: SMALL, large: LARGE };

/** The script that they ask: says its query, its content, or nothing for a minute. */
export const SCRIPT = `#!/bin/sh
case $QUERY_STRING in sleep) sleep 60 ;; esac
printf 'Content-Type: application/octet-stream\\n\\n'
case $REQUEST_METHOD in POST) exec cat ;; esac
printf %s "$QUERY_STRING"
`;

/** Asks, and compares the whole answer; null where the content does not matter. */
async function expectAnswer(
  { client }: Site,
  url: string,
  { want, status = 200, ...init }: RequestInit & {
    readonly want: Uint8Array | string | null;
    readonly status?: number;
  },
): Promise<void> {
  const response = await fetch(url, { ...init, client });
  const content = await response.bytes();
  assertEquals(response.status, status, url);
  if (typeof want === "string") assertEquals(new TextDecoder().decode(content), want, url);
  // A difference of megabytes is not worth printing.
  else if (want !== null && !areEqual(content, want)) throw new Error(`${url}: ${content.length} other bytes`);
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** HTTP in even turns, HTTPS in odd ones. */
function urlOf({ https }: Site, turn: number): string {
  return turn % 2 === 0 ? https.server.url : https.url;
}

async function playFiles(site: Site, turn: number): Promise<void> {
  const url = urlOf(site, turn);
  const range = { headers: { "Range": "bytes=1000-1009" }, status: 206, want: SMALL.slice(1000, 1010) };
  await Promise.all([
    expectAnswer(site, `${url}/small`, { want: SMALL }),
    expectAnswer(site, `${url}/small?${turn}`, { want: SMALL }),
    expectAnswer(site, `${url}/small`, range),
    expectAnswer(site, `${url}/none${turn}`, { status: 404, want: null }),
  ]);
}

/** A handshake each time. */
function playHandshakes(site: Site): Promise<void> {
  return expectAnswer(site, `${site.https.url}/small`, { headers: { "Connection": "close" }, want: SMALL });
}

function playDownload(site: Site, turn: number): Promise<void> {
  return expectAnswer(site, `${urlOf(site, turn)}/large`, { want: LARGE });
}

function playScript(site: Site, turn: number): Promise<void> {
  return expectAnswer(site, `${urlOf(site, turn)}/cgi/script?turn${turn}`, { want: `turn${turn}` });
}

/** With a length, or chunked, which the server spools. */
function playUpload(site: Site, turn: number): Promise<void> {
  const isChunked = turn % 4 < 2;
  const body = isChunked ? new Blob([UPLOAD]).stream() : UPLOAD;
  return expectAnswer(site, `${urlOf(site, turn)}/cgi/script`, { method: "POST", body, want: UPLOAD });
}

const HOST = "HTTP/1.1\r\nHost: localhost\r\n";

/** What a client sends before it goes away without a word. */
const ABORTED = [
  "",
  `GET /small ${HOST}`,
  `GET /large ${HOST}\r\n`,
  `GET /cgi/script?sleep ${HOST}\r\n`,
  `POST /cgi/script ${HOST}Content-Length: 1000000\r\n\r\n${"x".repeat(20_000)}`,
  `POST /cgi/script ${HOST}Transfer-Encoding: chunked\r\n\r\n4e20\r\n${"x".repeat(20_000)}\r\n`,
  `GET /small ${HOST}\r\n`.repeat(20),
  "\x16\x03\x01\x02\x00",
];

async function playAbort({ https }: Site, turn: number): Promise<void> {
  const bytes = ABORTED[(turn >> 1) % ABORTED.length];
  using client = turn % 2 === 0 ? await RawClient.connect(https.server.port()) : new RawClient(await https.connect());
  await client.send(bytes);
}

const REFUSED = [
  ["GET /small HTTP/1.1\r\n\r\n", 400],
  [`POST /cgi/script ${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  [`GET /${"a".repeat(9000)} ${HOST}Connection: close\r\n\r\n`, 414],
  [`POST /small ${HOST}Content-Length: 0\r\nConnection: close\r\n\r\n`, 405],
  [`GET /small HTTP/3.0\r\nHost: localhost\r\n\r\n`, 505],
] as const;

async function playRefusal({ https }: Site, turn: number): Promise<void> {
  const [bytes, status] = REFUSED[turn % REFUSED.length];
  using client = await RawClient.connect(https.server.port());
  await client.send(bytes);
  const { responses } = await client.receive();
  assertEquals(responses.map((response) => response.status), [status], bytes.slice(0, 100));
}

export const LOADS: readonly Load[] = [
  { name: "files", perSecond: 20, play: playFiles },
  { name: "handshakes", perSecond: 10, play: playHandshakes },
  { name: "downloads", perSecond: 2, play: playDownload },
  { name: "scripts", perSecond: 5, play: playScript },
  { name: "uploads", perSecond: 4, play: playUpload },
  { name: "aborts", perSecond: 8, play: playAbort },
  { name: "refusals", perSecond: 5, play: playRefusal },
];
