/** Measures the memory of connections that wait. Apart from loads.ts for the two protocols that they may speak. */
import { requestText } from "./answer.ts";
import { ask, askAndCheck, checkAnswer, closeQuietly, type Door, doorOf, openConnection } from "./ask.ts";
import type { Server } from "./fleet.ts";
import { Http2Client } from "./http2_client.ts";
import type { IdleLoad } from "./row.ts";
import type { Sample } from "./sample.ts";
import { rssOf } from "./server_use.ts";

/** Connections that are opened at the same time; less than any listen backlog. */
const OPENING_AT_ONCE = 32;
const ANSWER_MS = 20_000;
/** Connections are idle that have waited so long; what a server has needed to open them may have been given back by then. */
const IDLE_MS = 5_000;

/** One that can be asked again and again. */
interface IdleConnection {
  /** Throws Error when the answer is not the right one. */
  ask(): Promise<void>;
  close(): void;
}

/** Memory that connections add once each of them was answered and waits; ends with all of them closed. */
export async function measureIdle(load: IdleLoad, server: Server): Promise<Sample> {
  await askAndCheck(server, load.request);
  const door = await doorOf(server);
  const open = load.kind === "idle_http2" ? openHttp2 : openHttp1;
  const before = await rssOf(server);
  const connections: IdleConnection[] = [];
  const openSome = async (): Promise<void> => {
    for (let opened = 0; opened < Math.ceil(load.count / OPENING_AT_ONCE); opened += 1) {
      const connection = await open(door, load);
      connections.push(connection);
      await connection.ask();
    }
  };
  try {
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const after = await rssOf(server);
    // The one that has waited longest must be there still.
    await connections[0].ask();
    const value = (after - before) / connections.length / 1024;
    return { value, cpuUs: null, busy: null, loadBusy: null, waits: null, rssBytes: after };
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function openHttp1(door: Door, { request: { path, fields, status } }: IdleLoad): Promise<IdleConnection> {
  const text = requestText(path, `${door.hostname}:${door.port}`, fields);
  const connection = await openConnection(door);
  return {
    ask: async () => {
      const answer = await ask(connection, text);
      if (answer.status !== status) throw new Error(`An idle connection got status ${answer.status}`);
    },
    close: () => closeQuietly(connection),
  };
}

/** Over TLS, where ALPN chooses HTTP/2. */
async function openHttp2({ hostname, port, caCerts }: Door, { request }: IdleLoad): Promise<IdleConnection> {
  if (caCerts === null) throw new Error("Idle connections of HTTP/2 are those over TLS");
  const connection = await Deno.connectTls({ hostname, port, caCerts, alpnProtocols: ["h2"] });
  const { alpnProtocol } = await connection.handshake();
  if (alpnProtocol !== "h2") throw new Error(`The server chose "${alpnProtocol}" instead of "h2"`);
  const client = new Http2Client(connection, `${hostname}:${port}`);
  return {
    ask: async () => {
      const timer = setTimeout(() => connection.close(), ANSWER_MS);
      try {
        checkAnswer({ status: 200, content: await client.get(request.path) }, request);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => closeQuietly(connection),
  };
}
