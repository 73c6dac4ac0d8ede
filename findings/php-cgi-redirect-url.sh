#!/bin/bash
# php-cgi of PHP 8.2.36 (Debian 12, php8.2-cgi 8.2.36-1~deb12u1): REDIRECT_URL beside PATH_INFO and PATH_TRANSLATED.
#
# Guess, before it was run: REDIRECT_URL, which Apache sets to the path that was asked for where a rewrite has led to the script,
#   is for scripts to read and changes nothing: SCRIPT_FILENAME names the script.
# Seen: alone it changes nothing. Beside PATH_INFO and PATH_TRANSLATED (RFC 3875 4.1.5, 4.1.6) the script is not run, whatever its
#   value: PHP then takes the file of PATH_TRANSLATED for it, as an Action of Apache names it, and that is not there.
#     (nothing more): ran
#     REDIRECT_URL=/asked: ran
#     PATH_INFO PATH_TRANSLATED: ran
#     PATH_INFO PATH_TRANSLATED REDIRECT_URL=/asked: No input file specified.
#     PATH_INFO PATH_TRANSLATED REDIRECT_URL=/index.php/a: No input file specified.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 php8.2-cgi=8.2.36-1~deb12u1 libargon2-1=0~20171227-0.3+deb12u1 libicu72=72.1-3+deb12u1 libpcre2-8-0=10.42-1+deb12u2 \
  libsodium23=1.0.18-1+deb12u1 libssl3=3.0.22-1~deb12u2 libxml2=2.9.14+dfsg-1.3~deb12u6 \
  2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
echo '<?php echo "ran";' >"$dir/index.php"

ask() { # ask WANT VARIABLE=VALUE...
  local want=$1 seen names=()
  shift
  seen=$(env -i LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu" REDIRECT_STATUS=200 GATEWAY_INTERFACE=CGI/1.1 \
    REQUEST_METHOD=GET SERVER_PROTOCOL=HTTP/1.1 DOCUMENT_ROOT="$dir" SCRIPT_FILENAME="$dir/index.php" \
    SCRIPT_NAME=/index.php "$@" "$dir/root/usr/bin/php-cgi8.2" -n | tail -n 1 || true)
  for variable in "$@"; do
    if [[ $variable == REDIRECT_URL=* ]]; then names+=("$variable"); else names+=("${variable%%=*}"); fi
  done
  echo "${names[*]:-(nothing more)}: $seen"
  [[ $seen == "$want" ]] || { echo "Not as it was"; exit 1; }
}

info=(PATH_INFO=/a "PATH_TRANSLATED=$dir/a")
ask ran
ask ran REDIRECT_URL=/asked
ask ran "${info[@]}"
ask 'No input file specified.' "${info[@]}" REDIRECT_URL=/asked
ask 'No input file specified.' "${info[@]}" REDIRECT_URL=/index.php/a
