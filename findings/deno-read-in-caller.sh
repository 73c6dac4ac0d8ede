#!/bin/bash
# Deno 2.7.11 (npm package deno 2.7.11): read(fd, buffer, offset, length, position, callback) of node:fs, by which servers read parts of
# files so that a slow disk holds up nobody else.
#
# Guess, before it was tried: another thread reads, as with libuv, and the one that asks goes on.
# Seen: with a position the thread that asks reads all of it itself, and is as long in the kernel as the disk takes; another thread is
# waked up for a seek alone. Counted by the system, bytes that the asking thread has read (rchar of /proc/PID/task/TID/io):
#     Deno, with a position          all
#     Deno, Deno.FsFile.read()       none
#     Node.js 20, with a position    none
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . deno@2.7.11)
head -c 4194304 /dev/zero >"$dir/file"

cat >"$dir/read.mjs" <<'PROGRAM'
import { openSync, read, readFileSync } from "node:fs";
import process from "node:process";
const path = process.argv[2];
const readByCaller = () => Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/self/task/${process.pid}/io`, "latin1"))[1]);
const buffer = new Uint8Array(4194304);
async function count(name, ask) {
  await ask();
  const before = readByCaller();
  for (let asked = 0; asked < 4; asked++) await ask();
  console.log(`${name}: ${readByCaller() - before >= 4 * buffer.length ? "all" : "none"}`);
}
const fd = openSync(path, "r");
await count("with a position", () =>
  new Promise((resolve, reject) => read(fd, buffer, 0, buffer.length, 0, (error, length) => error ? reject(error) : resolve(length))));
if (globalThis.Deno !== undefined) {
  const file = await Deno.open(path);
  await count("FsFile", async () => {
    await file.seek(0, Deno.SeekMode.Start);
    await file.read(buffer);
  });
}
PROGRAM

check() { # name, expected output, command...
  local name=$1 expected=$2 seen
  shift 2
  seen=$("$@")
  printf '%s\n%s\n' "$name" "$seen"
  [[ $seen = "$expected" ]] || { printf 'Not as it was:\n%s\n' "$expected"; exit 1; }
}
check "Deno" "with a position: all
FsFile: none" env DENO_DIR="$dir/cache" "$dir/node_modules/.bin/deno" run --quiet --no-config --allow-all "$dir/read.mjs" "$dir/file"
check "Node.js" "with a position: none" node "$dir/read.mjs" "$dir/file"
