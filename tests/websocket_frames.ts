/** Frames of WebSocket as a client makes them, right and wrong, and what a server has said, read again. RFC 6455 5. */

export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** False: a fragment, which another one follows. */
  readonly isLast?: boolean;
  readonly reserved?: number;
  /** Null: not masked, which a client's frame must be. */
  readonly mask?: readonly number[] | null;
  /** What the head says in place of the payload's length. */
  readonly length?: number | bigint;
  /** Bytes that the length takes, in place of the fewest. */
  readonly lengthBytes?: 0 | 2 | 8;
}

const MASK = [0x37, 0xfa, 0x21, 0x3d];

export function clientFrame(told: ClientFrame): Uint8Array {
  const { opcode, payload = "", isLast = true, reserved = 0, mask = MASK } = told;
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const length = BigInt(told.length ?? bytes.length);
  const lengthBytes = told.lengthBytes ?? (length < 126n ? 0 : length <= 0xffffn ? 2 : 8);
  const head = [(isLast ? 0x80 : 0) | reserved | opcode];
  const masked = mask === null ? 0 : 0x80;
  head.push(masked | (lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127));
  for (let at = lengthBytes - 1; at >= 0; at--) head.push(Number(BigInt.asUintN(64, length) >> BigInt(8 * at) & 255n));
  const sent = mask === null ? bytes : bytes.map((byte, at) => byte ^ mask[at & 3]);
  return Uint8Array.from([...head, ...mask ?? [], ...sent]);
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const text = (payload: Uint8Array | string, more: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 1, payload, ...more });
export const binary = (payload: Uint8Array | string, more: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 2, payload, ...more });
export const more = (payload: Uint8Array | string, told: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 0, payload, ...told });
export const ping = (payload: Uint8Array | string = "", told: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 9, payload, ...told });
export const pong = (payload: Uint8Array | string = "", told: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 10, payload, ...told });
export const closing = (payload: Uint8Array | string = "", told: Partial<ClientFrame> = {}) =>
  clientFrame({ opcode: 8, payload, ...told });
/** The payload of a close. */
export const code = (number: number, reason: Uint8Array | string = "") =>
  joinBytes(
    Uint8Array.of(number >> 8, number & 255),
    typeof reason === "string" ? new TextEncoder().encode(reason) : reason,
  );

/** What a server says, in words: `text "a"`, `binary 3`, `ping ""`, `pong "x"`, `close 1000`, `close`. Fragments are joined. */
export function readServerFrames(bytes: Uint8Array): readonly string[] {
  return new ServerFrames().push(bytes);
}

/** The same of bytes that come in any pieces; of what is not whole nothing is told. */
export class ServerFrames {
  #bytes: Uint8Array = new Uint8Array();
  #kind: number | null = null;
  #parts: Uint8Array[] = [];

  /** What has come whole by these. */
  push(bytes: Uint8Array): readonly string[] {
    this.#bytes = joinBytes(this.#bytes, bytes);
    const said: string[] = [];
    for (let frame; (frame = this.#take()) !== null;) {
      const { opcode, isLast, payload } = frame;
      if (opcode >= 8) {
        said.push(describe(opcode, payload));
        continue;
      }
      this.#kind ??= opcode;
      this.#parts.push(payload);
      if (!isLast) continue;
      said.push(describe(this.#kind, joinBytes(...this.#parts)));
      [this.#kind, this.#parts] = [null, []];
    }
    return said;
  }

  #take(): { readonly opcode: number; readonly isLast: boolean; readonly payload: Uint8Array } | null {
    const bytes = this.#bytes;
    const [first, second] = bytes;
    const short = second & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return null;
    if ((second & 0x80) !== 0) throw new Error("The server masks");
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    if (bytes.length < start + length) return null;
    this.#bytes = bytes.subarray(start + length);
    return { opcode: first & 0x0f, isLast: (first & 0x80) !== 0, payload: bytes.subarray(start, start + length) };
  }
}

function describe(opcode: number, payload: Uint8Array): string {
  const shown = new TextDecoder().decode(payload);
  switch (opcode) {
    case 1:
      return `text ${JSON.stringify(shown)}`;
    case 2:
      return `binary ${payload.length}`;
    case 8:
      return payload.length < 2 ? "close" : `close ${payload[0] << 8 | payload[1]}`;
    case 9:
      return `ping ${JSON.stringify(shown)}`;
    default:
      return `pong ${JSON.stringify(shown)}`;
  }
}
