/** A request on a connection to an upstream, whatever its protocol. Separate, for forwarder.ts knows no more of it. Types alone. */
import type { ProgramPeer } from "../gateway/program_exchange.ts";

export interface ForwardPeer extends ProgramPeer {
  /** Whether anything of an answer has come. */
  readonly hasAnswered: boolean;
  /** Resolves when nothing of the request is under way: to true where the connection can have another one. Never rejects. */
  readonly done: Promise<boolean>;
}
