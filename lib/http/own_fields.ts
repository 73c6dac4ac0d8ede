/**
 * What the server itself says in each response, as data. Apart from the writers of heads, of which every version of HTTP has
 * one, and all say the same. Pure. RFC 9110 6.6.1 and 10.2.4.
 */
import { type Field, HeaderFields } from "./header_fields.ts";

/** RFC 9110 10.2.4; also SERVER_SOFTWARE of RFC 3875 4.1.17. */
export const SERVER = "Liso/1.0";

/** The fields of all responses of a listener. */
export class OwnFields {
  /** What the operator, or the listener, adds to what is said in any case. */
  readonly always: HeaderFields;

  constructor(always: HeaderFields = HeaderFields.EMPTY) {
    this.always = always;
  }

  /** Date and Server, for a response of that second since 1970. */
  general(second: number): readonly Field[] {
    // RFC 9110 6.6.1, 5.6.7: toUTCString is exactly the IMF-fixdate format.
    return [["Date", new Date(second * 1000).toUTCString()], ["Server", SERVER]];
  }
}
