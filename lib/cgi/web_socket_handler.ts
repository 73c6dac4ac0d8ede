/**
 * What a place of WebSocket programs answers: a handshake that is right gets a program of its own, and nothing else gets
 * anything. Separate from script_handler.ts, whose programs answer requests. RFC 6455 4.2.
 */
import type { Located } from "../http/located.ts";
import { HttpError, type HttpRequest, type HttpResponse } from "../http/message.ts";
import { acceptFields, readHandshake, refuseOtherOrigins } from "../websocket/handshake.ts";
import type { Framing } from "../websocket/program_messages.ts";
import { findProgram } from "./find_script.ts";
import type { ScriptMount } from "./script_handler.ts";
import type { ScriptRunner } from "./script_runner.ts";
import { WebSocketSession } from "./web_socket_session.ts";

/** A place of such programs, and what it tells them. */
export interface WebSocketMount extends ScriptMount {
  readonly framing: Framing;
  /** Pages of which hosts may ask, beside those of the host that is asked; null: of any. */
  readonly isHost: ((name: string) => boolean) | null;
}

/**
 * Starts a program for each connection. Throws HttpError: 403 for pages of other sites, 405, 426 and 400 for what is no handshake,
 * and what `findProgram` and `ScriptRunner.converse` throw.
 */
export function createWebSocketHandler(
  mount: WebSocketMount,
  runner: Pick<ScriptRunner, "converse">,
): (request: HttpRequest, at: Located) => Promise<HttpResponse> {
  const { framing, isHost, run } = mount;
  const settings = { ...mount, isWarm: false };
  return async (request, at) => {
    const script = findProgram(at, mount);
    if (script === "folder") throw new HttpError(403, `A folder of programs: "${request.path}"`);
    const key = readHandshake(request);
    if (isHost !== null) refuseOtherOrigins(request, isHost);
    const fields = await acceptFields(key);
    const session = await runner.converse(request, { script, settings, run }, (peer, services) => {
      return new WebSocketSession(peer, { ...services, framing });
    });
    return { status: 101, fields, body: session.body, upgrade: session };
  };
}
