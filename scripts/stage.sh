# shellcheck shell=bash
# Lays out what scripts/package packs, for Debian's packages and for the tarball alike: where each file goes, and with which places and
# which user in it. Sourced after setup.sh and places.sh, never run.

# The user of the service and its configuration, where scripts/install has www-data and /etc/lisod.conf: a package makes a user
# of its own, and has a folder for files that others add.
fill_packaged() {
  sed -E 's|/etc/lisod\.conf|/etc/lisod/lisod.conf|g; s|\bwww-data\b|lisod|g; s|/usr/local/lib/lisod/cgi-bin|/usr/lib/cgi-bin|g' |
    replace_places "$1" ""
}

# stage_text SOURCE TARGET PREFIX: a text of the project with the places of the package.
stage_text() {
  mkdir -p "$(dirname "$2")"
  fill_packaged "$3" <"$1" >"$2"
}

# stage_server FOLDER PREFIX BINARY: FOLDER/etc, and all else below FOLDER/PREFIX.
stage_server() {
  local to=$1 prefix=$2 below=$1$2
  install -D -m 755 "$3" "$below/sbin/lisod"
  stage_text scripts/lisod "$below/sbin/lisodctl" "$prefix"
  chmod 755 "$below/sbin/lisodctl"
  stage_pages "$below" "$prefix"
  stage_service "$to" "$prefix"
  stage_completions "$below/share"
  mkdir -p "$below/share/lisod/www" "$below/share/doc/lisod/examples"
  stage_text scripts/installed.html "$below/share/lisod/www/index.html" "$prefix"
  cp www/style.css www/lisod.svg "$below/share/lisod/www/"
  cp examples/*.conf "$below/share/doc/lisod/examples/"
  cp readme.txt design.txt vulnerabilities.txt changelog.txt "$below/share/doc/lisod/"
  "$DENO" run --quiet --allow-read=. scripts/make_sbom.ts >"$below/share/doc/lisod/sbom.cdx.json"
}

stage_service() { # FOLDER PREFIX
  local lib=$1$2/lib
  stage_text scripts/lisod.service "$lib/systemd/system/lisod.service" "$2"
  stage_text scripts/lisod.socket "$lib/systemd/system/lisod.socket" "$2"
  stage_text scripts/lisod.sysusers "$lib/sysusers.d/lisod.conf" "$2"
  stage_text scripts/lisod.tmpfiles "$lib/tmpfiles.d/lisod.conf" "$2"
  stage_text scripts/lisod.logrotate "$1/etc/logrotate.d/lisod" "$2"
  stage_text scripts/lisod.conf "$1/etc/lisod/lisod.conf" "$2"
  mkdir -p "$1/etc/lisod/conf.d"
  cat >>"$1/etc/lisod/lisod.conf" <<'CONFIG'

# Sections of your own and of other packages (lisod-blog), in files of their own.
include = conf.d/*.conf
CONFIG
}

stage_completions() { # SHARE
  local zsh=site-functions
  [[ $1 != */usr/share ]] || zsh=vendor-completions
  stage_completion bash "$1/bash-completion/completions/lisod"
  stage_completion zsh "$1/zsh/$zsh/_lisod"
  stage_completion fish "$1/fish/vendor_completions.d/lisod.fish"
}

stage_completion() { # SHELL FILE
  mkdir -p "$(dirname "$2")"
  "$DENO" run --quiet scripts/make_completions.ts "$1" >"$2"
}

stage_pages() { # FOLDER PREFIX
  mkdir -p "$1/share/man/man5" "$1/share/man/man8"
  "$DENO" run --quiet scripts/make_man.ts 8 | fill_packaged "$2" >"$1/share/man/man8/lisod.8"
  "$DENO" run --quiet scripts/make_man.ts 5 | fill_packaged "$2" >"$1/share/man/man5/lisod.conf.5"
  fill_packaged "$2" <scripts/lisodctl.8 >"$1/share/man/man8/lisodctl.8"
}

# stage_blog FOLDER: the blog as a package of Debian's has it, to be served by what stage_server has laid out.
stage_blog() {
  local to=$1 share=$1/usr/share/lisod-blog
  mkdir -p "$share" "$to/usr/sbin" "$to/usr/lib/tmpfiles.d" "$to/etc/lisod/conf.d" "$to/usr/share/doc/lisod-blog" "$to/usr/share/man/man8"
  cp cgi-bin/wsgi_wrapper.py "$share/"
  cp -R cgi-bin/blog "$share/"
  find "$share" -name __pycache__ -prune -exec rm -rf {} +
  mv "$share/blog/README.txt" "$to/usr/share/doc/lisod-blog/"
  install -m 755 debian/lisod-blog.sh "$to/usr/sbin/lisod-blog"
  cp debian/lisod-blog.8 "$to/usr/share/man/man8/"
  cp debian/blog.tmpfiles "$to/usr/lib/tmpfiles.d/lisod-blog.conf"
  cp debian/blog.conf "$to/etc/lisod/conf.d/blog.conf"
}
