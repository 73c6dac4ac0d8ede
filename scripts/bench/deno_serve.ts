/**
 * The peer "Deno.serve": the runtime's own server, answering each file of a folder from memory. It shows what the
 * runtime reaches with its server in native code and no disk; it knows no validators, ranges or access log.
 * Arguments: port, folder, and for TLS the port, the certificate's and the key's file.
 */

/** Answers to the files of `folder` by path, all in memory. */
async function loadFiles(folder: string): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile) files.set(`/${entry.name}`, await Deno.readFile(`${folder}/${entry.name}`));
  }
  return files;
}

if (import.meta.main) {
  const [port, folder, tlsPort, certificate, key] = Deno.args;
  const files = await loadFiles(folder);
  const handler = (request: Request): Response => {
    // The path begins behind the authority; new URL() would cost more than the answer.
    const path = request.url.slice(request.url.indexOf("/", "https://".length));
    const bytes = files.get(path);
    if (bytes === undefined) return new Response("Not found\n", { status: 404 });
    // As text it would be compressed for those who accept that, which no other server here does.
    return new Response(bytes, { headers: { "content-type": "application/octet-stream" } });
  };
  const quiet = { hostname: "127.0.0.1", onListen: () => {} };
  Deno.serve({ ...quiet, port: Number(port) }, handler);
  if (tlsPort !== undefined) {
    const tls = { cert: await Deno.readTextFile(certificate), key: await Deno.readTextFile(key) };
    Deno.serve({ ...quiet, ...tls, port: Number(tlsPort) }, handler);
  }
}
