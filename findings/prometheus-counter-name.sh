#!/bin/bash
# The reader of Prometheus's Python client, 0.16.0 (Debian 12, python3-prometheus-client 0.16.0-0.1), and a counter whose name does not
# end in _total.
#
# In the text format 0.0.4 a counter may have any name; OpenMetrics alone wants _total. Prometheus itself keeps the name as it stands.
# Guess, before it was run: samples have the names that stand in the text.
# Seen: a counter's samples are renamed, so that who looks for the name finds nothing; and where both names stand in one text, as
#   while a server goes from the old to the new, there are two families and two samples of one name:
#     # TYPE hits counter, hits 5               family hits, sample hits_total 5
#     # TYPE hits_total counter, hits_total 5   family hits, sample hits_total 5
#     # TYPE hits gauge, hits 5                 family hits, sample hits 5
#     both counters, 5 and 7                    family hits, sample hits_total 5; family hits, sample hits_total 7
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 python3-prometheus-client=0.16.0-0.1 python3-decorator=5.1.1-3 2>"$dir/apt.log") ||
  { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done

cat >"$dir/read.py" <<'PROGRAM'
import sys
from prometheus_client.parser import text_string_to_metric_families

families = text_string_to_metric_families(sys.stdin.read())
print("; ".join(f"family {family.name}, sample {' '.join(f'{sample.name} {sample.value:g}' for sample in family.samples)}"
                for family in families))
PROGRAM

check() { # text, what is read
  local seen
  seen=$(printf '%b' "$1" | PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/read.py")
  echo "$seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; exit 1; }
}
old='# TYPE hits counter\nhits 5\n'
new='# TYPE hits_total counter\nhits_total 7\n'
check "$old" "family hits, sample hits_total 5"
check "${new/7/5}" "family hits, sample hits_total 5"
check '# TYPE hits gauge\nhits 5\n' "family hits, sample hits 5"
check "$old$new" "family hits, sample hits_total 5; family hits, sample hits_total 7"
