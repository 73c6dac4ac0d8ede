#!/bin/bash
# Forms of multipart/form-data at five readers of it (Debian 12): CGI.pm 4.55 (libcgi-pm-perl 4.55-1), HTTP::Entity::Parser 0.25,
# which is Plack's (libhttp-entity-parser-perl 0.25-2), HTTP::Body 1.22 (libhttp-body-perl 1.22-2), Tornado 6.2.0 (python3-tornado
# 6.2.0-3+deb12u4) and CGI of Ruby 3.1.2 (libruby3.1 3.1.2-7+deb12u1).
#
# RFC 2046 5.1.1: text in front of the first delimiter and behind the last one is to be ignored; a boundary may have a comma, and
# stands between quotes then. RFC 9110 8.3.1: a media type has no case. RFC 5322 2.2: a field's value follows the colon, with or
# without a blank.
# Guess, before it was run: a=1 and b=2 from each.
# Seen: each fails at another form: an exception, 400, or no fields at all and no error, as from CGI.pm and Tornado for the type:
#                                              CGI.pm   Plack   HTTP::Body   Tornado   Ruby
#     as browsers write it                     yes      yes     yes          yes       yes
#     CRLF in front of the first delimiter     yes      yes     yes          no        no
#     a line behind the last delimiter         yes      no      yes          yes       yes
#     Content-Type: Multipart/Form-Data        no       no      yes          no        no
#     Content-Disposition:form-data;name="a"   no       yes     no           yes       no
#     boundary="x,y"                           no       yes     yes          yes       no
#   PHP 8.2 and Werkzeug 2.2.2 read all of them.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 libcgi-pm-perl=4.55-1 libhttp-entity-parser-perl=0.25-2 libhttp-body-perl=1.22-2 \
  libhash-multivalue-perl=0.16-3 libhttp-multipartparser-perl=0.02-3 libstream-buffered-perl=0.03-3 libhttp-message-perl=6.44-1 \
  libhttp-date-perl=6.05-2 liburi-perl=5.17-1 libhtml-parser-perl=3.81-1+deb12u1 libwww-form-urlencoded-perl=0.26-2 \
  libjson-maybexs-perl=1.004004-1 python3-tornado=6.2.0-3+deb12u4 ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 \
  ruby-rubygems=3.3.15-2+deb12u1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

# Each reads the form on standard input, whose length and type are in the environment, and prints its fields in their order.
cat >"$dir/cgi.pl" <<'PROGRAM'
use CGI;
my $form = CGI->new;
die $form->cgi_error if $form->cgi_error;
print join ",", map { "$_=" . scalar $form->param($_) } $form->param;
PROGRAM
cat >"$dir/plack.pl" <<'PROGRAM'
use HTTP::Entity::Parser;
my $parser = HTTP::Entity::Parser->new;
$parser->register("multipart/form-data", "HTTP::Entity::Parser::MultiPart");
my ($fields) = $parser->parse({ %ENV, "psgi.input" => *STDIN });
print join ",", map { "$$fields[2 * $_]=$$fields[2 * $_ + 1]" } 0 .. @$fields / 2 - 1;
PROGRAM
cat >"$dir/body.pl" <<'PROGRAM'
use HTTP::Body;
my $body = HTTP::Body->new($ENV{CONTENT_TYPE}, $ENV{CONTENT_LENGTH});
$body->add(do { local $/; <STDIN> });
my $fields = $body->param;
print join ",", map { "$_=$$fields{$_}" } sort keys %$fields;
PROGRAM
cat >"$dir/form.py" <<'PROGRAM'
import os, sys
from tornado.httputil import parse_body_arguments
fields = {}
parse_body_arguments(os.environ["CONTENT_TYPE"], sys.stdin.buffer.read(), fields, {})
print(",".join(f"{name}={values[0].decode()}" for name, values in fields.items()))
PROGRAM
cat >"$dir/cgi.rb" <<'PROGRAM'
require "cgi"
puts CGI.new.params.map { |name, (value)| "#{name}=#{value.respond_to?(:read) ? value.read : value}" }.join(",")
PROGRAM
root=$dir/root
ruby_folders=("$root/usr/lib/ruby/vendor_ruby" "$root/usr/lib/ruby/3.1.0" "$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0")
export PERL5LIB=$root/usr/share/perl5:$root/usr/lib/x86_64-linux-gnu/perl5/5.36 REQUEST_METHOD=POST GATEWAY_INTERFACE=CGI/1.1
with_ruby() { LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$root/usr/bin/ruby3.1" "${ruby_folders[@]/#/-I}" "$dir/cgi.rb"; }
with_tornado() { PYTHONPATH=$root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/form.py"; }

check() { # Content-Type, boundary, Content-Disposition of a, in front, behind, "CGI.pm, Plack, HTTP::Body, Tornado, Ruby"
  local fields form reader seen=() size
  form="$4--$2\r\n$3\r\n\r\n1\r\n--$2\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--$2--\r\n$5"
  printf '%b' "$form" >"$dir/form"
  size=$(stat -c %s "$dir/form")
  for reader in "perl $dir/cgi.pl" "perl $dir/plack.pl" "perl $dir/body.pl" with_tornado with_ruby; do
    fields=$(CONTENT_TYPE=$1 CONTENT_LENGTH=$size $reader <"$dir/form" 2>>"$dir/log") || fields=
    if [[ $fields = a=1,b=2 ]]; then seen+=(yes); else seen+=(no); fi
  done
  echo "$1 / $3 / ${4:--} / ${5:--}: ${seen[*]}"
  [[ ${seen[*]} = "$6" ]] || { echo "Not as it was: $6"; cat "$dir/log"; exit 1; }
}
usual='Content-Disposition: form-data; name="a"'
check "multipart/form-data; boundary=xy" xy "$usual" "" "" "yes yes yes yes yes"
check "multipart/form-data; boundary=xy" xy "$usual" '\r\n' "" "yes yes yes no no"
check "multipart/form-data; boundary=xy" xy "$usual" "" 'The end.\r\n' "yes no yes yes yes"
check "Multipart/Form-Data; boundary=xy" xy "$usual" "" "" "no no yes no no"
check "multipart/form-data; boundary=xy" xy 'Content-Disposition:form-data;name="a"' "" "" "no yes no yes no"
check 'multipart/form-data; boundary="x,y"' x,y "$usual" "" "" "no yes yes yes no"
