/** A request on a connection to an upstream, whatever its protocol. Separate, for forwarder.ts knows no more of it. Types alone. */
import type { ProgramPeer } from "../gateway/program_exchange.ts";
import type { TakeBytes } from "../http/message.ts";
import type { ScriptResponse } from "../gateway/script_head.ts";

export interface ForwardPeer extends ProgramPeer {
  /** Whether anything of an answer has come. */
  readonly hasAnswered: boolean;
  /** Resolves when nothing of the request is under way: to true where the connection can have another one. Never rejects. */
  readonly done: Promise<boolean>;
  /** What is said after a 101, in place of reads of the output. Rejects as those do. Absent: the protocol has none. */
  flow?(take: TakeBytes): Promise<void>;
}

/** One whose protocol says where an answer ends: most come whole with the first bytes, and need no more than this. */
export interface WholePeer extends ForwardPeer {
  /** Resolves when more has come, or it is over. Throws BrokenConnection. */
  receive(): Promise<void>;
  /**
   * Once after the first `receive`: the answer where all of it has come; null: it is to be read as that of any other peer. Throws as
   * reading does.
   */
  whole(): WholeAnswer | null;
  /** The content of a whole answer is looked at no more. Whether the connection can have another request, as `done` says it. */
  release(): boolean;
}

export interface WholeAnswer {
  readonly response: ScriptResponse;
  /** All of it, valid until `release`. */
  readonly content: Uint8Array;
}
