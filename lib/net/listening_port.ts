/**
 * What the runtime does not let a program do with a listening socket. First, TCP_NODELAY, which accepted sockets inherit:
 * the runtime has no word for it on TLS connections, and the first answer on each would wait up to 40 ms for the
 * acknowledgement of the session tickets. Second, passing a port from one listening socket to the next without refusing
 * or resetting a single connection. The runtime cannot give a listener another certificate, so there has to be a second
 * one; closing the first before the second opens refuses clients, and closing it after that resets those whom the kernel
 * had queued for it. So for a moment both listen on the port (SO_REUSEPORT), a filter gives every new connection that
 * the first would have got to the second (SO_ATTACH_REUSEPORT_CBPF), and the first is closed when its queue has been
 * served. Linux, through libc. I/O.
 */
import { parseAddress } from "../ip_address.ts";
import { descriptorBound } from "../system/descriptor_bound.ts";
import type { Libc } from "../system/libc.ts";
import type { Part } from "./listen_address.ts";
import { SocketAddress } from "./socket_address.ts";

/** Linux, asm-generic/socket.h, bits/socket.h and netinet/tcp.h. */
const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_NOTSENT_LOWAT = 25;
const SO_REUSEPORT = 15;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_DETACH_REUSEPORT_BPF = 68;

/** linux/filter.h: the instructions that are used, with their classes and sources, and where a random number is. */
const LOAD_WORD = 0x20;
const MODULO = 0x94;
const ADD = 0x04;
const JUMP_IF_EQUAL = 0x15;
const RETURN_CONSTANT = 0x06;
const RETURN_ACCUMULATOR = 0x16;
const RANDOM_NUMBER = 0xffff_f000 + 56;

/**
 * Of the sockets that share a port, numbered from 0 in the order in which they began to listen, chooses at random among
 * the first `count`, and the last of all, which is number `count`, in place of number `index`. When that one is closed the
 * last one gets its number; a number that is out of range leaves the choice to the kernel. A struct sock_filter each: u16
 * code, u8 jumps if true and if false, u32 operand.
 */
function chooseLastFor({ index, count }: Part): Uint8Array<ArrayBuffer> {
  const program = [
    [LOAD_WORD, RANDOM_NUMBER],
    [MODULO, count],
    [JUMP_IF_EQUAL | 1 << 24, index], // else one instruction further
    [RETURN_CONSTANT, count],
    [RETURN_ACCUMULATOR, 0],
  ];
  return new Uint8Array(Uint32Array.from(program.flat()).buffer);
}

/** Chooses at random among `count` sockets behind the first `before`, in the same order. */
function chooseBehind(before: number, count: number): Uint8Array<ArrayBuffer> {
  const program = [[LOAD_WORD, RANDOM_NUMBER], [MODULO, count], [ADD, before], [RETURN_ACCUMULATOR, 0]];
  return new Uint8Array(Uint32Array.from(program.flat()).buffer);
}

/** Bytes of struct sock_filter. */
const INSTRUCTION_BYTES = 8;

const ON = new Uint8Array(Int32Array.of(1).buffer);

export class ListeningPort {
  readonly #libc: Libc;
  readonly #port: number;
  readonly #hostname: string | null;

  /** Whatever listens on the port in this process, with `hostname` at that IP address alone. */
  constructor(libc: Libc, port: number, hostname: string | null = null) {
    this.#libc = libc;
    this.#port = port;
    this.#hostname = hostname;
  }

  /** Connections that it accepts from now on send at once what they are given. False where that is impossible here. */
  setNoDelay(): boolean {
    return this.#setOption(IPPROTO_TCP, { name: TCP_NODELAY, value: ON });
  }

  /**
   * On connections that it accepts from now on the kernel keeps about so many bytes that the client has not made room
   * for, else up to some megabytes of memory each. False where that is impossible here.
   */
  limitUnsent(byteCount: number): boolean {
    const value = new Uint8Array(Uint32Array.of(byteCount).buffer);
    return this.#setOption(IPPROTO_TCP, { name: TCP_NOTSENT_LOWAT, value });
  }

  /**
   * Lets a second socket listen on the port that asks for it (with `reusePort`) and is of the same user. A second
   * instance does not ask, and is refused as ever. False where that is impossible here.
   */
  share(): boolean {
    return this.#setOption(SOL_SOCKET, { name: SO_REUSEPORT, value: ON });
  }

  /** Makes the listening socket one of that user; only root can do that. False where that is impossible here. */
  giveTo({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
    return this.#withEach((fd) => this.#libc.fchown(fd, uid, gid));
  }

  /**
   * Gives all new connections that the socket of that part would get to the socket that was the last to listen. False
   * where that is impossible here.
   */
  passOn(part: Part): boolean {
    return this.#choose(chooseLastFor(part));
  }

  /**
   * Gives all new connections to `count` sockets, which were the last to listen, and none to the `before` that did before them, in
   * whatever process these are. False where that is impossible here.
   */
  chooseBeyond(before: number, count: number): boolean {
    return this.#choose(chooseBehind(before, count));
  }

  /** Leaves the choice to the kernel again. */
  chooseAmongAll(): void {
    this.#setOption(SOL_SOCKET, { name: SO_DETACH_REUSEPORT_BPF, value: ON });
  }

  #choose(program: Uint8Array<ArrayBuffer>): boolean {
    // struct sock_fprog { u16 len; struct sock_filter *filter }; memcpy(3) returns where its first argument is.
    const where = this.#libc.memcpy(program, program, 0n);
    const value = new Uint8Array(BigUint64Array.of(BigInt(program.length / INSTRUCTION_BYTES), where).buffer);
    return this.#setOption(SOL_SOCKET, { name: SO_ATTACH_REUSEPORT_CBPF, value });
  }

  /** How many sockets of this process listen on the port; 0 where nobody can tell. */
  get socketCount(): number {
    return this.descriptors.length;
  }

  /** The descriptors of the sockets of this process that listen on the port; none where nobody can tell. */
  get descriptors(): readonly number[] {
    const address = new SocketAddress();
    const numbers = Array.from({ length: descriptorBound(this.#libc) }, (_, fd) => fd);
    return numbers.filter((fd) => this.#isListening(fd, address));
  }

  #setOption(
    level: number,
    { name, value }: { readonly name: number; readonly value: Uint8Array<ArrayBuffer> },
  ): boolean {
    return this.#withEach((fd) => this.#libc.setsockopt(fd, level, name, value, value.length));
  }

  /** Calls with each socket that listens on the port; false when there is none, or a call returns other than 0. */
  #withEach(call: (fd: number) => number): boolean {
    const results = this.descriptors.map(call);
    return results.length > 0 && results.every((result) => result === 0);
  }

  /** A TCP socket of the port that has no peer. */
  #isListening(fd: number, address: SocketAddress): boolean {
    if (this.#libc.getsockname(fd, address.bytes, address.room()) !== 0) return false;
    const { ipBytes, port } = address;
    if (ipBytes === null || port !== this.#port) return false;
    if (this.#hostname !== null && `${parseAddress(address.hostname)}` !== `${parseAddress(this.#hostname)}`) {
      return false;
    }
    return this.#libc.getpeername(fd, address.bytes, address.room()) !== 0;
  }
}
