/**
 * A root in which a real systemd is process 1, in namespaces of its own, with a small /dev and the network of this machine; and the
 * package's units in it. Separate from run.ts, where systemd is played.
 */
import { assert, assertEquals } from "@std/assert";
import { waitUntil } from "../daemon.ts";
import { freePort } from "../front.ts";
import { curl, type Ended, run } from "../harness.ts";
import type { Base, Root } from "./root.ts";

export const WITH_SYSTEMD: Base = {
  suite: "bookworm",
  variant: "minbase",
  include: ["systemd", "systemd-sysv", "dbus"],
};

/** Before process 1 is executed; `$1` is the root. Machines have one hierarchy of cgroups, or the older ones beside it. */
const MOUNTS = `set -e
mount --bind "$1" "$1" && cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name && mount --bind /dev/$name dev/$name; done
mkdir dev/pts && mount -t devpts -o ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup && mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi
exec env -i container=other PATH=/usr/sbin:/usr/bin chroot "$1" /lib/systemd/systemd --system --unit=multi-user.target
`;

/** Disposing kills all of it. */
export class Booted implements AsyncDisposable {
  readonly #unshare: Deno.ChildProcess;
  readonly #first: string;

  private constructor(unshare: Deno.ChildProcess, first: string) {
    this.#unshare = unshare;
    this.#first = first;
  }

  static async boot(root: Root): Promise<Booted> {
    const apart = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child=KILL"];
    const unshare = new Deno.Command("unshare", {
      args: [...apart, "--propagation", "private", "sh", "-c", MOUNTS, "sh", root.folder],
      ...{ stdin: "null", stdout: "null", stderr: "inherit" } as const,
    }).spawn();
    let first = "";
    const pathOfChildren = `/proc/${unshare.pid}/task/${unshare.pid}/children`;
    await waitUntil(() => (first = Deno.readTextFileSync(pathOfChildren).trim()) !== "", "process 1 is there");
    const booted = new Booted(unshare, first);
    for (let state = ""; state !== "running\n";) {
      state = (await booted.run("systemctl is-system-running --wait 2>/dev/null")).text;
      assert(state !== "degraded\n", (await booted.run("systemctl --failed")).text);
    }
    return booted;
  }

  run(command: string): Promise<Ended> {
    const args = ["--target", this.#first, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd"];
    return run("nsenter", [...args, "sh", "-c", command]);
  }

  async must(command: string): Promise<string> {
    const { code, text, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`"${command}" ended with ${code}: ${stderr}${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unshare.kill("SIGKILL");
    await this.#unshare.status;
  }
}

/** The units of the package that is installed in the root: start, reload, socket, restart, watchdog, kill. */
export async function playUnits(root: Root): Promise<void> {
  const port = freePort();
  const config = "etc/lisod/lisod.conf";
  root.write(config, root.read(config).replace("http = 80", `http = ${port}`));
  for (const unit of ["service", "socket"]) await Deno.mkdir(root.path(`etc/systemd/system/lisod.${unit}.d`));
  root.write("etc/systemd/system/lisod.service.d/test.conf", "[Service]\nWatchdogSec=3\n");
  root.write("etc/systemd/system/lisod.socket.d/test.conf", `[Socket]\nListenStream=\nListenStream=${port}\n`);
  await using booted = await Booted.boot(root);
  const status = async () =>
    (await curl("--output", "/dev/null", "--write-out", "%{http_code}", `http://127.0.0.1:${port}/`)).text;
  const show = async (name: string) => (await booted.must(`systemctl show lisod --property=${name} --value`)).trim();
  const log = () => root.read("var/log/lisod/lisod.log");
  assertEquals([await show("ActiveState"), await show("User"), await status()], ["active", "lisod", "200"]);
  await booted.must("systemctl reload lisod");
  await waitUntil(() => log().includes("INFO main: reloaded"), "it is reloaded");
  await booted.must("systemctl stop lisod");
  assertEquals(await status(), "000");
  // From here on clients wait in systemd's socket.
  await booted.must("systemctl start lisod.socket");
  assertEquals(await status(), "200");
  await waitUntil(() => /listening on \S+ \(handed over\)/.test(log()), "it says that the socket was handed over");
  const restarting = booted.must("systemctl restart lisod");
  for (let count = 0; count < 20; count++) assertEquals(await status(), "200");
  await restarting;
  // One that hangs, and one that is killed: systemd starts another one, and nobody is refused.
  for (const signal of ["STOP", "KILL"]) {
    const before = await show("MainPID");
    await booted.must(`kill -${signal} ${before}`);
    assertEquals(await status(), "200", signal);
    assert(await show("MainPID") !== before, signal);
  }
  assertEquals(await show("NRestarts"), "2");
}
