#!/bin/sh
# lisod-blog COMMAND...: what manage.py of the blog does, as the user whose data they are. lisod-blog(8).
set -e

export BLOG_DATA="${BLOG_DATA:-/var/lib/lisod/blog}"
set -- /usr/bin/python3 /usr/share/lisod-blog/blog/manage.py "$@"
case $(id -un) in
lisod) exec "$@" ;;
root) exec runuser -u lisod -- "$@" ;;
*)
  echo "lisod-blog: only root and the user lisod may do that" >&2
  exit 1
  ;;
esac
