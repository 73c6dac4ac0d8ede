/** Chromium judges the certificates of scripts/make-certs and the connections of the built binary. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Browser } from "./browser.ts";
import { run } from "./harness.ts";
import { HttpsServer } from "./https.ts";

const FILES = { "index.html": '<!doctype html><title>Trusted</title><link rel="icon" href="data:,">\n' };

/** A home folder for a browser, which trusts those roots alone that `certutil` was told of. */
async function withHome(body: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "lisod-home-" });
  try {
    await body(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** As certs/README.txt says. */
async function trustRoot(home: string, root: string): Promise<void> {
  const database = join(home, ".pki/nssdb");
  await Deno.mkdir(database, { recursive: true });
  for (const args of [["-N", "--empty-password"], ["-A", "-n", "lisod", "-t", "C,,", "-i", root]]) {
    const { code, stderr } = await run("certutil", ["-d", `sql:${database}`, ...args]);
    assertEquals(code, 0, stderr);
  }
}

for (const kind of ["ecdsa", "rsa"]) {
  Deno.test(`Chromium shows a page as secure when it trusts the root, ${kind}`, async () => {
    await using server = await HttpsServer.start({ files: FILES, certs: kind === "rsa" ? ["--rsa"] : [] });
    await withHome(async (home) => {
      await trustRoot(home, server.certificates.root);
      await using browser = await Browser.launch({ home });
      for (const host of ["localhost", "127.0.0.1"]) {
        const { page, faults } = await browser.openPage();
        assertEquals((await page.goto(`https://${host}:${server.port}/`))?.status(), 200);
        assertEquals(await page.title(), "Trusted");
        assertEquals(await browser.securityOf(page), { state: "secure", protocol: "TLS 1.3" }, host);
        assertEquals(faults, []);
      }
    });
  });
}

Deno.test("Chromium refuses the certificate when it does not trust the root", async () => {
  await using server = await HttpsServer.start({ files: FILES });
  await withHome(async (home) => {
    await using browser = await Browser.launch({ home });
    const { page } = await browser.openPage();
    await assertRejects(() => page.goto(`${server.url}/`), Error, "ERR_CERT_AUTHORITY_INVALID");
  });
});

const IMAGE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10" fill="green"/></svg>';
const IMAGE_COUNT = 60;
const images = Array.from({ length: IMAGE_COUNT }, (_, index) => `i/${index}.svg`);
const PAGE = '<!doctype html><title>Images</title><link rel="icon" href="data:,">\n' +
  images.map((path) => `<img src="/${path}" width="10" height="10" alt="${path}">`).join("\n");

/** By which protocol the page and each image came. */
const PROTOCOLS = `(async () => {
  await Promise.all([...document.images].map((image) => image.decode()));
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return entries.map((entry) => entry.nextHopProtocol);
})()`;

for (const [setting, protocol] of [["on", "h2"], ["off", "http/1.1"]] as const) {
  Deno.test(`Chromium loads a page of ${IMAGE_COUNT} images over ${protocol} with --http2 ${setting}`, async () => {
    const files = { "index.html": PAGE, ...Object.fromEntries(images.map((path) => [path, IMAGE])) };
    await using server = await HttpsServer.start({ files, args: ["--http2", setting] });
    await withHome(async (home) => {
      await trustRoot(home, server.certificates.root);
      await using browser = await Browser.launch({ home });
      const { page, faults } = await browser.openPage();
      assertEquals((await page.goto(`${server.url}/`))?.status(), 200);
      assertEquals(await page.evaluate(PROTOCOLS), new Array(1 + IMAGE_COUNT).fill(protocol));
      assertEquals(faults, []);
    });
  });
}
