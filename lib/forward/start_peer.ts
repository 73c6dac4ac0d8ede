/** From a request to its peer on a connection: one for each protocol. Separate from forwarder.ts, which knows none of them. */
import { basename } from "@std/path";
import type { ScriptLog } from "../child/child_log.ts";
import { metaVariables, type MetaVariableSettings, type ScriptLocation } from "../gateway/meta_variables.ts";
import type { HttpRequest } from "../http/message.ts";
import type { Limits } from "../limits.ts";
import { asksForWebSocket } from "../websocket/handshake.ts";
import { FastCgiPeer } from "./fastcgi_peer.ts";
import type { ForwardPeer } from "./forward_peer.ts";
import { HttpPeer } from "./http_peer.ts";
import { upstreamRequestHead } from "./http_request.ts";
import type { KnownUpstream } from "./known_upstream.ts";
import { proxyPreface } from "./proxy_preface.ts";
import { ScgiPeer } from "./scgi_peer.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import type { UpstreamGroup } from "./upstream_group.ts";

/** A request to hand on, and what the place that it belongs to tells of it. */
export interface ForwardCall {
  readonly group: UpstreamGroup;
  readonly script: ScriptLocation;
  readonly settings: MetaVariableSettings;
  /** As the place has them; those of the options where it says nothing. */
  readonly limits?: Limits;
}

export interface PeerStart {
  readonly request: HttpRequest;
  readonly call: ForwardCall;
  readonly known: KnownUpstream;
  /** Null for HTTP alone, where it is not known. */
  readonly contentLength: number | null;
  readonly limits: Limits;
  readonly log: ScriptLog;
}

/** Sends the head of the request. The connection is the peer's until it is done, and then for whoever called to close. */
export function startPeer(connection: UpstreamConnection, start: PeerStart): ForwardPeer {
  const { request, call, known, contentLength, limits, log } = start;
  const { upstream, isKept } = known;
  const { script, settings, group } = call;
  if (upstream.protocol === "http") {
    const { host, tellsProxy } = group;
    const { passesAuthorization } = settings;
    const isUpgrade = asksForWebSocket(request);
    const told = {
      request,
      rest: script.pathInfo,
      upstream,
      host,
      contentLength,
      isKept,
      isUpgrade,
      passesAuthorization,
    };
    const head = upstreamRequestHead(told);
    const preface = tellsProxy ? proxyPreface(request.connection) : null;
    return new HttpPeer(connection, preface === null ? head : Uint8Array.from([...preface, ...head]), {
      ...{ label: upstream.text, method: request.method, contentLength, isKept, isUpgrade, limits },
      knownHeads: known.httpHeads,
    });
  }
  const label = script.interpreter === null ? upstream.text : `${basename(script.file)} ${upstream.text}`;
  const variables = metaVariables({ request, script, contentLength: contentLength ?? 0 }, settings);
  const hasContent = contentLength !== 0;
  if (upstream.protocol === "scgi") return new ScgiPeer(connection, variables, { label, hasContent });
  return new FastCgiPeer(connection, variables, {
    ...{ label, hasContent, log, limits, isKept },
    knownHeads: known.programHeads,
  });
}
