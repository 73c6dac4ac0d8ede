# shellcheck shell=bash
# What the scripts share: the pinned versions, and getting each tool that is missing. Sourced, never run; it changes to
# the project's folder. Tools go to .tools/, which only this file fills; nothing is installed elsewhere but the Debian
# packages of the tests. All downloads come from the npm registry (as npm is configured) and from Debian.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

readonly DENO_VERSION=2.7.11
readonly ESBUILD_VERSION=0.25.5 # the one that this Deno uses
readonly STDY_VERSION=0.22.2    # compiled with this Deno
readonly PLAYWRIGHT_VERSION=1.65.1
readonly AXE_VERSION=4.14.1
readonly TOOLS=$PWD/.tools
# Those that a binary can be made for, as uname -m names them.
readonly ARCHITECTURES=(x86_64 aarch64)
# What the blog needs, and the same from PyPI for a virtual environment.
readonly FLASK_PACKAGES=(python3-flask python3-markdown-it python3-bleach)
readonly FLASK_PYPI_PACKAGES=(flask markdown-it-py bleach)
# Packages whose programs the tests serve as they are packaged (tests/packages_test.ts), and what these leave to others.
readonly PACKAGED_PROGRAMS=(adminer awstats cgi-mapserver cgit cvsweb dokuwiki dwww gitweb munin munin-node libcgi-fast-perl)
# What the tests need of Debian, beside Node.js with npm.
readonly DEBIAN_PACKAGES=(apache2-bin apache2-utils certbot chromium curl dehydrated gcc git goaccess gunicorn haproxy iproute2 libcap2-bin libc6-dev libcgi-pm-perl libnss3-tools
  logrotate make man-db nghttp2-client nginx openssl perl php-cgi php-fpm procps prometheus python3 python3-h2 python3-websockets python3-yaml shellcheck slowhttptest strace systemd testssl.sh uwsgi-core uwsgi-plugin-python3 wrk
  "${PACKAGED_PROGRAMS[@]}" "${FLASK_PACKAGES[@]}" black flake8 mypy postgresql python3-psycopg2 python3-pytest
  qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross
  apparmor bubblewrap dpkg-dev fish lintian mmdebstrap xz-utils zsh)

# Deno takes the certificate authorities of the system, as npm and apt do, where it downloads anything.
export DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE:-system}
export DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# fetch_package NAME VERSION SHA256 FOLDER: unpacks an npm package into FOLDER. The hash is that of the packed package.
# Returns 1, having said why, when there is no npm, the download fails or the hash differs.
fetch_package() {
  local name=$1 version=$2 sha256=$3 folder=$4 work packed
  command -v npm >/dev/null || {
    say "Cannot get $name: npm is missing (Debian: apt-get install npm)"
    return 1
  }
  mkdir -p "$TOOLS"
  work=$(mktemp -d "$TOOLS/fetch.XXXXXX")
  say "Getting $name@$version from npm"
  if ! packed=$(npm pack --silent --pack-destination "$work" "$name@$version" | tail -n 1) || [[ ! -f $work/$packed ]]; then
    say "Cannot get $name: \"npm pack $name@$version\" failed (registry: $(npm config get registry))"
  elif ! sha256sum --check --status <<<"$sha256  $work/$packed"; then
    say "Refused $name@$version: its sha256 is not the pinned $sha256"
  else
    mkdir "$work/unpacked"
    tar -xzf "$work/$packed" -C "$work/unpacked" --strip-components=1 --no-same-owner
    rm -rf "$folder"
    mv "$work/unpacked" "$folder"
  fi
  rm -rf "$work"
  [[ -d $folder ]]
}

# Sets DENO to the pinned Deno: the one of PATH when it has exactly that version, else npm's.
find_deno() {
  local folder=$TOOLS/deno-$DENO_VERSION
  for DENO in "$(command -v deno || true)" "$folder/deno"; do
    if [[ -x $DENO && $("$DENO" --version 2>/dev/null) == "deno $DENO_VERSION "* ]]; then return; fi
  done
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "Put Deno $DENO_VERSION on PATH: this script gets it for Linux x86_64 alone"
  fetch_package @deno/linux-x64-glibc "$DENO_VERSION" 4f5ed8d62a7256c0c9930b9974d5a1bf14fa18335064a35214f2854fe2357a32 \
    "$folder" || fail "Put Deno $DENO_VERSION on PATH by hand; tried PATH and the npm package"
  chmod +x "$folder/deno"
  DENO=$folder/deno
}

# find_denort [ARCHITECTURE]: sets DENORT to the runtime that deno compile puts into a binary for that architecture, this
# machine's where none is named; "" where deno compile gets it by itself. It must be of Deno's own version. Order:
# DENORT_BIN as given; Deno's own download when its host answers; a binary on npm that was compiled with this Deno.
find_denort() {
  local architecture=${1:-$(uname -m)} machine package packed_sha256 sha256
  case $architecture in
  x86_64)
    machine=62 package=@stdy/cli-linux-x64
    packed_sha256=9f421f2809eeac41b1a70a9f85a6b408153956cc7797f51d5383f0233f1b5cbe
    sha256=f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6
    ;;
  aarch64)
    machine=183 package=@stdy/cli-linux-arm64
    packed_sha256=1a33f7a0c3f26bf7ecde3c9be53e392b3656a4d9d935bdbd0348470ffd7224d6
    sha256=9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef
    ;;
  *) fail "No denort is known for \"$architecture\", only for ${ARCHITECTURES[*]}" ;;
  esac
  if [[ -n ${DENORT_BIN:-} ]]; then
    [[ -x $DENORT_BIN ]] || fail "Cannot run DENORT_BIN \"$DENORT_BIN\": name the denort of Deno $DENO_VERSION, or unset it"
    # e_machine of elf(5)
    [[ $(od -An -t u2 --endian=little -j 18 -N 2 "$DENORT_BIN" | tr -d ' ') == "$machine" ]] ||
      fail "DENORT_BIN \"$DENORT_BIN\" is no denort for $architecture: name the one of Deno $DENO_VERSION, or unset it"
    DENORT=$DENORT_BIN
    return
  fi
  DENORT=$TOOLS/denort-$DENO_VERSION-$architecture
  if [[ ! -x $DENORT ]]; then
    if deno_host_answers "$architecture"; then DENORT=; else fetch_denort "$package" "$packed_sha256" "$sha256"; fi
  fi
}

# fetch_denort PACKAGE SHA256 SHA256_OF_DENORT: takes DENORT out of the binary of an npm package.
fetch_denort() {
  fetch_package "$1" "$STDY_VERSION" "$2" "$DENORT.package" ||
    fail "Set DENORT_BIN to ${DENORT##*/}, the runtime of Deno $DENO_VERSION; tried Deno's own download and the npm package"
  take_denort "$DENORT.package/bin/steady" >"$DENORT.part"
  rm -rf "$DENORT.package"
  sha256sum --check --status <<<"$3  $DENORT.part" ||
    fail "Refused \"$DENORT.part\": its sha256 is not the pinned $3; set DENORT_BIN"
  chmod +x "$DENORT.part"
  mv "$DENORT.part" "$DENORT"
}

# take_denort BINARY: writes the denort that a compiled binary begins with. Its last 8 bytes are a little-endian length N, and
# all before the last N bytes is denort.
take_denort() {
  local trailer
  trailer=$(tail -c 8 "$1" | od -An -t u8 --endian=little)
  head -c "$(($(stat -c %s "$1") - trailer))" "$1"
}

# deno_host_answers ARCHITECTURE: whether Deno's own download of denort can be had.
deno_host_answers() {
  "$DENO" eval --quiet 'await fetch(Deno.args[0], { method: "HEAD", signal: AbortSignal.timeout(3000) })' \
    "https://dl.deno.land/release/v$DENO_VERSION/denort-$1-unknown-linux-gnu.zip" 2>/dev/null
}

# Gets the esbuild with which deno bundle works, so that what it works with is pinned.
find_esbuild() {
  [[ $(uname -sm) == "Linux x86_64" ]] || return 0 # deno bundle gets it by itself
  [[ -f $TOOLS/esbuild-$ESBUILD_VERSION/bin/esbuild ]] ||
    fetch_package @esbuild/linux-x64 "$ESBUILD_VERSION" 95a928d8187c6f7ad632a3f3bbf01f66dfd5b5adb724b8bfeec5fff73ff2d91a \
      "$TOOLS/esbuild-$ESBUILD_VERSION" || fail "Cannot build without esbuild $ESBUILD_VERSION in .tools/"
}

# give_esbuild FOLDER: puts it where a Deno whose cache is FOLDER looks for it.
give_esbuild() {
  [[ -d $TOOLS/esbuild-$ESBUILD_VERSION ]] || return 0
  install -D "$TOOLS/esbuild-$ESBUILD_VERSION/bin/esbuild" "$1/dl/esbuild-$ESBUILD_VERSION/esbuild-linux-x64"
}

# find_test_tools NEED...: gets what tests need, in the words of scripts/run_tests.ts.
find_test_tools() {
  local need
  for need in "$@"; do
    case $need in
      denort) find_denort ;;
      arm64) DENORT_BIN='' find_denort aarch64 ;; # a DENORT_BIN is for this machine
      browser) find_browser_parts ;;
      debian) find_debian_packages "${DEBIAN_PACKAGES[@]}" ;;
      *) find_debian_packages "$need" ;;
    esac
  done
}

# find_debian_packages PACKAGE...: installs those that are missing as root; any other user is told which they are.
find_debian_packages() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  if ((${#missing[@]})); then
    if ((EUID == 0)) && command -v apt-get >/dev/null; then
      say "Installing ${missing[*]}"
      install_debian "${missing[@]}" || fail "Install by hand: ${missing[*]}; tried apt-get install, and again after apt-get update"
    else
      say "Missing, and only root can install it: ${missing[*]} (apt-get install ${missing[*]}); tests that need it will fail"
    fi
  fi
}

# Gets what browser tests need beside Debian's browser.
find_browser_parts() {
  grep -qs "\"version\": \"$PLAYWRIGHT_VERSION\"" "$TOOLS/playwright-core/package.json" ||
    fetch_package playwright-core "$PLAYWRIGHT_VERSION" 6f5a60be62a4fddfbe7d10c448d8fbd54547da3358f2f8a04211440471ee863e \
      "$TOOLS/playwright-core" || fail "Cannot test in a browser without playwright-core in .tools/"
  grep -qs "\"version\": \"$AXE_VERSION\"" "$TOOLS/axe-core/package.json" ||
    fetch_package axe-core "$AXE_VERSION" e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745 \
      "$TOOLS/axe-core" || fail "Cannot test accessibility without axe-core in .tools/"
}

# Sees to it that the Python of the blog has Flask, and says what it did: Debian's packages where apt works, else a virtual
# environment beside the wrapper, which finds it there. Returns 1, having said what is missing, when neither works.
find_flask() {
  local python=/usr/bin/python3 venv=cgi-bin/.venv
  if has_flask "$python" || has_flask "${FLASK_VENV:-$venv}/bin/python"; then return; fi
  if ((EUID == 0)) && command -v apt-get >/dev/null; then
    say "Installing ${FLASK_PACKAGES[*]}"
    if install_debian "${FLASK_PACKAGES[@]}" && has_flask "$python"; then return; fi
  fi
  say "Making the virtual environment $venv with ${FLASK_PYPI_PACKAGES[*]}"
  if "$python" -m venv "$venv" >&2 && "$venv/bin/pip" install --quiet "${FLASK_PYPI_PACKAGES[@]}" >&2 &&
    has_flask "$venv/bin/python"; then return; fi
  say "No Flask for $python: install ${FLASK_PACKAGES[*]} (apt-get install), or make $venv with ${FLASK_PYPI_PACKAGES[*]}"
  return 1
}

has_flask() { [[ -x $1 ]] && "$1" -c 'import bleach, flask, markdown_it' 2>/dev/null; }

# Installs packages without starting the services that they bring: Debian asks policy-rc.d(8) first.
install_debian() {
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get install --yes --quiet --no-install-recommends "$@") policy=/usr/sbin/policy-rc.d status=0
  if [[ -e $policy ]]; then policy=; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; fi
  "${install[@]}" </dev/null >&2 || { apt-get update --quiet >&2 && "${install[@]}" </dev/null >&2; } || status=$?
  [[ -z $policy ]] || rm -f "$policy"
  return "$status"
}
