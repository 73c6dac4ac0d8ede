#!/bin/bash
# If-None-Match at what answers it for programs: Twisted 22.4.0 (Debian 12, python3-twisted 22.4.0-4+deb12u1), ConditionalGET of Plack
# 1.0050 (libplack-perl 1.0050-1) and of Rack 2.2.22 (ruby-rack 2.2.22-0+deb12u1), and WEBrick 1.8.1 (ruby-webrick 1.8.1-1).
#
# RFC 9110 13.1.2: the field is a list, the weak comparison is used, and a GET whose tag is listed is answered by 304. A cache lists
# what it has of a page; and a server that compresses what comes from a program has to make its tag weak, or another one (8.8.3.3).
# Guess, before it was run: 304 for each of these. (Werkzeug 2.2.2 and Django 3.2.25 have 304 for all.)
# Seen: Plack and Rack compare the whole field to the tag; Twisted splits the list at blanks and leaves the commas on, so that only
#   the last can match; for Twisted and WEBrick a weak tag is never the page's. So behind a server that compresses, where each browser
#   asks by W/"...", the page is sent again each time:
#                                Twisted   Plack   Rack   WEBrick
#     If-None-Match: "e"         304       304     304    304
#     If-None-Match: "x", "e"    304       200     200    304
#     If-None-Match: "e", "x"    200       200     200    304
#     If-None-Match: W/"e"       200       200     200    200
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '[[ -z ${pids[*]} ]] || kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root" "$dir/www"
(cd "$dir/debs" && apt-get download --quiet=2 python3-twisted=22.4.0-4+deb12u1 python3-automat=22.10.0-1 python3-attr=22.2.0-1 \
  python3-constantly=15.1.0-4 python3-hyperlink=21.0.0-5 python3-idna=3.3-1+deb12u1 python3-incremental=21.3.0-2 \
  python3-six=1.16.0-4 python3-typing-extensions=4.4.0-1 python3-zope.interface=5.5.2-1+b1 libplack-perl=1.0050-1 \
  libhash-multivalue-perl=0.16-3 libhttp-message-perl=6.44-1 libhttp-date-perl=6.05-2 liburi-perl=5.17-1 libtry-tiny-perl=0.31-2 \
  libdevel-stacktrace-perl=2.0400-2 libdevel-stacktrace-ashtml-perl=0.15-2 libstream-buffered-perl=0.03-3 \
  libwww-form-urlencoded-perl=0.26-2 libcookie-baker-perl=0.11-3 libhttp-entity-parser-perl=0.25-2 libhttp-headers-fast-perl=0.22-3 \
  libhttp-multipartparser-perl=0.02-3 libposix-strftime-compiler-perl=0.44-3 libapache-logformat-compiler-perl=0.36-3 \
  libfile-sharedir-perl=1.118-3 libclass-inspector-perl=1.36-3 libfilesys-notify-simple-perl=0.14-3 \
  ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 ruby-rubygems=3.3.15-2+deb12u1 ruby-rack=2.2.22-0+deb12u1 \
  ruby-webrick=1.8.1-1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
echo hello >"$dir/www/page"

# Each listens where it was told to; the tag is "e", but WEBrick makes one for its file.
cat >"$dir/server.py" <<'PROGRAM'
import sys
from twisted.internet import reactor
from twisted.web import http, resource, server

class Page(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"" if request.setETag(b'"e"') is http.CACHED else b"hello"

reactor.listenTCP(int(sys.argv[1]), server.Site(Page()), interface="127.0.0.1")
reactor.run()
PROGRAM
cat >"$dir/server.pl" <<'PROGRAM'
use Plack::Builder;
use Plack::Loader;
my $page = builder { enable "ConditionalGET"; sub { [200, ["Content-Type", "text/plain", "ETag", '"e"'], ["hello"]] } };
Plack::Loader->load("Standalone", host => "127.0.0.1", port => shift)->run($page);
PROGRAM
cat >"$dir/server.rb" <<'PROGRAM'
require "rack"
require "rack/handler/webrick"
page = lambda { |_| [200, { "Content-Type" => "text/plain", "ETag" => '"e"' }, ["hello"]] }
Thread.new { Rack::Handler::WEBrick.run(Rack::ConditionalGet.new(page), Host: "127.0.0.1", Port: ARGV[0].to_i) }
WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ARGV[1].to_i, DocumentRoot: ARGV[2]).start
PROGRAM
read -r twisted plack rack webrick < <(perl -MIO::Socket::INET -e '
  my @all = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") } 1 .. 4;
  print join(" ", map { $_->sockport } @all), "\n"')
root=$dir/root
PYTHONPATH=$root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/server.py" "$twisted" >"$dir/twisted.log" 2>&1 &
pids+=($!)
PERL5LIB=$root/usr/share/perl5:$root/usr/lib/x86_64-linux-gnu/perl5/5.36 perl "$dir/server.pl" "$plack" >"$dir/plack.log" 2>&1 &
pids+=($!)
ruby_folders=("$root/usr/lib/ruby/vendor_ruby" "$root/usr/lib/ruby/3.1.0" "$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
  "$root"/usr/share/rubygems-integration/all/gems/*/lib)
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$root/usr/bin/ruby3.1" "${ruby_folders[@]/#/-I}" "$dir/server.rb" "$rack" "$webrick" \
  "$dir/www" >"$dir/ruby.log" 2>&1 &
pids+=($!)

ask() { curl --silent --noproxy '*' --max-time 10 --output /dev/null "$@"; }
declare -A tags
for server in twisted plack rack webrick; do
  for _ in {1..150}; do ask "http://127.0.0.1:${!server}/page" && break; sleep 0.1; done
  tags[$server]=$(ask --dump-header - "http://127.0.0.1:${!server}/page" | tr -d '\r' | sed -n 's/^etag: //Ip')
done
check() { # If-None-Match, with "e" for the page's tag, "twisted plack rack webrick"
  local field seen=() server
  for server in twisted plack rack webrick; do
    field="If-None-Match: ${1/\"e\"/"${tags[$server]}"}"
    seen+=("$(ask --header "$field" --write-out '%{http_code}' "http://127.0.0.1:${!server}/page")")
  done
  echo "If-None-Match: $1: ${seen[*]}"
  [[ ${seen[*]} = "$2" ]] || { echo "Not as it was: $2"; cat "$dir"/*.log; exit 1; }
}
check '"e"' "304 304 304 304"
check '"x", "e"' "304 200 200 304"
check '"e", "x"' "200 200 200 304"
check 'W/"e"' "200 200 200 200"
