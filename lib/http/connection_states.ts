/**
 * The states of the two halves of a connection, and what moves them: the tables are the whole of it. Two halves, for a
 * script may answer before its input ends. In `switched` another protocol is spoken. RFC 9112 6 and 9, RFC 9110 7.8.
 */
export type RequestState = "idle" | "receiving_body" | "received" | "switched" | "must_close" | "closed" | "error";
export type ResponseState =
  | "idle"
  | "awaiting_response"
  | "sending_body"
  | "sent"
  | "switched"
  | "must_close"
  | "closed";

export type RequestTransition =
  | "request_head"
  | "data"
  | "end_of_message"
  | "peer_closed"
  | "reading_error"
  | "switch"
  | "next_cycle"
  | "last_cycle";
export type ResponseTransition =
  | "request_head"
  | "error_reply"
  | "informational_head"
  | "response_head"
  | "data"
  | "end_of_message"
  | "switch"
  | "we_closed"
  | "next_cycle"
  | "last_cycle";

const REQUEST_STATES: { readonly [state in RequestState]: { readonly [event in RequestTransition]?: RequestState } } = {
  idle: { request_head: "receiving_body", peer_closed: "closed", reading_error: "error" },
  receiving_body: {
    data: "receiving_body",
    end_of_message: "received",
    reading_error: "error",
    last_cycle: "must_close",
  },
  received: {
    peer_closed: "closed",
    reading_error: "error",
    switch: "switched",
    next_cycle: "idle",
    last_cycle: "must_close",
  },
  switched: { last_cycle: "must_close" },
  must_close: { peer_closed: "closed" },
  closed: { last_cycle: "closed" },
  error: { last_cycle: "error", peer_closed: "closed" },
};

const RESPONSE_STATES: {
  readonly [state in ResponseState]: { readonly [event in ResponseTransition]?: ResponseState };
} = {
  idle: { request_head: "awaiting_response", error_reply: "sending_body", we_closed: "closed" },
  awaiting_response: {
    informational_head: "awaiting_response",
    response_head: "sending_body",
    error_reply: "sending_body",
    switch: "switched",
    we_closed: "closed",
  },
  sending_body: { data: "sending_body", end_of_message: "sent", we_closed: "closed" },
  sent: { next_cycle: "idle", last_cycle: "must_close", we_closed: "closed" },
  switched: { last_cycle: "must_close", we_closed: "closed" },
  must_close: { we_closed: "closed" },
  closed: {},
};

/** Throws plain Error for an event that the state does not know: that is our bug. */
export function nextRequestState(state: RequestState, event: RequestTransition): RequestState {
  const next = REQUEST_STATES[state][event];
  if (next === undefined) throw new Error(`Request half: ${event} in ${state}`);
  return next;
}

/** The same for the other half. */
export function nextResponseState(state: ResponseState, event: ResponseTransition): ResponseState {
  const next = RESPONSE_STATES[state][event];
  if (next === undefined) throw new Error(`Response half: ${event} in ${state}`);
  return next;
}
