/** Its beginning and end; what becomes of connections when the certificate is replaced is in tests/tls_reload_test.ts. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { makeCertificates } from "../../tests/https.ts";
import type { Log } from "../log/log.ts";
import { StartError } from "../start_error.ts";
import { NO_LIBC } from "../system/libc.ts";
import { HttpsListener, type HttpsOptions } from "./https_listener.ts";
import { WHOLE } from "./listen_address.ts";

const folder = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const { key, certificate } = await makeCertificates(folder);

function optionsFor(keyFile: string): HttpsOptions {
  return {
    addresses: [{ argument: "--https", hostname: "127.0.0.1", port: 0 }],
    credentials: [{
      hosts: [],
      files: {
        keyFile: { argument: "--key", value: keyFile },
        certificateFile: { argument: "--certificate", value: certificate },
        passphraseFile: null,
      },
    }],
    onManyNames: () => {},
    limits: { maxUnsentBytes: 65_536, backlog: 16 },
    usesHttp2: true,
    log: { warn: () => {} } as unknown as Log,
    part: WHOLE,
    shared: null,
    libc: NO_LIBC,
  };
}

Deno.test("open() listens, and close() ends that and leaves no timer", async () => {
  const https = HttpsListener.open(optionsFor(key));
  const [listener] = https.listeners;
  const { hostname, port } = listener.addr;
  const accepting = listener.accept();
  const client = await Deno.connect({ hostname, port });
  (await accepting).close();
  client.close();
  const waiting = assertRejects(() => listener.accept());
  https.close();
  https.close();
  await waiting;
  assertEquals(https.names.includes("localhost"), true);
});

Deno.test("open() leaves nothing open when there is no key", () => {
  assertThrows(() => HttpsListener.open(optionsFor(join(folder, "none.key"))), StartError, "--key");
});
