/**
 * IP addresses as bytes, and ranges of them: what access rules, trusted proxies and limits for each address compare.
 * Separate because an address has many spellings and only its bytes are one. Pure. RFC 4291 2.2, RFC 4632 3.1.
 */

/** Bytes of the address in network order: 4 for IPv4 (an IPv4-mapped IPv6 address is one), 16 for IPv6. */
export type AddressBytes = readonly number[];

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
/** What stands before an IPv4 address in its IPv4-mapped form. RFC 4291 2.5.5.2. */
const MAPPED_PREFIX: AddressBytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/** Null for anything that is not exactly one address: no port, no brackets, no zone, no leading zeros in IPv4. */
export function parseAddress(text: string): AddressBytes | null {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  return bytes === null ? null : unmapAddress(bytes);
}

/** The IPv4 address that an IPv4-mapped one stands for; any other as it is. */
export function unmapAddress(bytes: AddressBytes): AddressBytes {
  const isMapped = bytes.length === IPV6_BYTES && MAPPED_PREFIX.every((byte, at) => bytes[at] === byte);
  return isMapped ? bytes.slice(MAPPED_PREFIX.length) : bytes;
}

function parseIpv4(text: string): AddressBytes | null {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** RFC 4291 2.2: eight groups, "::" for at least one of zeros and at most once, the last 32 bits perhaps as IPv4. */
function parseIpv6(text: string): AddressBytes | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === null || tail === null) return null;
  if (tail === undefined) return head.length === IPV6_BYTES ? head : null;
  const missing = IPV6_BYTES - head.length - tail.length;
  return missing < 2 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** The bytes of groups between colons; `isLast`: the address ends with them, so that IPv4 may. */
function parseGroups(text: string, isLast: boolean): number[] | null {
  const bytes: number[] = [];
  const groups = text === "" ? [] : text.split(":");
  for (const [index, group] of groups.entries()) {
    if (isLast && index === groups.length - 1 && group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === null) return null;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** The one spelling that logs and scripts see. RFC 5952 4: lower case, and "::" for the first longest run of zeros. */
export function formatAddress(bytes: AddressBytes): string {
  if (bytes.length === IPV4_BYTES) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at] << 8 | bytes[2 * at + 1]).toString(16));
  const text = groups.join(":");
  const runs = [...text.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => run.length > best.length ? run : best, "");
  return longest === "" ? text : text.replace(new RegExp(`(?:^|:)${longest}(?:$|:)`), "::");
}

/** All addresses that begin with the same bits. */
export class AddressRange {
  /** The bits of the address that count, in its own family. */
  readonly bits: number;
  readonly #bytes: AddressBytes;

  private constructor(bytes: AddressBytes, bits: number) {
    this.#bytes = bytes;
    this.bits = bits;
  }

  /**
   * `ADDRESS/BITS`, or an address alone for itself; null for anything else, and where a bit beyond BITS is set: that is
   * a mistake more often than not.
   */
  static parse(text: string): AddressRange | null {
    const [, address, bitsText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const bytes = parseAddress(address ?? "");
    if (bytes === null) return null;
    // The bits of an IPv4-mapped address are counted from the start of its IPv6 form.
    const mappedBits = bytes.length === IPV4_BYTES && address.includes(":") ? 8 * MAPPED_PREFIX.length : 0;
    const bits = bitsText === undefined ? 8 * bytes.length : Number(bitsText) - mappedBits;
    if (bits < 0 || bits > 8 * bytes.length) return null;
    return keepBits(bytes, bits).every((byte, at) => byte === bytes[at]) ? new AddressRange(bytes, bits) : null;
  }

  /** IPv4 addresses are in no range of IPv6 addresses, nor the other way round. */
  contains(address: AddressBytes): boolean {
    return address.length === this.#bytes.length &&
      keepBits(address, this.bits).every((byte, at) => byte === this.#bytes[at]);
  }
}

/** The address with all but the first `bits` cleared. */
function keepBits(bytes: AddressBytes, bits: number): AddressBytes {
  return bytes.map((byte, at) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * at)))) & 0xff);
}

/** The ranges of this machine itself. RFC 1122 3.2.1.3, RFC 4291 2.5.3. */
export const LOOPBACK = ["127.0.0.0/8", "::1"] as const;

/** RFC 4291 2.5.1: the part of an IPv6 address that a network gives out; the rest its user chooses at will. */
const NETWORK_BITS = 64;

/**
 * Under which name an address is counted: itself for IPv4, its /64 for IPv6, of which one subscriber has 2^64 addresses.
 * Text that is no address (a Unix socket has none) is its own name.
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseAddress(address);
  return bytes === null
    ? address
    : bytes.length === IPV4_BYTES
    ? bytes.join(".")
    : bytes.slice(0, NETWORK_BITS / 8).join();
}

/** Whether what is counted for an address is limited: clients of Unix sockets have none, and are not one client. */
export function hasOwnLimit(address: string): boolean {
  return address !== "";
}
