/** Has Chromium load a page again and again, each time as somebody who was never there: no cache, no connection, no TLS session. */
import { X509Certificate } from "node:crypto";
import { askAndCheck } from "./ask.ts";
import { Chromium } from "./chromium.ts";
import { FarDoor } from "./far_door.ts";
import type { Server } from "./fleet.ts";
import { checkPageLoad, IMAGE_COUNT, PAGE_LOAD_SCRIPT, type PageLoad } from "./page.ts";
import type { PageRowLoad } from "./row.ts";
import type { Sample } from "./sample.ts";
import { emptyLog, rssOf, runWithCpu } from "./server_use.ts";
import { spreadOf } from "./statistics.ts";

/** Not counted: a new browser compiles and starts much for its first pages. */
const WARM_LOADS = 5;

/** The value is the median of the loads that began within `seconds`. Throws Error when anything of a page did not come. */
export async function measurePage(
  { request, roundTripMs }: PageRowLoad,
  server: Server,
  seconds: number,
): Promise<Sample> {
  const { url } = await askAndCheck(server, request);
  if (roundTripMs === 0) return await measureUrl(url, server, seconds);
  const port = server.place.httpsPort;
  await using door = new FarDoor({ port, roundTripMs });
  return await measureUrl(url.replace(`:${port}/`, `:${door.port}/`), server, seconds);
}

async function measureUrl(url: string, server: Server, seconds: number): Promise<Sample> {
  // Trusted as a certificate is that somebody has paid for: one that a user lets pass costs a second handshake.
  const { site: folder, certificate } = server.place;
  await using chromium = await Chromium.launch({ folder, keyHash: await hashKey(certificate) });
  const protocol = server.peer.name === "lisod-plain" ? "http/1.1" : "h2";
  const load = async (): Promise<number> => {
    const page = await chromium.loadPage(url, PAGE_LOAD_SCRIPT) as PageLoad;
    checkPageLoad(page, protocol);
    return page.loadMs;
  };
  for (let count = 0; count < WARM_LOADS; count += 1) await load();
  const { report: loads, cpuUs } = await runWithCpu(server, async () => {
    const times: number[] = [];
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) times.push(await load());
    return times;
  });
  await emptyLog(server);
  return {
    value: spreadOf(loads).median,
    // A handshake, or six, among it.
    cpuUs: cpuUs / (loads.length * (1 + IMAGE_COUNT)),
    ...{ busy: null, loadBusy: null, waits: null, rssBytes: await rssOf(server) },
  };
}

/** SHA-256 of the public key of a certificate in PEM, in Base64, as Chromium takes it. */
async function hashKey(path: string): Promise<string> {
  const { publicKey } = new X509Certificate(await Deno.readTextFile(path));
  const der = publicKey.export({ type: "spki", format: "der" });
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(der))).toBase64();
}
