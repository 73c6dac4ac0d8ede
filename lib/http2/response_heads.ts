/**
 * The head of an answer as fields for the encoder: status, Date, Server, the operator's fields, length, then the fields of the
 * response. One for all connections of a listener, which say the same. RFC 9113 8.3.2.
 */
import type { HeaderFields } from "../http/header_fields.ts";
import type { OwnFields } from "../http/own_fields.ts";
import type { HeaderEncoder } from "./header_encoder.ts";
import { type PreparedField, prepareField, prepareFields } from "./prepared_field.ts";

export interface ResponseHead {
  readonly status: number;
  readonly fields: HeaderFields;
  /** Bytes of the content; null where that is known only at its end. */
  readonly length: number | null;
  /** In place of what is said in every answer. */
  readonly own?: OwnFields;
}

/** RFC 9110 8.6: whether a response with that status says a length. */
export function hasLength(status: number): boolean {
  return status !== 204 && status !== 304;
}

export class ResponseHeads {
  readonly #own: OwnFields;
  /** By status, for each that says something of its own. */
  readonly #prepared = new Map<OwnFields, (readonly PreparedField[] | undefined)[]>();
  #second = -1;
  #general: readonly PreparedField[] = [];
  readonly #statuses: (PreparedField | undefined)[] = [];

  constructor(own: OwnFields) {
    this.#own = own;
  }

  /** Begins a block and puts all of the head into it; the time is that of the response, in seconds since 1970. */
  encode(encoder: HeaderEncoder, { status, fields, length, own = this.#own }: ResponseHead, second: number): void {
    encoder.begin();
    encoder.append(this.#statuses[status] ??= prepareField(":status", String(status)));
    for (const field of this.#generalAt(second)) encoder.append(field);
    const isMet = fields.meets(own.all);
    const beside = isMet ? prepareFields(own.beside(fields, status)) : this.#preparedOf(own, status);
    for (const field of beside) encoder.append(field);
    if (length !== null && hasLength(status)) encoder.append(prepareField("content-length", String(length)));
    for (const field of prepareFields(isMet ? own.kept(fields) : fields)) encoder.append(field);
  }

  #preparedOf(own: OwnFields, status: number): readonly PreparedField[] {
    let prepared = this.#prepared.get(own);
    if (prepared === undefined) this.#prepared.set(own, prepared = []);
    return prepared[status] ??= prepareFields(own.of(status));
  }

  #generalAt(second: number): readonly PreparedField[] {
    if (second !== this.#second) {
      this.#second = second;
      this.#general = this.#own.general(second).map(([name, value]) => prepareField(name, value));
    }
    return this.#general;
  }
}
