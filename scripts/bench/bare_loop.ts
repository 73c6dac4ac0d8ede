/**
 * The peer "bare loop": the least that a server on this runtime can be, so that the memory of an idle connection can be
 * told from that of the runtime. Each connection has one read pending into 1 KiB and no object of its own; whatever comes
 * is answered with the same file. Arguments: port, folder, and for TLS the port, the certificate's and the key's file.
 */

/** Answers whatever comes, for ever. */
async function answerAll(connection: Deno.Conn, answer: Uint8Array): Promise<void> {
  const space = new Uint8Array(1024);
  try {
    while (await connection.read(space) !== null) await connection.write(answer);
  } catch (error) {
    // The load has ended.
    if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.UnexpectedEof)) throw error;
  }
  connection.close();
}

async function acceptAll(listener: Deno.Listener, answer: Uint8Array): Promise<void> {
  for await (const connection of listener) answerAll(connection, answer);
}

/** A whole response. */
function makeAnswer(content: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
  const answer = new Uint8Array(head.length + content.length);
  answer.set(head);
  answer.set(content, head.length);
  return answer;
}

if (import.meta.main) {
  const [port, folder, tlsPort, certificate, key] = Deno.args;
  const answer = makeAnswer(Deno.readFileSync(`${folder}/1k.txt`));
  const hostname = "127.0.0.1";
  acceptAll(Deno.listen({ hostname, port: Number(port) }), answer);
  if (tlsPort !== undefined) {
    const [cert, keyText] = [certificate, key].map((path) => Deno.readTextFileSync(path));
    acceptAll(Deno.listenTls({ hostname, port: Number(tlsPort), cert, key: keyText }), answer);
  }
}
