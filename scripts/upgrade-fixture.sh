#!/usr/bin/env bash
# Writes testdata/upgrade/written with an older etl: what a later version must be able to read, resume and replay.
# usage: scripts/upgrade-fixture.sh ETL_BINARY COMMIT
# It needs a Linux machine with flock (util-linux) and python3.
set -euo pipefail
etl=$(realpath "$1")
commit=$2
fixture=$(realpath "$(dirname "$0")/..")/testdata/upgrade
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

cp -r "$fixture"/jobs/. .

# stage FILE TIME: gzip the lines of standard input to a staging file that was last modified at TIME.
stage() {
  mkdir -p "$(dirname "$1")"
  gzip -n >"$1"
  touch -d "$2" "$1"
}
flow() { # ID DAY SECOND
  printf '{"firewall_name":"edge","availability_zone":"us-east-1a","event_timestamp":"1","event":{"timestamp":"%sT10:00:%s.000000+0000","flow_id":%s,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1024,"dest_ip":"192.0.2.9","dest_port":443,"proto":"TCP"}}\n' "$2" "$3" "$1"
}
login() { # TIME KIND USER
  printf '{"ts":"%s","kind":"%s","user":"%s","result":"ok","client":{"ip":"198.51.100.7","port":50211},"gateway":"vpn1","mfa":"totp"}\n' "$1" "$2" "$3"
}

# The firewall job: a run that succeeds, with one broken record and one of a day that event_days refuses.
firewall=staging/firewall/111122223333/network-firewall/flow/us-east-1/edge/2025/06
{ flow 1 2025-06-01 01; flow 2 2025-06-01 02; flow 3 2001-01-01 03; echo broken; } | stage $firewall/01/10/a.log.gz 2025-06-01T10:05:00.123456789Z
{ flow 4 2025-06-01 04; flow 5 2025-06-02 05; } | stage $firewall/01/10/b.log.gz 2025-06-01T10:10:00.5Z
"$etl" run firewall.yaml

# A second run plans three batches. It commits the first and is killed before it publishes: publishing needs the lake's
# exclusive lock, and holding does not.
{ flow 6 2025-06-02 06; flow 7 2025-06-02 07; } | stage $firewall/02/10/a.log.gz 2025-06-02T10:05:00.25Z
{ flow 8 2025-06-02 08; flow 9 2025-06-03 09; echo '{'; } | stage $firewall/02/10/b.log.gz 2025-06-02T10:10:00.75Z
{ flow 10 2025-06-03 10; } | stage $firewall/02/10/c.log.gz 2025-06-02T10:15:00.875Z
commits() { grep -l '"kind": *"commit"' lake/.silt/firewall/ledger/*.json | wc -l; }
before=$(commits)
exec 8<lake/.silt-tmp/lock
flock -s 8
"$etl" run firewall.yaml 8<&- &
run=$!
for _ in $(seq 600); do
  [ "$(commits)" -eq "$before" ] || break
  sleep 0.1
done
kill -KILL "$run"
wait "$run" || true
exec 8<&-
[ "$(commits)" -eq $((before + 1)) ] || { echo "the second run of the firewall job did not stop after one commit"; exit 1; }

# The vpn job: a run, a checkpoint with the first run's attempt records removed, a second run, and a rewind to the first.
vpn=staging/vpn/2025/06
{ login 2025-06-01T08:00:01Z login ada; login 2025-06-01T08:00:02Z logout ada; login 2025-06-01T08:00:03Z keepalive ada; } | stage $vpn/01/a.jsonl.gz 2025-06-01T09:00:00.111Z
{ login 2025-06-01T08:00:04Z login eve; } | stage $vpn/01/b.jsonl.gz 2025-06-01T09:10:00.222Z
"$etl" run vpn.yaml
first=$("$etl" runs list vpn.yaml -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["run"])')
find state/vpn/attempts -type f -exec touch -d '2 days ago' {} +
sed 's/^retention:.*/retention: {attempts: 1d}/' vpn.yaml >short.yaml
"$etl" retention short.yaml
rm short.yaml
{ login 2025-06-02T08:00:05Z login bob; login 2025-06-02T08:00:06Z logout bob; } | stage $vpn/02/a.jsonl.gz 2025-06-02T09:00:00.333Z
"$etl" run vpn.yaml
"$etl" bookmark set vpn.yaml --run "$first" --yes

# Git keeps neither modification times nor inodes, which identify a staging file: they are listed.
python3 - >staging.json <<'PY'
import json, os, sys
files = []
for folder, _, names in sorted(os.walk("staging")):
    for name in sorted(names):
        path = os.path.join(folder, name)
        st = os.stat(path)
        files.append({"path": path, "size": st.st_size, "mtime_ns": st.st_mtime_ns, "inode": st.st_ino})
json.dump(files, sys.stdout, indent=1)
print()
PY
# The local catalog names folders by absolute paths, and the ends of runs name their quarantine. No digest covers these
# files, so a placeholder can stand for the folder. No other file may name it.
grep -rlZ -- "$place" lake/catalog lake/.silt/*/runs state/*/runs | xargs -0 sed -i "s|$place|@PLACE@|g"
if grep -rl -- "$place" .; then
  echo "the files above name $place"
  exit 1
fi
find . -name lock -path '*.silt-tmp*' -delete
find . -type d -empty -delete

written=$fixture/written
rm -rf "$written"
mkdir "$written"
cp -r lake state staging staging.json "$written"/
echo "$commit" >"$written"/commit
echo "written by etl at commit $commit: $(find "$written" -type f | wc -l) files, $(du -sk "$written" | cut -f1) KiB"
