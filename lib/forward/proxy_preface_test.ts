import { assertEquals } from "@std/assert";
import { proxyPreface } from "./proxy_preface.ts";

const CLIENT = { id: 1, remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0, secure: false };
const SIGNATURE = "0d0a0d0a000d0a515549540a";

function hex(client: Partial<typeof CLIENT>): string {
  return proxyPreface({ ...CLIENT, ...client }).toHex();
}

Deno.test("proxyPreface() says both ends of a client's connection", () => {
  const ends = { remotePort: 0x1234, localPort: 443 };
  assertEquals(
    hex({ remoteAddress: "192.0.2.1", localAddress: "10.0.0.2", ...ends }),
    `${SIGNATURE}2111000cc00002010a0000021234` + "01bb",
  );
  assertEquals(
    hex({ remoteAddress: "2001:db8::1", localAddress: "10.0.0.2", ...ends }),
    `${SIGNATURE}21210024${"20010db8000000000000000000000001"}${"00000000000000000000ffff0a000002"}123401bb`,
  );
});

Deno.test("proxyPreface() speaks for the server itself where a client has no address", () => {
  assertEquals(hex({}), `${SIGNATURE}20000000`);
});
