#!/bin/bash
# Deno 2.7.11 (npm package deno 2.7.11): what Deno.dlopen takes for each function of a library.
#
# Guess, before it was tried: a lookup of each name, so microseconds, and the same for all kinds of parameters.
# Seen: the runtime compiles machine code for each function that JavaScript may call directly: 0.1 to 0.3 ms each, most with buffers.
# A function with a parameter that is a struct, or one that runs aside (nonblocking), gets none and takes a tenth. A server that opens
# 57 functions of the C library spends 8 to 15 ms of each start on it; which are opened, and when, is worth a thought.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix . deno@2.7.11

library=$(ldd /bin/sh | grep -o '/[^ ]*libc\.so\.6')
cat >open.js <<'END'
const NAMES = ["close", "read", "write", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "abs"]
  .concat(["labs", "toupper", "tolower", "isalpha", "isdigit", "isspace", "isupper", "islower", "ispunct", "isprint"]);
function microseconds(definition) {
  const before = performance.now();
  Deno.dlopen(Deno.args[0], Object.fromEntries(NAMES.map((name) => [name, definition])));
  return Math.round((performance.now() - before) * 1000 / NAMES.length);
}
const shape = (...parameters) => ({ parameters, result: "i32" });
microseconds(shape("i32"));
console.log(
  microseconds(shape("i32")),
  microseconds(shape("i32", "buffer", "usize")),
  microseconds(shape("i32", { struct: ["i32"] })),
  microseconds({ ...shape("i32", "buffer", "usize"), nonblocking: true }),
);
END
read -r number buffer struct aside < <(node_modules/.bin/deno run --no-config --quiet --allow-ffi open.js "$library")
echo "us for each function: $number with a number, $buffer with a buffer, $struct with a struct, $aside aside"
if ((buffer < 4 * struct || buffer < 4 * aside || number < 2 * struct)); then
  echo 'Not as it was: those that are called directly took several times as long'
  exit 1
fi
