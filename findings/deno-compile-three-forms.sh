#!/bin/bash
# Deno 2.7.11 (npm packages deno 2.7.11, and @stdy/cli-linux-x64 0.22.2, whose binary begins with the denort of that Deno): what
# deno compile puts into a binary for a module of TypeScript.
#
# Guess, before it was tried: what is run, so about as much as for the same module named .js.
# Seen: the source, what was made of it, and a map from one to the other, though the two texts are the same where a module has no
# types. One of 2,002 lines and 116,046 bytes makes the binary 117,532 bytes longer as .js and 243,726 as .ts. All of it is read at
# each start: of a server's module of 1.2 MB that was 40 of 300 ms and 3 MiB of memory (slow machine, same server as .js).
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix . deno@2.7.11
npm pack --silent @stdy/cli-linux-x64@0.22.2 >packed
tar -xzf "$(<packed)" package/bin/steady
# The last 8 bytes say how much follows the runtime.
length=$(tail -c 8 package/bin/steady | od -An -t u8 --endian=little)
head -c $(($(stat -c %s package/bin/steady) - length)) package/bin/steady >denort
chmod +x denort
export DENORT_BIN=$dir/denort DENO_DIR=$dir/cache

mkdir source
{
  echo 'const names = ['
  for ((line = 0; line < 2000; line++)); do printf '  "a name of which there are so many, each unlike: %04d",\n' "$line"; done
  echo ']; console.log(names.length);'
} >source/module.ts
cp source/module.ts source/module.js
size=$(stat -c %s source/module.ts)

added() { # file: bytes of its binary beyond those of the runtime
  node_modules/.bin/deno compile --quiet --no-check --no-config --no-lock --output binary "source/$1"
  [[ $(./binary) == 2000 ]] || { echo "It does not run"; exit 1; }
  echo $(($(stat -c %s binary) - $(stat -c %s denort)))
}

javascript=$(added module.js)
typescript=$(added module.ts)
echo "module: $size bytes; as .js it adds $javascript, as .ts $typescript"
if ((javascript > size + 4000 || typescript < 2 * size)); then
  echo 'Not as it was: .js added about the module once, .ts more than twice'
  exit 1
fi
