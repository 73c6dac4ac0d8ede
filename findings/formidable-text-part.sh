#!/bin/bash
# formidable 3.5.4 (npm): a text field of multipart/form-data that has a Content-Type, as .NET's HttpClient and Java's HttpClient of
# Apache write for each of their text fields. RFC 7578 4.4: each part may have one, and text/plain is the default.
#
# Guess, before it was run: a field, for a file is what has a filename (RFC 7578 4.2).
# Seen: a part with Content-Type is a file without a name that lies in the temporary folder, whatever type it is; the field is not
#   there for the program, and text/plain, which is the default, makes the difference:
#     no Content-Type                            fields: a=1   files: none
#     Content-Type: text/plain; charset=utf-8    fields: none  files: a=1, named null
#     Content-Type: text/plain                   fields: none  files: a=1, named null
#   busboy 1.6.0 and multiparty 4.3.1 (npm) have a field for each.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . formidable@3.5.4 busboy@1.6.0 multiparty@4.3.1)
mkdir "$dir/uploads"

cat >"$dir/read.cjs" <<'PROGRAM'
const { Readable } = require("stream");
const [library, type] = process.argv.slice(2);
const lines = ["--x-y", 'Content-Disposition: form-data; name="a"', ...(type ? [`Content-Type: ${type}`] : []), "", "1", "--x-y--", ""];
const body = Buffer.from(lines.join("\r\n"));
const request = Object.assign(Readable.from([body]), {
  method: "POST",
  headers: { "content-type": "multipart/form-data; boundary=x-y", "content-length": `${body.length}` },
});
const print = (fields, files) => console.log(`fields: ${fields.join() || "none"} files: ${files.join() || "none"}`);
const entries = (lists) => Object.entries(lists).flatMap(([name, list]) => list.map((item) => [name, item]));

if (library === "formidable") {
  const { readFileSync } = require("fs");
  require("formidable").formidable({ uploadDir: `${__dirname}/uploads` }).parse(request, (error, fields, files) => {
    if (error) throw error;
    print(
      entries(fields).map(([name, value]) => `${name}=${value}`),
      entries(files).map(([name, file]) => `${name}=${readFileSync(file.filepath)} named ${file.originalFilename}`),
    );
  });
} else if (library === "multiparty") {
  new (require("multiparty").Form)().parse(request, (error, fields, files) => {
    if (error) throw error;
    print(entries(fields).map(([name, value]) => `${name}=${value}`), entries(files).map(([name]) => name));
  });
} else {
  const [fields, files] = [[], []];
  const parser = require("busboy")({ headers: request.headers });
  parser.on("field", (name, value) => fields.push(`${name}=${value}`));
  parser.on("file", (name, file) => files.push(name) && file.resume());
  parser.on("close", () => print(fields, files));
  request.pipe(parser);
}
PROGRAM

check() { # library, type of the part or nothing, what is printed
  local seen
  seen=$(timeout 10 node "$dir/read.cjs" "$1" "$2")
  echo "$1, ${2:-no Content-Type}: $seen"
  [[ $seen = "$3" ]] || { echo "Not as it was: $3"; exit 1; }
}
check formidable "" "fields: a=1 files: none"
for type in "text/plain; charset=utf-8" text/plain; do
  check formidable "$type" "fields: none files: a=1 named null"
  check busboy "$type" "fields: a=1 files: none"
  check multiparty "$type" "fields: a=1 files: none"
done
