/**
 * What the server itself says in each response, as data. Apart from the writers of heads, of which every version of HTTP has
 * one, and all say the same. Pure. RFC 9110 6.6.1 and 10.2.4.
 */
import { type Field, HeaderFields } from "./header_fields.ts";

/** RFC 9110 10.2.4; also SERVER_SOFTWARE of RFC 3875 4.1.17. */
export const SERVER = "Liso/1.0";

/** Fields that the operator, or the listener, gives every response. */
export interface OperatorFields {
  /** For responses that have none of that name: a program knows better than its server what it answers. */
  readonly defaults: HeaderFields;
  /** The same for those below 400 alone: what is said of content is seldom meant of error pages, which caches would keep. */
  readonly successes?: HeaderFields;
  /** In place of those that a response has of that name. */
  readonly always: HeaderFields;
}

/** Of an operator who gives none. */
export const NO_FIELDS: OperatorFields = { defaults: HeaderFields.EMPTY, always: HeaderFields.EMPTY };

/** The fields of all responses of a listener. RFC 9110 5.3 lets most names stand only once, so none comes from two sides. */
export class OwnFields {
  /** All that any response may get. */
  readonly all: HeaderFields;
  readonly #always: HeaderFields;
  readonly #defaults: { readonly successes: HeaderFields; readonly errors: HeaderFields };
  readonly #whole: { readonly successes: HeaderFields; readonly errors: HeaderFields };

  constructor({ defaults, successes = HeaderFields.EMPTY, always }: OperatorFields = NO_FIELDS) {
    this.#always = always;
    this.#defaults = { successes: defaults.and(...successes), errors: defaults };
    this.all = this.#defaults.successes.and(...always);
    this.#whole = { successes: this.all, errors: defaults.and(...always) };
  }

  /** Date and Server, for a response of that second since 1970. */
  general(second: number): readonly Field[] {
    // RFC 9110 6.6.1, 5.6.7: toUTCString is exactly the IMF-fixdate format.
    return [["Date", new Date(second * 1000).toUTCString()], ["Server", SERVER]];
  }

  /** What a response of that status gets that has no field of these names. */
  of(status: number): HeaderFields {
    return this.#whole[kindOf(status)];
  }

  /** What a response of that status with these fields gets beside them. */
  beside(fields: HeaderFields, status: number): HeaderFields {
    return this.#defaults[kindOf(status)].withoutNamesOf(fields).and(...this.#always);
  }

  /** Which of its own fields a response keeps. */
  kept(fields: HeaderFields): HeaderFields {
    return fields.withoutNamesOf(this.#always);
  }
}

/** RFC 9110 15.5, 15.6. */
function kindOf(status: number): "successes" | "errors" {
  return status < 400 ? "successes" : "errors";
}
