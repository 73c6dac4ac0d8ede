#!/bin/bash
# HTTP::Date 6.05 (Debian 12, libhttp-date-perl 6.05-2) and fresh 2.0.0 (npm, by which Express answers 304): a date in the form
# of asctime, one of the three that RFC 9110 5.6.7 has recipients accept: "Sun Nov  6 08:49:37 1994".
#
# HTTP's dates are UTC, whichever form they have.
# Guess, before it was run: the same time for each form, wherever the server stands.
# Seen: asctime's is taken for the machine's own time. In Tokyo it is nine hours too early; in New York five hours too late, so that
#   fresh says 304 for a page that was changed after the copy that the client asks about:
#                                          TZ=UTC     TZ=Asia/Tokyo   TZ=America/New_York
#     HTTP::Date, the form of RFC 1123     08:49:37   08:49:37        08:49:37
#     HTTP::Date, the form of asctime      08:49:37   23:49:37        13:49:37
#     fresh, changed later, RFC 1123       200        200             200
#     fresh, changed later, asctime        200        200             304
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 libhttp-date-perl=6.05-2 libtimedate-perl=2.3300-2 2>"$dir/apt.log") ||
  { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
(cd "$dir" && npm install --silent --no-audit --no-fund --prefix . fresh@2.0.0)

cat >"$dir/fresh.cjs" <<'PROGRAM'
const condition = { "if-modified-since": process.argv[2] };
const changed = { "last-modified": "Sun, 06 Nov 1994 10:00:00 GMT" };
console.log(require("fresh")(condition, changed) ? 304 : 200);
PROGRAM
read_by_perl() {
  PERL5LIB=$dir/root/usr/share/perl5 perl -MHTTP::Date -MPOSIX=strftime -e 'print strftime "%T", gmtime str2time(shift)' "$1"
}
read_by_fresh() { node "$dir/fresh.cjs" "$1"; }

check() { # reader, date, "in UTC, in Tokyo, in New York"
  local zone seen=()
  for zone in UTC Asia/Tokyo America/New_York; do seen+=("$(TZ=$zone "$1" "$2")"); done
  echo "$1 $2: ${seen[*]}"
  [[ ${seen[*]} = "$3" ]] || { echo "Not as it was: $3"; exit 1; }
}
check read_by_perl "Sun, 06 Nov 1994 08:49:37 GMT" "08:49:37 08:49:37 08:49:37"
check read_by_perl "Sun Nov  6 08:49:37 1994" "08:49:37 23:49:37 13:49:37"
check read_by_fresh "Sun, 06 Nov 1994 08:49:37 GMT" "200 200 200"
check read_by_fresh "Sun Nov  6 08:49:37 1994" "200 200 304"
