#!/bin/bash
# Deno 2.7.11 (npm package deno 2.7.11): URL with an http address that has a segment of one letter and ":" or "|". The URL
# Standard (Path state, "shorten a url's path") spares a drive letter of Windows from ".." in file: URLs alone.
#
# Guess, before it was looked for: none; a fuzzer that takes URL for the right value brought it up after some millions of paths.
# Seen: such a segment is spared in http URLs too, so that client code in Deno asks for another path than a browser does:
#     /x/a:/../y    /x/a:/y    (Node.js 20 and browsers: /x/y)
#     /x/ab:/../y   /x/y
#     /x/a%3A/../y  /x/y
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . deno@2.7.11)

cat >"$dir/paths.js" <<'PROGRAM'
const paths = ["/x/a:/../y", "/x/a|/../y", "/x/ab:/../y", "/x/a%3A/../y"];
console.log(paths.map((path) => `${path} ${new URL(`http://h.example${path}`).pathname}`).join("\n"));
PROGRAM

check() { # name, expected output, command...
  local name=$1 expected=$2 seen
  shift 2
  seen=$("$@")
  printf '%s\n%s\n' "$name" "$seen"
  [[ $seen = "$expected" ]] || { printf 'Not as it was:\n%s\n' "$expected"; exit 1; }
}
check "Deno" "/x/a:/../y /x/a:/y
/x/a|/../y /x/a|/y
/x/ab:/../y /x/y
/x/a%3A/../y /x/y" env DENO_DIR="$dir/cache" "$dir/node_modules/.bin/deno" run --no-config "$dir/paths.js"
check "Node.js" "/x/a:/../y /x/y
/x/a|/../y /x/y
/x/ab:/../y /x/y
/x/a%3A/../y /x/y" node "$dir/paths.js"
