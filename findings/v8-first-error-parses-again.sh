#!/bin/bash
# Deno 2.7.11 (npm package deno 2.7.11; V8 14.7.173.7): what the first error costs that is thrown and caught below a large function.
#
# Guess, before it was tried: some microseconds, whatever the program's size, for the error is caught and nobody asks for its stack.
# Seen: V8 keeps no table of lines until a stack is made, and makes it by parsing each function of the stack once more. A program of
# one bundled module has its top level below everything that it calls at once: one of 20,000 small functions takes 50 to 100 ms longer
# when its first error is thrown below the top level than when main() begins in a turn of its own. Here that was 40 ms of each start
# of a server with a log file: it asks by readlink(2) whether the file is a link, and the runtime throws where it is none.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix . deno@2.7.11

program() { # how main() is called
  for ((index = 0; index < 20000; index++)); do
    printf 'function step%d(list, name) { for (const each of list) if (each.name === name) return each.value + %d; return null; }\n' \
      "$index" "$index"
  done
  cat <<'END'
function main() {
  const before = performance.now();
  try {
    throw new Error("caught");
  } catch {
    // Nobody looks at it.
  }
  console.log(Math.round((performance.now() - before) * 1000));
}
END
  echo "$1"
}

program 'main();' >at_once.js
program 'Promise.resolve().then(main);' >in_a_turn.js

least() { # file: microseconds, the least of five starts
  for _ in 1 2 3 4 5; do node_modules/.bin/deno run --no-config --quiet "$1"; done | sort -n | head -1
}

at_once=$(least at_once.js)
in_a_turn=$(least in_a_turn.js)
echo "the first error: $at_once us below the top level of $(stat -c %s at_once.js) bytes, $in_a_turn us in a turn of its own"
if ((at_once < 5000 || at_once < 10 * in_a_turn)); then
  echo 'Not as it was: the first took at least 5 ms, and ten times the second'
  exit 1
fi
