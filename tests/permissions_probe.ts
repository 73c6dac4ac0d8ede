/**
 * Stands in the place of code that got into the server: gives up what the server gives up with the arguments that it was
 * called with, tries what such code would try, and prints what the runtime let it do.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseCommandLine } from "../lib/server/config.ts";
import { giveUpPermissions } from "../lib/server/permissions.ts";

const LIBC = "/lib/x86_64-linux-gnu/libc.so.6";
const folder = Deno.makeTempDirSync();

const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  "read a file": () => Deno.readFileSync("/etc/passwd"),
  "write a file": () => Deno.writeTextFileSync(`${folder}/a`, ""),
  "write a file through node": () => writeFileSync(`${folder}/b`, ""),
  "change a mode": () => Deno.chmodSync(folder, 0o777),
  "remove a file": () => Deno.removeSync(`${folder}/c`),
  "listen": () => Deno.listen({ port: 0, hostname: "127.0.0.1" }).close(),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "signal a process": () => process.kill(process.pid, 0),
  "read the environment": () => Deno.env.get("HOME"),
  "read the environment through node": () => process.env.HOME,
  "ask who it is": () => Deno.uid(),
  "become somebody": () => process.setuid?.(0),
  "open a library": () => Deno.dlopen(LIBC, {}).close(),
};

const command = parseCommandLine(Deno.args, {
  cwd: "/",
  environment: {},
  loadConfigFile: (path) => ({ path, text: "" }),
});
if (!("config" in command)) throw new Error("No configuration");
Deno.writeTextFileSync(`${folder}/c`, "");
giveUpPermissions(command.config);
const allowed = Object.entries(ATTEMPTS).filter(([, attempt]) => {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
});
console.log(JSON.stringify(allowed.map(([name]) => name)));
