/** A container without a daemon (bubblewrap), as examples/container/ has it: log, health, what scripts leave, the end. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { until } from "./cgi/running_scripts.ts";
import { childrenOf } from "./cgi/server.ts";
import { Container } from "./container.ts";
import { procField } from "./daemon.ts";
import { curl, run, writeFiles } from "./harness.ts";
import { zombiesOf } from "./orphans.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const HEALTH = join(PROJECT, "examples", "container", "health");

/** Leaves a process of its own session behind, says who it is, and whether it can write. */
const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
(setsid sleep 0.1 </dev/null >/dev/null 2>&1 &)
id -u
touch /usr/x /srv/x 2>/dev/null && echo writes
touch /tmp/x && echo tmp
`;
/** Its answer ends when the server has been told to stop. */
const SLOW = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\nbegun\\n'
until [ -e /srv/stop ]; do sleep 0.05; done
echo ended
`;

Deno.test("lisod as process 1 of a read-only container without rights logs to its streams, is healthy, reaps and ends in order", async () => {
  const site = await Deno.makeTempDir({ prefix: "lisod-container-site-" });
  try {
    await writeFiles(site, { "www/a.txt": "a file\n", "cgi/script": SCRIPT, "cgi/slow": SLOW });
    for (const name of ["script", "slow"]) await Deno.chmod(join(site, "cgi", name), 0o755);
    await Deno.chmod(site, 0o755);
    await using container = await Container.start({
      binary: join(PROJECT, "lisod"),
      site,
      config: "[/cgi/]\ncgi = /srv/cgi\n",
    });
    const url = `http://127.0.0.1:${container.port}`;
    assertEquals((await curl(`${url}/a.txt`)).text, "a file\n");
    assertEquals((await curl(`${url}/cgi/script`)).text, "65534\ntmp\n");
    for (const field of ["CapEff", "CapPrm", "CapBnd", "CapAmb"]) assertMatch(procField(container.pid, field), /^0+$/);
    assertEquals(procField(container.pid, "NSpid").split(/\s+/).at(-1), "1");

    const healthOf = async (...args: readonly string[]) => (await run(HEALTH, args)).code;
    const answers = [await healthOf(`${container.port}`, "/a.txt"), await healthOf(`${container.port}`, "/none")];
    assertEquals(answers, [0, 1]);
    await until(() => zombiesOf(container.pid).length === 0, "what the script has left was reaped");

    const { pid } = container;
    const childCount = childrenOf(pid).length;
    const slow = curl(`${url}/cgi/slow`);
    await until(() => childrenOf(pid).length > childCount, "the slow script runs");
    const stopped = container.stop();
    await until(() => container.stderr.includes("stopping"), "the server stops");
    // Who has a connection is still served; the listener is closed.
    assert((await healthOf(`${container.port}`)) === 1);
    await Deno.writeTextFile(join(site, "stop"), "");
    assertEquals((await slow).text, "begun\nended\n");
    assertEquals(await stopped, 0);
    assertMatch(container.stdout, /"GET \/a\.txt HTTP\/1\.1" 200 /);
    assertMatch(container.stderr, /INFO main: stopped\n/);
    assertEquals(container.stdout.includes("INFO") || container.stderr.includes("HTTP/1.1"), false);
    assertEquals(container.stderr.match(/ (?:WARN|ERROR) .*/g), null);
  } finally {
    await Deno.remove(site, { recursive: true });
  }
});

Deno.test("health fails where nobody listens", async () => {
  assertEquals((await run(HEALTH, ["1"])).code, 1);
});

Deno.test("compose.yaml and haproxy.cfg of the example are what their readers understand", async () => {
  const folder = join(PROJECT, "examples", "container");
  const checked = await run("haproxy", ["-c", "-f", join(folder, "haproxy.cfg")]);
  assertEquals(checked.code, 0, checked.stderr);
  const code = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
  const { text, stderr } = await run("/usr/bin/python3", ["-c", code, join(folder, "compose.yaml")]);
  assertEquals(stderr, "");
  const { services, volumes } = JSON.parse(text);
  assertEquals([Object.keys(services), Object.keys(volumes)], [["database", "one", "two", "front"], [
    "database",
    "state",
  ]]);
  const files = Object.values<{ volumes: readonly string[] }>(services).flatMap((service) => service.volumes)
    .map((volume) => volume.split(":")[0]).filter((path) => path.startsWith("."));
  for (const path of files) assert(Deno.statSync(join(folder, path)).isFile || path === "../../www", path);
});
