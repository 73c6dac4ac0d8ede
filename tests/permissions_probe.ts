/**
 * Stands in the place of code that got into the server: gives up what the server gives up with the arguments that it was
 * called with, tries what such code would try, and prints what the runtime let it do. The arguments may name the files of
 * the current folder.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseCommandLine } from "../lib/config/config.ts";
import { narrowPermissions, neededPermissions } from "../lib/process/permissions.ts";
import { NO_FILES } from "./config_texts.ts";

const LIBC = "/lib/x86_64-linux-gnu/libc.so.6";
const folder = Deno.cwd();

const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  "read the root": () => Deno.readTextFileSync(`${folder}/www/index.html`),
  "read the key": () => Deno.readTextFileSync(`${folder}/key`),
  "read beside the root": () => Deno.readTextFileSync(`${folder}/www/../secret`),
  "read passwords": () => Deno.readTextFileSync("/etc/shadow"),
  "read passwords through node": () => readFileSync("/etc/shadow"),
  "read its memory": () => Deno.openSync("/proc/self/mem"),
  "look at a file": () => Deno.statSync("/etc/shadow"),
  "list a folder": () => [...Deno.readDirSync("/etc")],
  "change the folder": () => Deno.chdir("/etc"),
  "write the log": () => Deno.writeTextFileSync(`${folder}/log`, "", { append: true }),
  "write the spool": () => Deno.removeSync(Deno.makeTempFileSync({ dir: `${folder}/spool` })),
  "write the root": () => Deno.writeTextFileSync(`${folder}/www/a`, ""),
  "write beside the log": () => Deno.writeTextFileSync(`${folder}/log.1`, ""),
  "write beside the log through node": () => writeFileSync(`${folder}/log.2`, ""),
  "write above the spool": () => Deno.makeTempFileSync({ dir: folder }),
  "link out of the root": () => Deno.symlinkSync("/etc/shadow", `${folder}/www/link`),
  "link into the spool": () => Deno.linkSync(`${folder}/secret`, `${folder}/spool/secret`),
  "move into the spool": () => Deno.renameSync(`${folder}/secret`, `${folder}/spool/secret`),
  "change a mode": () => Deno.chmodSync(folder, 0o777),
  "remove a file": () => Deno.removeSync(`${folder}/secret`),
  "take it all back": () => demand({ name: "read" }, { name: "write" }, { name: "read", path: "/" }),
  "listen": () => Deno.listen({ port: 0, hostname: "127.0.0.1" }).close(),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "signal a process": () => process.kill(process.pid, 0),
  "read the environment": () => Deno.env.get("HOME"),
  "read the environment through node": () => process.env.HOME,
  "ask who it is": () => Deno.uid(),
  "become somebody": () => process.setuid?.(0),
  "open a library": () => Deno.dlopen(LIBC, {}).close(),
};

/** Throws NotCapable where the runtime gives none of them. */
function demand(...descriptors: readonly Deno.PermissionDescriptor[]): void {
  if (descriptors.some((descriptor) => Deno.permissions.requestSync(descriptor).state === "granted")) return;
  throw new Deno.errors.NotCapable("Nothing is given back");
}

const command = parseCommandLine(Deno.args, {
  cwd: folder,
  environment: {},
  configFiles: NO_FILES,
});
if (!("config" in command)) throw new Error("No configuration");
const line = narrowPermissions(neededPermissions(command.config, { startsPrograms: !command.config.usesNative }));
const allowed = Object.entries(ATTEMPTS).filter(([, attempt]) => {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
});
console.log(JSON.stringify({ line, allowed: allowed.map(([name]) => name) }));
