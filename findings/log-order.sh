#!/bin/bash
# The access log of a server that notes when a request came and writes the line when the answer has ended, as Apache's %t does, at
# three analysers: Webalizer 2.23.08, AWStats 7.8 and GoAccess 1.7 (Debian 12, webalizer 2.23.08-3.3, awstats 7.8-3+deb12u2, goaccess
# 1:1.7-1).
#
# Such a log is not in the order of its times: the line of a download or WebSocket that took three hours stands behind lines three
# hours later. mod_log_config says of %t "Time the request was received".
# Guess, before it was run: each line is counted, wherever it stands; they read the time of each.
# Seen: GoAccess alone counts all. Webalizer leaves a line out that is more than an hour older than the latest before it, as
#   "ignored"; AWStats one that is three hours older, and none of 90 minutes, as "corrupted"; so just the longest downloads, which
#   are most of the bytes, are not in the report:
#                                              Webalizer   AWStats   GoAccess
#     all lines in order                       6 hits      6 hits    6 hits
#     one began 30 minutes before the others   6 hits      6 hits    6 hits
#     one began 90 minutes before              5 hits      6 hits    6 hits
#     one began three hours before             5 hits      5 hits    6 hits
#   nginx's $time_local and lighttpd's %t are the time of the end; Apache has %{end:%d/%b/%Y:%T %z}t.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 webalizer=2.23.08-3.3 libdb5.3=5.3.28+dfsg2-1 libgd3=2.3.3-9+deb12u1 \
  libgeoip1=1.6.12-10 awstats=7.8-3+deb12u2 goaccess=1:1.7-1 libmaxminddb0=1.7.1-1 libncursesw6=6.4-4 \
  2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
root=$dir/root
export LC_ALL=C TZ=UTC0 LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu

line() { # time, path, bytes
  echo "192.0.2.7 - - [10/Nov/2026:$1:00 +0000] \"GET $2 HTTP/1.1\" 200 $3 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\""
}
hits_webalizer() {
  : >"$1/webalizer.conf"
  "$root/usr/bin/webalizer" -c "$1/webalizer.conf" -o "$1" -F clf -n h.example "$1/log" >"$1/webalizer.log" 2>&1
  tr -d '\n' <"$1/usage_202611.html" | sed 's/<[^>]*>/ /g' | sed -n 's/.*Total Hits *\([0-9]*\).*/\1/p'
}
hits_awstats() {
  printf '%s\n' "LogFile=\"$1/log\"" "LogFormat=1" 'SiteDomain="h.example"' 'HostAliases="h.example"' "DirData=\"$1\"" \
    "DNSLookup=0" >"$1/awstats.h.conf"
  perl "$root/usr/lib/cgi-bin/awstats.pl" -config=h -configdir="$1" -update >"$1/awstats.log" 2>&1
  sed -n 's/.*Found \([0-9]*\) new qualified.*/\1/p' "$1/awstats.log"
}
hits_goaccess() {
  "$root/usr/bin/goaccess" "$1/log" --log-format=COMBINED --no-global-config --output="$1/goaccess.json" >"$1/goaccess.log" 2>&1
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["general"]["valid_requests"])' "$1/goaccess.json"
}
check() { # when the fourth of six began, "webalizer awstats goaccess"
  local analyser folder=$dir/${1/:/} seen=()
  mkdir "$folder"
  { line 08:00 /1.html 100; line 11:58 /2.html 100; line 12:00 /3.html 100; line "$1" /large.iso 4000000000
    line 12:02 /5.html 100; line 12:03 /6.html 100; } >"$folder/log"
  for analyser in webalizer awstats goaccess; do seen+=("$("hits_$analyser" "$folder")"); done
  echo "12:00, $1, 12:02: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$folder"/*.log; exit 1; }
}
check 12:01 "6 6 6"
check 11:30 "6 6 6"
check 10:30 "5 6 6"
check 09:00 "5 5 6"
