#!/usr/bin/env bash
# Shows the main job in folders: generates Network Firewall logs in a staging folder, runs the shipped job, and queries the lake.
# usage: demo.sh BIN DEMO_DIR
set -eu
bin=$(cd "$1" && pwd)
dir=$2
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
echo "== 200,000 Network Firewall events over 3 days, in AWS's own key layout"
"$bin/nfwgen" -out staging -events 200000 -days 3
cat <<'JOB' >job.yaml
name: network-firewall
source:
  staging: ./staging/AWSLogs
  include: ["**/network-firewall/**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake:
  location: ./lake
  source_name: network-firewall
  region: us-east-1
  account_id: "111122223333"
catalog: {type: local}
limits: {memory: 2GiB}
JOB
echo
echo "== etl run job.yaml"
"$bin/etl" run job.yaml
echo
echo "== etl query: the sources that were blocked most"
"$bin/etl" query --job job.yaml "
  SELECT src_endpoint.ip AS source, dst_endpoint.hostname AS host, firewall_rule.name AS rule, count(*) AS blocked
  FROM amazon_security_lake_table_us_east_1_ext_network_firewall
  WHERE action_id = 2 AND eventday BETWEEN '20250601' AND '20250603'
  GROUP BY ALL ORDER BY blocked DESC, source, host, rule LIMIT 10"
echo
echo "The job, its lake and its ledger are in $dir/. If you run it again, it finds no new objects."
