#!/bin/bash
# Two challenges of authentication at six clients (Debian 12), each of which has a name and a password: lftp 4.9.2 (lftp 4.9.2-2+b1),
# Lynx 2.9.0dev.12 (lynx 2.9.0dev.12-1), LWP 6.68 (libwww-perl 6.68-1), wget2 1.99.1 (wget2 1.99.1-2.2), HTTPClient 2.8.3
# (ruby-httpclient 2.8.3+git20211122.4658227-1) and urllib of Python 3.11.2 (libpython3.11-stdlib 3.11.2-6+deb12u8).
#
# RFC 9110 11.6.1: a field may hold more than one challenge, and may stand more than once; the third line here is its example. Who
# combines fields of one name by commas (5.3), as proxies and CGI programs do, makes one of two. curl, wget and aria2 answer all four.
# Guess, before it was run: each client takes Basic wherever it stands.
# Seen: five of six look at the first challenge of a field alone, so that the page is 401 for good; wget2 at the first of two fields
#   alone; and urllib wants realm to be the first parameter, though charset (RFC 7617 2.1) may stand before it:
#                                            lftp   lynx   lwp   wget2   httpclient   urllib
#     Basic realm="r"                        yes    yes    yes   yes     yes          yes
#     Newauth ..., and another field Basic   yes    yes    yes   no      yes          yes
#     Newauth ..., Basic realm="simple"      no     no     no    no      no           yes
#     Basic charset="UTF-8", realm="r"       yes    yes    yes   yes     yes          no
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/home"
(cd "$dir/debs" && apt-get download --quiet=2 lftp=4.9.2-2+b1 lynx=2.9.0dev.12-1 lynx-common=2.9.0dev.12-1 libidn12=1.41-1 \
  libwww-perl=6.68-1 libhttp-message-perl=6.44-1 libhttp-date-perl=6.05-2 liburi-perl=5.17-1 libtry-tiny-perl=0.31-2 \
  libnet-http-perl=6.22-1 wget2=1.99.1-2.2 libwget0=1.99.1-2.2 libgpgme11=1.18.0-3+b1 libassuan0=2.5.5-5 ruby3.1=3.1.2-7+deb12u1 \
  libruby3.1=3.1.2-7+deb12u1 ruby-rubygems=3.3.15-2+deb12u1 ruby-httpclient=2.8.3+git20211122.4658227-1 ruby-http-cookie=1.0.5-1 \
  ruby-domain-name=0.5.20190701-1 ruby-unf=0.1.4-2.1 ruby-unf-ext=0.0.7.7-1+b4 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# Each path has challenges of its own; who answers by Basic gets the page.
cat >"$dir/server.py" <<'PROGRAM'
import http.server

NEW = r'Newauth realm="apps", type=1, title="Login to \"apps\""'
CHALLENGES = {
    "/one": ['Basic realm="r"'],
    "/fields": [NEW, 'Basic realm="simple"'],
    "/field": [NEW + ', Basic realm="simple"'],
    "/charset": ['Basic charset="UTF-8", realm="r"'],
}

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == "Basic dTpw"
        self.send_response(200 if known else 401)
        for challenge in CHALLENGES.get(self.path, []) if not known else []:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"hello" if known else b"whose")

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
grep -v lynx.lss "$root/etc/lynx/lynx.cfg" >"$dir/lynx.cfg"
cat >"$dir/get.pl" <<'PROGRAM'
use LWP::UserAgent;
sub LWP::UserAgent::get_basic_credentials { ("u", "p") }
print LWP::UserAgent->new->get(shift)->content;
PROGRAM
cat >"$dir/get.rb" <<'PROGRAM'
require "httpclient"
client = HTTPClient.new
client.set_auth(ARGV[0], "u", "p")
print client.get(ARGV[0]).body
PROGRAM
cat >"$dir/get.py" <<'PROGRAM'
import sys, urllib.request
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, sys.argv[1], "u", "p")
print(urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords)).open(sys.argv[1]).read().decode())
PROGRAM
ruby_folders=("$root/usr/lib/ruby/vendor_ruby" "$root/usr/lib/ruby/3.1.0" "$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
  "$root/usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0" "$root"/usr/share/rubygems-integration/all/gems/*/lib)

export no_proxy=127.0.0.1 HOME=$dir/home TERM=vt100
own() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib timeout 20 "$@" 2>>"$dir/log" </dev/null; }
with_lftp() { own "$root/usr/bin/lftp" -c "set net:max-retries 1; open -u u,p $base; cat $1"; }
with_lynx() { own "$root/usr/bin/lynx" -cfg="$dir/lynx.cfg" -lss="$root/etc/lynx/lynx.lss" -auth=u:p -source "$base$1"; }
with_lwp() { PERL5LIB=$root/usr/share/perl5 own perl "$dir/get.pl" "$base$1"; }
with_wget2() { own "$root/usr/bin/wget2" -qO- --http-user=u --http-password=p "$base$1"; }
with_httpclient() { own "$root/usr/bin/ruby3.1" "${ruby_folders[@]/#/-I}" "$dir/get.rb" "$base$1"; }
with_urllib() { own /usr/bin/python3 "$dir/get.py" "$base$1"; }

check() { # path, "lftp lynx lwp wget2 httpclient urllib"
  local client seen=()
  for client in with_lftp with_lynx with_lwp with_wget2 with_httpclient with_urllib; do
    if [[ $("$client" "$1" || true) = hello ]]; then seen+=(yes); else seen+=(no); fi
  done
  echo "$1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check /one "yes yes yes yes yes yes"
check /fields "yes yes yes no yes yes"
check /field "no no no no no yes"
check /charset "yes yes yes yes yes no"
