#!/usr/bin/env bash
# Draws the pictures in docs/images from real runs in a temporary folder. Needs script(1) of util-linux.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=/tmp/silt # the pictures show this path
mkdir "$work" || { echo "$work already exists. Try: mv $work $work.old" >&2; exit 1; }
trap 'rm -rf "$work"' EXIT
make build BIN="$work/bin"
go build -o "$work/bin/" ./scripts/nfwgen ./scripts/shots
export PATH="$work/bin:$PATH"

mkdir -p "$work/sql"
cd "$work"
nfwgen -out staging -events 1000000 -days 3 >/dev/null
cp "$root/jobs/specs/network-firewall-local.yaml" job.yaml
images=$root/docs/images
mkdir -p "$images"

shots -o "$images/demo.svg" -frame 'write .* [2-8][0-9] %' 'etl run job.yaml'
shots -o "$images/query.svg" "etl query \"SELECT firewall_rule.category, severity, count(*) AS blocked, max(src_endpoint.ip) AS one_source
  FROM network_firewall WHERE action_id = 2 AND eventday = '20250602' GROUP BY ALL ORDER BY blocked DESC\""
shots -o "$images/doctor.svg" -cols 140 'etl doctor job.yaml'

cp -r "$root/sql/network-firewall" sql/mine
sed -i -e 's/AS "src_endpoint.port"/AS "src_endpoint.prot"/' -e 's/^  6 AS activity_id, -- Traffic/  16 AS activity_id,/' \
  -e 's/AS "metadata.product.vendor_name"/AS "metadata.product.vendor_nmae"/' sql/mine/network_activity.sql
sed -e 's/  region: us-east-1/  regoin: us-east-1/' -e 's/memory: 2GiB/memory: lots/' job.yaml >wrong.yaml
shots -o "$images/check.svg" -cols 160 'etl check sql/mine' 'etl check wrong.yaml'

cp -r "$root/sql/windows-sysmon" sql/sysmon
sed -i -e '/name: 11 file created/,/^- name: 12/s/activity_id: 1$/activity_id: 2/' sql/sysmon/tests/events.yaml
shots -o "$images/test.svg" -cols 140 'etl test sql/sysmon'
cp "$root/testdata/windows-sysmon/events.jsonl" .
shots -o "$images/coverage.svg" -cols 150 'etl preview sql/sysmon events.jsonl --coverage | head -36'
ls -l "$images"
