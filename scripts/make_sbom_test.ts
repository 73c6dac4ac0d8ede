import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { makeBillOfMaterials } from "./make_sbom.ts";

const SETUP = "readonly DENO_VERSION=2.7.11\n";
const ZEROES = `sha512-${"A".repeat(86)}==`;

function lock(npm: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ version: "5", specifiers: {}, npm, ...more });
}

Deno.test("makeBillOfMaterials() lists the runtime and each package with version, licence, hash and what it needs", () => {
  const bill = makeBillOfMaterials(
    lock({ "mime@4.1.0": { integrity: ZEROES, dependencies: ["bcryptjs"] }, "bcryptjs@3.0.3": { integrity: ZEROES } }),
    SETUP,
  );
  assertEquals(bill.components[1], {
    type: "library",
    "bom-ref": "pkg:npm/mime@4.1.0",
    name: "mime",
    version: "4.1.0",
    licenses: [{ license: { id: "MIT" } }],
    purl: "pkg:npm/mime@4.1.0",
    hashes: [{ alg: "SHA-512", content: "00".repeat(64) }],
  });
  const [deno, mime, bcryptjs] = bill.components.map((component) => component["bom-ref"]);
  assertEquals(deno, "pkg:github/denoland/deno@v2.7.11");
  assertEquals(bill.dependencies, [
    { ref: "lisod", dependsOn: [deno, mime, bcryptjs] },
    { ref: mime, dependsOn: [bcryptjs] },
    { ref: bcryptjs, dependsOn: [] },
  ]);
});

const REFUSALS: readonly (readonly [name: string, lockText: string, setup: string, message: string])[] = [
  ["a package of unknown licence", lock({ "left-pad@1.0.0": { integrity: ZEROES } }), SETUP, 'licence of "left-pad"'],
  ["a weak hash", lock({ "mime@4.1.0": { integrity: "sha1-AAAA" } }), SETUP, "no SHA-512"],
  ["another kind of package", lock({}, { jsr: {} }), SETUP, "Cannot read deno.lock"],
  ["another version of the lock file", JSON.stringify({ version: "4" }), SETUP, "Cannot read deno.lock"],
  ["no pinned runtime", lock({}), "", "pins no DENO_VERSION"],
];

for (const [name, lockText, setup, message] of REFUSALS) {
  Deno.test(`makeBillOfMaterials() throws when there is ${name}`, () => {
    assertThrows(() => makeBillOfMaterials(lockText, setup), Error, message);
  });
}

const [LOCK, SETUP_SH, README, DENO_JSON] = ["deno.lock", "scripts/setup.sh", "readme.txt", "deno.json"]
  .map((name) => Deno.readTextFileSync(`${import.meta.dirname}/../${name}`));

Deno.test("makeBillOfMaterials() knows all that deno.lock pins, each with the hash of its npm package", () => {
  const { components } = makeBillOfMaterials(LOCK, SETUP_SH);
  const ids = components.slice(1).map(({ name, version }) => `${name}@${version}`);
  assertEquals(ids, Object.keys(JSON.parse(LOCK).npm));
  assertEquals(components.slice(1).filter(({ hashes }) => hashes?.[0].content.length !== 128), []);
});

Deno.test("deno.json imports only versions that deno.lock pins", () => {
  const imported = [...DENO_JSON.matchAll(/"npm:\/?([^"/]+)/g)].map(([, id]) => id);
  const pinned = Object.keys(JSON.parse(LOCK).npm);
  assertEquals(imported.length, 4);
  assertEquals(imported.filter((id) => !pinned.includes(id)), []);
});

Deno.test("readme.txt names each dependency with its version and licence, and each package of the tools", () => {
  const section = README.slice(README.indexOf("\n13 Dependencies\n"), README.indexOf("\n14 Speed\n")).replace(
    /\s+/g,
    " ",
  );
  for (const { name, version, licenses } of makeBillOfMaterials(LOCK, SETUP_SH).components) {
    const shown = name === "deno" ? "Deno" : name;
    assertStringIncludes(section, `${shown} ${version} (${licenses?.[0].license.id})`);
  }
  const tools = [...SETUP_SH.matchAll(/(?:fetch_package |package=)(@?[a-z]\S*)/g)].map(([, name]) => name);
  assertEquals(tools.length, 6);
  for (const name of tools) assertStringIncludes(section, name);
});
