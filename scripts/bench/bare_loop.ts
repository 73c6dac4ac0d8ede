/**
 * The peer "bare loop": the least that a server on this runtime can be, so that what lisod adds can be told from what the
 * runtime costs. Each connection has one read pending into 1 KiB and no object of its own; whatever comes in one read
 * counts as one request and is answered with the same file from memory. It looks at nothing but whether the client wants
 * the connection closed. Arguments: port, folder, and for TLS the port, the certificate's and the key's file.
 */

/** The two answers: to a client that goes on, and to one that wants no more. */
interface Answers {
  readonly keep: Uint8Array;
  readonly close: Uint8Array;
}

const CR = 0x0d;
const ZERO = 0x30;
/** Lower case; a colon and one blank are what every client writes. */
const CLOSE_FIELD = new TextEncoder().encode("\r\nconnection: close\r\n");
/** What makes ASCII letters lower case, and leaves the other bytes of CLOSE_FIELD as they are. */
const LOWER = 0x20;

/**
 * True when a request head asks for the end of the connection: RFC 9112 9.3, "close" in Connection, or HTTP/1.0, whose
 * keep-alive is not known here.
 */
export function wantsClose(head: Uint8Array): boolean {
  let at = head.indexOf(CR);
  // The line ends in "HTTP/1.0".
  if (at > 0 && head[at - 1] === ZERO) return true;
  for (; at >= 0; at = head.indexOf(CR, at + 1)) if (isCloseField(head, at)) return true;
  return false;
}

function isCloseField(head: Uint8Array, at: number): boolean {
  for (let index = 0; index < CLOSE_FIELD.length; index += 1) {
    const byte = head[at + index];
    if (byte !== CLOSE_FIELD[index] && (byte | LOWER) !== CLOSE_FIELD[index]) return false;
  }
  return true;
}

/** Answers whatever comes until the client wants no more. */
async function answerAll(connection: Deno.Conn, answers: Answers): Promise<void> {
  const space = new Uint8Array(1024);
  try {
    for (let count = await connection.read(space); count !== null; count = await connection.read(space)) {
      const isLast = wantsClose(space.subarray(0, count));
      await connection.write(isLast ? answers.close : answers.keep);
      if (isLast) break;
    }
  } catch (error) {
    // The load has ended.
    if (!isEndOfClient(error)) throw error;
  }
  connection.close();
}

function isEndOfClient(error: unknown): boolean {
  const { ConnectionReset, BrokenPipe, UnexpectedEof } = Deno.errors;
  return error instanceof ConnectionReset || error instanceof BrokenPipe || error instanceof UnexpectedEof;
}

async function acceptAll(listener: Deno.Listener, answers: Answers): Promise<void> {
  for await (const connection of listener) answerAll(connection, answers);
}

/** A whole response with further field lines. */
function makeAnswer(content: Uint8Array, fields: string): Uint8Array {
  const head = new TextEncoder().encode(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n${fields}\r\n`);
  const answer = new Uint8Array(head.length + content.length);
  answer.set(head);
  answer.set(content, head.length);
  return answer;
}

if (import.meta.main) {
  const [port, folder, tlsPort, certificate, key] = Deno.args;
  const content = Deno.readFileSync(`${folder}/1k.txt`);
  const answers = { keep: makeAnswer(content, ""), close: makeAnswer(content, "Connection: close\r\n") };
  const hostname = "127.0.0.1";
  acceptAll(Deno.listen({ hostname, port: Number(port) }), answers);
  if (tlsPort !== undefined) {
    const [cert, keyText] = [certificate, key].map((path) => Deno.readTextFileSync(path));
    acceptAll(Deno.listenTls({ hostname, port: Number(tlsPort), cert, key: keyText }), answers);
  }
}
