/**
 * Prints the bill of materials of the binary, CycloneDX 1.5 in JSON: all that deno.lock pins, with its hashes, and the
 * runtime that scripts/setup.sh pins. It needs no network, and of one commit it is always the same. `deno task sbom`.
 */
import { VERSION } from "../lib/version.ts";

/** The one place that knows the licence of each dependency, as SPDX names it. readme.txt 13 is held against it. */
const LICENCES: Readonly<Record<string, string>> = {
  "apache-md5": "MIT",
  bcryptjs: "BSD-3-Clause",
  deno: "MIT",
  "deno-std": "MIT",
  mime: "MIT",
  unixcrypt: "Apache-2.0",
};

/** As much of deno.lock (version 5) as is needed. */
interface LockFile {
  readonly version: string;
  readonly npm?: {
    readonly [package_: string]: { readonly integrity: string; readonly dependencies?: readonly string[] };
  };
}

/** A component of CycloneDX: https://cyclonedx.org/docs/1.5/json/#components */
export interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.5";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * The bill for the texts of deno.lock and of scripts/setup.sh. Throws Error for a package without a known licence, for an
 * integrity that is no SHA-512, and for what it cannot read.
 */
export function makeBillOfMaterials(lockText: string, setupText: string): BillOfMaterials {
  const lock: LockFile = JSON.parse(lockText);
  const kinds = Object.keys(lock).filter((kind) => !["version", "specifiers", "npm", "workspace"].includes(kind));
  if (lock.version !== "5" || kinds.length > 0) {
    throw new Error(`Cannot read deno.lock: version ${lock.version}, ${kinds}`);
  }
  const packages = Object.entries(lock.npm ?? {});
  const runtime = runtimeComponent(setupText);
  const main: Component = { type: "application", "bom-ref": "lisod", name: "lisod", version: VERSION };
  const components = packages.map(([id, { integrity }]) => packageComponent(id, integrity));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: main },
    components: [runtime, ...components],
    dependencies: [
      { ref: main["bom-ref"], dependsOn: [runtime, ...components].map((component) => component["bom-ref"]) },
      ...packages.map(([id, { dependencies = [] }]) => ({
        ref: purlOf(id),
        dependsOn: dependencies.map((name) => purlOf(packages.find(([other]) => isPackage(other, name))?.[0] ?? name)),
      })),
    ],
  };
}

function runtimeComponent(setupText: string): Component {
  const version = /^readonly DENO_VERSION=(\S+)$/m.exec(setupText)?.[1];
  if (version === undefined) throw new Error("scripts/setup.sh pins no DENO_VERSION");
  const purl = `pkg:github/denoland/deno@v${version}`;
  return { type: "platform", "bom-ref": purl, name: "deno", version, licenses: licencesOf("deno"), purl };
}

/** `id` is a name and a version: "mime@4.1.0". */
function packageComponent(id: string, integrity: string): Component {
  const [name, version] = splitId(id);
  const purl = purlOf(id);
  const hashes = [{ alg: "SHA-512", content: hexOf(id, integrity) }] as const;
  return { type: "library", "bom-ref": purl, name, version, licenses: licencesOf(name), purl, hashes };
}

function splitId(id: string): readonly [name: string, version: string] {
  const at = id.lastIndexOf("@");
  return [id.slice(0, at), id.slice(at + 1)];
}

/** deno.lock leaves the version out where there is one alone. */
function isPackage(id: string, name: string): boolean {
  return id === name || splitId(id)[0] === name;
}

/** A package URL of npm: the at sign of a scope is encoded. */
function purlOf(id: string): string {
  const [name, version] = splitId(id);
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function licencesOf(name: string): Component["licenses"] {
  const id = LICENCES[name];
  if (id === undefined) {
    throw new Error(`The licence of "${name}" is unknown: add it to LICENCES of scripts/make_sbom.ts`);
  }
  return [{ license: { id } }];
}

/** The hash in hexadecimal of a subresource integrity: "sha512-" and base64. */
function hexOf(id: string, integrity: string): string {
  const base64 = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity)?.[1];
  if (base64 === undefined) throw new Error(`The integrity of "${id}" is no SHA-512: "${integrity}"`);
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

if (import.meta.main) {
  const bill = makeBillOfMaterials(Deno.readTextFileSync("deno.lock"), Deno.readTextFileSync("scripts/setup.sh"));
  console.log(JSON.stringify(bill, null, 2));
}
