#!/bin/bash
# Successful answers other than 200 at four clients (Debian 12): wget2 1.99.1 (wget2 1.99.1-2.2), aria2 1.36.0 (aria2 1.36.0-1), axel
# 2.17.11 (axel 2.17.11-3) and RestClient 2.1.0 (ruby-rest-client 2.1.0-3).
#
# RFC 9110 15: a client "MUST understand the class of any status code", and treat one that it does not know as the x00 of its class;
# 15.3.4: 203 is a 200 that a proxy has changed, as one that makes pictures smaller.
# Guess, before it was run: each client has the page, whichever of them it is.
# Seen: three of four fail at 203, which the RFC defines, and all four at a 2xx that they do not know:
#                  wget2   aria2   axel    restclient
#     200          hello   hello   hello   hello
#     203          -       -       -       hello
#     299          -       -       -       -
#   curl, wget, lftp, Lynx and HTTP::Tiny have the page each time.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/home"
(cd "$dir/debs" && apt-get download --quiet=2 wget2=1.99.1-2.2 libwget0=1.99.1-2.2 libgpgme11=1.18.0-3+b1 libassuan0=2.5.5-5 \
  aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2=1.18.1-3 libssh2-1=1.10.0-3+b1 libsqlite3-0=3.40.1-2+deb12u2 axel=2.17.11-3 \
  ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 ruby-rubygems=3.3.15-2+deb12u1 ruby-rest-client=2.1.0-3 \
  ruby-http-accept=2.2.0-1 ruby-http-cookie=1.0.5-1 ruby-domain-name=0.5.20190701-1 ruby-unf=0.1.4-2.1 ruby-unf-ext=0.0.7.7-1+b4 \
  ruby-mime-types=3.4.1-2 ruby-mime-types-data=3.2022.0105-1 ruby-netrc=0.11.0-4 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# The path is the status.
cat >"$dir/server.py" <<'PROGRAM'
import http.server

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path[1:4]), "Fine")
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"hello")

    do_HEAD = do_GET

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
print(server.server_port, flush=True)
server.serve_forever()
PROGRAM
/usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
base=http://127.0.0.1:$(<"$dir/port")

root=$dir/root
printf '%s\n' 'require "rest-client"' 'print RestClient.get(ARGV[0]).body' >"$dir/get.rb"
ruby_folders=("$root/usr/lib/ruby/vendor_ruby" "$root/usr/lib/ruby/3.1.0" "$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
  "$root/usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0" "$root"/usr/share/rubygems-integration/all/gems/*/lib)
export no_proxy=127.0.0.1 HOME=$dir/home
own() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib timeout 20 "$@" 2>>"$dir/log" </dev/null; }
with_wget2() { own "$root/usr/bin/wget2" -qO- "$1"; }
with_aria2() {
  rm -f "$dir/page"
  own "$root/usr/bin/aria2c" --quiet --no-conf --dir="$dir" --out=page "$1" && cat "$dir/page"
}
with_axel() {
  rm -f "$dir/page"
  own "$root/usr/bin/axel" --quiet --num-connections=1 --output="$dir/page" "$1" && cat "$dir/page"
}
with_restclient() { own "$root/usr/bin/ruby3.1" "${ruby_folders[@]/#/-I}" "$dir/get.rb" "$1"; }

check() { # status, "wget2 aria2 axel restclient"
  local client page seen=()
  for client in with_wget2 with_aria2 with_axel with_restclient; do
    page=$("$client" "$base/$1") || page=
    seen+=("${page:--}")
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check 200 "hello hello hello hello"
check 203 "- - - hello"
check 299 "- - - -"
