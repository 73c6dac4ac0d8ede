import { assertEquals, assertThrows } from "@std/assert";
import { HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest } from "../http/message.ts";
import { createHttpsRedirect } from "./redirect_to_https.ts";

const NAMES = ["example.org", "*.shop.example.org", "192.0.2.7", "2001:db8::7"];

function request(host: string, target: string, method = "POST"): HttpRequest {
  const connection = { id: 1, remoteAddress: "", remotePort: 1, localAddress: "", localPort: 1, secure: false };
  const { signal } = new AbortController();
  const head = { method, target, version: "1.1", fields: HeaderFields.EMPTY } as const;
  return { ...head, path: "/unused", query: "", host, body: EMPTY_BODY, connection, signal };
}

/** What stands behind. */
const answer = () => ({ status: 200, fields: HeaderFields.EMPTY, body: EMPTY_BODY });

Deno.test("createHttpsRedirect() answers 308 with the same target when the certificate names the host", async () => {
  const table: readonly {
    readonly host: string;
    readonly target: string;
    readonly port?: number;
    readonly want: string;
  }[] = [
    { host: "example.org", target: "/", want: "https://example.org:8443/" },
    { host: "example.org", target: "/", port: 443, want: "https://example.org/" },
    { host: "example.org", target: "/a%20b/../c?d=e?f&g", want: "https://example.org:8443/a%20b/../c?d=e?f&g" },
    { host: "a.shop.example.org", target: "/x", want: "https://a.shop.example.org:8443/x" },
    { host: "example.org.", target: "/", want: "https://example.org.:8443/" },
    { host: "192.0.2.7", target: "/", want: "https://192.0.2.7:8443/" },
    { host: "[2001:db8::7]", target: "/", port: 443, want: "https://[2001:db8::7]/" },
    { host: "example.org", target: "http://example.org:8080/p?q", want: "https://example.org:8443/p?q" },
    { host: "example.org", target: "HTTP://example.org", want: "https://example.org:8443/" },
    { host: "example.org", target: "http://example.org?q", want: "https://example.org:8443/?q" },
    { host: "example.org", target: "*", want: "https://example.org:8443/" },
    { host: "example.org", target: "//evil.example/", want: "https://example.org:8443//evil.example/" },
  ];
  for (const { host, target, port = 8443, want } of table) {
    const { status, fields } = await createHttpsRedirect({ names: () => NAMES, port, answer })(request(host, target));
    assertEquals([status, fields.get("Location")], [308, want], `${host} ${target}`);
  }
});

Deno.test("createHttpsRedirect() throws 421 when the certificate does not name the host", () => {
  const redirect = createHttpsRedirect({ names: () => NAMES, port: 8443, answer });
  const hosts = ["evil.example", "", "shop.example.org", "a.b.shop.example.org", ".shop.example.org", "example.org.."];
  for (const host of [...hosts, "192.0.2.8", "[::1]"]) {
    assertEquals(assertThrows(() => redirect(request(host, "/")), HttpError).status, 421, host);
  }
});

Deno.test("createHttpsRedirect() asks for the names anew when they have changed", async () => {
  let names: readonly string[] = [];
  const redirect = createHttpsRedirect({ names: () => names, port: 443, answer });
  assertThrows(() => redirect(request("new.example", "/")), HttpError);
  names = ["new.example"];
  assertEquals((await redirect(request("new.example", "/"))).status, 308);
});

Deno.test("createHttpsRedirect() lets through what came over TLS to a proxy that is believed", async () => {
  const { connection, ...rest } = request("evil.example", "/");
  const redirect = createHttpsRedirect({ names: () => NAMES, port: 8443, answer });
  const secure = { ...rest, connection: { ...connection, secure: true } };
  assertEquals((await redirect(secure)).status, 200);
});

Deno.test("createHttpsRedirect() lets through what an ACME authority asks for, of any host", async () => {
  const redirect = createHttpsRedirect({ names: () => NAMES, port: 8443, answer });
  const ask = async (method: string, path: string, host: string) => {
    const { status } = await redirect({ ...request(host, "/unused", method), path });
    return status;
  };
  for (const path of ["/.well-known/acme-challenge/x", "/.well-known/acme-challenge/-Az09_"]) {
    for (const method of ["GET", "HEAD"]) {
      for (const host of ["new.example", "example.org", ""]) assertEquals(await ask(method, path, host), 200, path);
    }
    assertEquals(await ask("POST", path, "example.org"), 308);
    assertThrows(() => redirect({ ...request("new.example", "/unused"), path }), HttpError);
  }
});

Deno.test("createHttpsRedirect() redirects what only resembles a challenge", async () => {
  const redirect = createHttpsRedirect({ names: () => NAMES, port: 8443, answer });
  const below = ["", "a/b", "a/", "/a", ".x", "a.html", "a b", "\u00e4", "a\n"].map((name) =>
    `/.well-known/acme-challenge/${name}`
  );
  const beside = ["/.well-known/acme-challenge", "/.well-known/acme-challengex/a", "/.Well-known/acme-challenge/a"];
  for (
    const path of [...below, ...beside, "/x/.well-known/acme-challenge/a", "//.well-known/acme-challenge/a", "*", ""]
  ) {
    const { status } = await redirect({ ...request("example.org", "/unused", "GET"), path });
    assertEquals(status, 308, path);
  }
});
