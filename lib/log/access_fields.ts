/**
 * The fields that a format of access lines may name, and what each says of a request. Separate from how a line is written, so that
 * another field is another row. Pure.
 */
import { textOfBytes } from "../http/byte_text.ts";
import { TOKEN } from "../http/grammar.ts";
import type { AccessRecord } from "./access_record.ts";
import type { LogTime } from "./log_time.ts";

export interface AccessField {
  /** As it stands between braces. */
  readonly name: string;
  /** "plain": numbers and the like, which nobody has chosen; "bytes": as received, Latin-1; "text": Unicode. */
  readonly kind: "plain" | "bytes" | "text";
  /** It is asked of the notes of a request. */
  readonly isNoted: boolean;
  /** Null and "": there is none. */
  read(record: AccessRecord, time: LogTime): string | number | boolean | null;
}

type Read = AccessField["read"];

/** Seconds to the microsecond. */
function seconds(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : (ms / 1000).toFixed(6);
}

/** As received, or as the protocol of HTTP/2 says it in other words. */
function requestLine({ method, target, version }: AccessRecord): string {
  return method === "" ? target : `${method} ${target} HTTP/${version}`;
}

const FIELDS: Readonly<Record<string, readonly [kind: AccessField["kind"], read: Read, source?: "notes"]>> = {
  time: ["text", (_, time) => time.text],
  time_iso: ["text", (_, time) => time.iso],
  client: ["text", ({ remoteAddress }) => remoteAddress],
  user: ["bytes", ({ remoteUser }) => remoteUser],
  request: ["bytes", requestLine],
  method: ["bytes", ({ method }) => method],
  target: ["bytes", ({ target }) => target],
  protocol: ["text", ({ version }) => version === "" ? null : `HTTP/${version}`],
  tls: ["plain", ({ details }) => details?.connection.secure ?? null],
  host: ["text", ({ details }) => details?.host ?? null],
  status: ["plain", ({ status }) => status],
  bytes: ["plain", ({ bodyBytes }) => bodyBytes],
  duration: ["plain", ({ details }) => seconds(details?.notes?.durationMs), "notes"],
  first_byte: ["plain", ({ details }) => seconds(details?.notes?.firstByteMs), "notes"],
  site: ["text", ({ details }) => details?.notes?.site ?? null, "notes"],
  place: ["text", ({ details }) => details?.notes?.place ?? null, "notes"],
  script_pid: ["plain", ({ details }) => details?.notes?.scriptPid ?? null, "notes"],
  referer: ["bytes", ({ referer }) => referer],
  user_agent: ["bytes", ({ userAgent }) => userAgent],
  request_id: ["text", ({ details }) => details?.id ?? null],
};

/** What is wrong with a format, in the words of the operator, and what to do. */
export interface FormatFault {
  readonly problem: string;
  readonly remedy: string;
}

export function isFault<Right extends object>(found: Right | FormatFault): found is FormatFault {
  return "problem" in found;
}

/** All of them. */
const KNOWN = [...Object.keys(FIELDS), "field:NAME"].map((name) => `{${name}}`).join(" ");

/** RFC 9110 11: their values are passwords, or as good as these. */
const SECRET_FIELDS: readonly string[] = ["authorization", "proxy-authorization"];

export function findAccessField(name: string): AccessField | FormatFault {
  const [, header] = /^field:(.*)$/s.exec(name) ?? [];
  if (header !== undefined) return headerField(name, header);
  if (!Object.hasOwn(FIELDS, name)) return { problem: `no field is called {${name}}`, remedy: `there are ${KNOWN}` };
  const [kind, read, source] = FIELDS[name];
  return { name, kind, read, isNoted: source === "notes" };
}

/** A field of the request's head. */
function headerField(name: string, header: string): AccessField | FormatFault {
  if (!TOKEN.test(header)) {
    return {
      problem: `no field of a request is called "${header}"`,
      remedy: "give one such as {field:Accept-Language}",
    };
  }
  const lower = header.toLowerCase();
  if (SECRET_FIELDS.includes(lower)) {
    return { problem: `{${name}} would put passwords into the log`, remedy: "leave it out; {user} is who was let in" };
  }
  return { name, kind: "bytes", isNoted: false, read: ({ details }) => details?.fields?.get(lower) ?? null };
}

/** What JSON can hold of text as received: that of its bytes, with U+FFFD in the place of what is no UTF-8. */
export function jsonTextOf(text: string, kind: AccessField["kind"]): string {
  return (kind === "bytes" ? textOfBytes(text) : text).toWellFormed();
}
