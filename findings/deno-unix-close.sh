#!/bin/bash
# Deno 2.7.11 (npm package deno 2.7.11): closing a listener of a Unix socket, beside a server that has taken the name over, as one
# does that is started anew while the old one still ends its connections.
#
# Guess, before it was tried: a file stays as it does in C and Python, or goes where it is still the listener's own.
# Seen: whatever has the name by then is removed, and the new server, which listens on, can be reached by nobody.
#     old listens; its file is removed; new listens by the same name; old is closed    the file of new is gone
# Node.js 20 does the same. Python 3.11 leaves the file alone.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . deno@2.7.11)

cat >"$dir/old_new.js" <<'PROGRAM'
const path = `${Deno.args[0]}/deno.sock`;
const [listen, exists] = [() => Deno.listen({ transport: "unix", path }), () => {
  try {
    return Deno.lstatSync(path).isSocket;
  } catch {
    return false;
  }
}];
const before = listen();
Deno.removeSync(path);
const after = listen();
console.log(`new: ${exists()}`);
before.close();
await new Promise((resolve) => setTimeout(resolve, 200));
console.log(`old closed: ${exists()}`);
console.log(await Deno.connect({ transport: "unix", path }).then(() => "reached", (error) => error.name));
after.close();
PROGRAM

cat >"$dir/old_new.cjs" <<'PROGRAM'
const [fs, net, path] = [require("fs"), require("net"), `${process.argv[2]}/node.sock`];
const before = net.createServer().listen(path, () => {
  fs.unlinkSync(path);
  const after = net.createServer().listen(path, () => {
    console.log(`new: ${fs.existsSync(path)}`);
    before.close(() => {
      console.log(`old closed: ${fs.existsSync(path)}`);
      after.close();
    });
  });
});
PROGRAM

cat >"$dir/old_new.py" <<'PROGRAM'
import os, socket, sys
path = sys.argv[1] + "/python.sock"
before, after = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
before.bind(path); before.listen(); os.unlink(path)
after.bind(path); after.listen()
print("new:", str(os.path.exists(path)).lower())
before.close()
print("old closed:", str(os.path.exists(path)).lower())
PROGRAM

check() { # name, expected output, command...
  local name=$1 expected=$2 seen
  shift 2
  seen=$("$@")
  printf '%s\n%s\n' "$name" "$seen"
  [[ $seen = "$expected" ]] || { printf 'Not as it was:\n%s\n' "$expected"; exit 1; }
}
check "Deno" "new: true
old closed: false
NotFound" env DENO_DIR="$dir/cache" "$dir/node_modules/.bin/deno" run --quiet --no-config --allow-all "$dir/old_new.js" "$dir"
check "Node.js" "new: true
old closed: false" node "$dir/old_new.cjs" "$dir"
check "Python" "new: true
old closed: true" python3 "$dir/old_new.py" "$dir"
