/** What the client's SETTINGS say of what may be sent to it, and what the server's own say. RFC 9113 6.5. */
import { ConnectionError, ErrorCode } from "./error_codes.ts";
import { FIRST_WINDOW, FRAME_BYTES, MOST_WINDOW, readUint32 } from "./frames.ts";
import { TABLE_BYTES } from "./header_decoder.ts";

const Setting = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  /** RFC 9218 2.1. */
  NO_RFC7540_PRIORITIES: 0x9,
} as const;

const SETTING_BYTES = 6;
const MOST_FRAME_SIZE = 16_777_215;

/** What the server announces; all else stays as it is by default. */
export function ownSettings(
  { maxStreamCount, maxHeadBytes }: { readonly maxStreamCount: number; readonly maxHeadBytes: number },
): readonly (readonly [number, number])[] {
  return [
    [Setting.MAX_CONCURRENT_STREAMS, maxStreamCount],
    [Setting.MAX_HEADER_LIST_SIZE, maxHeadBytes],
    [Setting.NO_RFC7540_PRIORITIES, 1],
  ];
}

/** The client's settings that are of use here. */
export interface PeerSettings {
  readonly headerTableBytes: number;
  readonly initialWindow: number;
  readonly frameBytes: number;
}

export const DEFAULT_SETTINGS: PeerSettings = {
  headerTableBytes: TABLE_BYTES,
  initialWindow: FIRST_WINDOW,
  frameBytes: FRAME_BYTES,
};

/**
 * The settings after a frame whose payload stands from `start` to `end`. Throws ConnectionError for values that are not allowed
 * (RFC 9113 6.5.2); unknown ones are ignored.
 */
export function readSettings(
  before: PeerSettings,
  payload: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): PeerSettings {
  if ((end - start) % SETTING_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a length that is no multiple of 6");
  }
  let { headerTableBytes, initialWindow, frameBytes } = before;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const value = readUint32(payload, at + 2);
    switch (payload[at] << 8 | payload[at + 1]) {
      case Setting.HEADER_TABLE_SIZE:
        headerTableBytes = value;
        break;
      case Setting.ENABLE_PUSH:
        if (value > 1) throw invalid("SETTINGS_ENABLE_PUSH", value);
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MOST_WINDOW) throw invalid("SETTINGS_INITIAL_WINDOW_SIZE", value, ErrorCode.FLOW_CONTROL_ERROR);
        initialWindow = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES || value > MOST_FRAME_SIZE) throw invalid("SETTINGS_MAX_FRAME_SIZE", value);
        frameBytes = value;
        break;
      case Setting.NO_RFC7540_PRIORITIES:
        if (value > 1) throw invalid("SETTINGS_NO_RFC7540_PRIORITIES", value);
    }
  }
  return { headerTableBytes, initialWindow, frameBytes };
}

function invalid(name: string, value: number, code: ErrorCode = ErrorCode.PROTOCOL_ERROR): ConnectionError {
  return new ConnectionError(code, `${name} of ${value}`);
}
