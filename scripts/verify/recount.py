"""Computes in plain Python what the Network Firewall job should have published, and compares it with the lake.

    recount.py STAGING LAKE

Reads STAGING's gzip files of JSON lines. For each record, it computes the event day, time, flow, source address and the whole
unmapped map, and compares them with the rows of LAKE's files. The list of mapped fields was copied from sql/network-firewall by
hand: a field that is listed here but not mapped, or a field that is lost, shows as a difference.
"""

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone

import pyarrow.parquet as pq

from judge_parquet import files

# Raw fields that the mapping writes to an output, or that a `-- consumes:` line rebuilds.
MAPPED = {
    "firewall_name",
    "availability_zone",
    "event.timestamp",
    "event.flow_id",
    "event.src_ip",
    "event.src_port",
    "event.dest_ip",
    "event.dest_port",
    "event.proto",
    "event.app_proto",
    "event.netflow.bytes",
    "event.netflow.pkts",
    "event.netflow.start",
    "event.netflow.end",
    "event.tcp.tcp_flags",
    "event.alert.action",
    "event.alert.signature_id",
    "event.alert.signature",
    "event.alert.category",
    "event.tls.sni",
    "event.tls.version",
    "event.http.hostname",
    "event.http.url",
}


class Number(str):
    """A JSON number as it was written."""


def text(value):
    """Returns a leaf as unmapped contains it. Arrays are compared by their values, whatever their spaces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return canonical(value)
    if value == {}:
        return "{}"
    return str(value)


def canonical(value):
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{canonical(v)}" for k, v in value.items()) + "}"
    return str(value) if isinstance(value, Number) else json.dumps(value)


def parse(line):
    return json.loads(line, parse_int=Number, parse_float=Number)


def leaves(value, path=""):
    for key, inner in value.items():
        at = f"{path}.{key}" if path else key
        if isinstance(inner, dict) and inner:
            yield from leaves(inner, at)
        else:
            yield at, inner


def unmapped(record):
    out = {p: text(v) for p, v in leaves(record) if v is not None and p not in MAPPED}
    event = record.get("event", {})
    for port in ("src_port", "dest_port"):  # a value that is not a port does not fit the attribute
        if port in event and not (re.fullmatch("[0-9]+", str(event[port])) and int(event[port]) <= 65535):
            out[f"event.{port}"] = text(event[port])
    tls = event.get("tls") or {}
    if "version" not in tls and "sni" in tls:  # OCSF's tls needs its version
        out["event.tls.sni"] = tls["sni"]
    return out


STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})([+-])(\d\d)(\d\d)$")


def milliseconds(stamp):
    """Converts 2020-10-01T21:26:05.007515+0000 to epoch milliseconds, rounded down."""
    seconds, micros, sign, hours, minutes = STAMP.match(stamp).groups()
    moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    moment -= offset if sign == "+" else -offset
    return int(moment.timestamp()) * 1000 + int(micros) // 1000


def day(ms):
    return datetime.fromtimestamp(ms // 1000, timezone.utc).strftime("%Y%m%d")


def expected(staging):
    """Counter of (day, time, flow, source address, unmapped) over all records of the staging folder."""
    rows = Counter()
    for folder, _, names in os.walk(staging):
        for name in names:
            with gzip.open(os.path.join(folder, name), "rt", encoding="utf-8") as f:
                for line in f:
                    record = parse(line)
                    event = record["event"]
                    ms = milliseconds(event["timestamp"])
                    rows[day(ms), ms, str(event["flow_id"]), event["src_ip"], json.dumps(unmapped(record), sort_keys=True)] += 1
    return rows


def as_compared(value):
    if value.startswith("["):
        try:
            return canonical(parse(value))
        except ValueError:
            return value
    return value


def published(lake):
    rows = Counter()
    for name in files(lake):
        at = name.split("eventDay=")[1].split("/")[0]
        table = pq.ParquetFile(os.path.join(lake, name)).read(columns=["time", "connection_info.uid", "src_endpoint.ip", "unmapped"])
        for row in table.to_pylist():
            rest = {k: as_compared(v) for k, v in row["unmapped"] or []}
            rows[at, row["time"], row["connection_info"]["uid"], row["src_endpoint"]["ip"], json.dumps(rest, sort_keys=True)] += 1
    return rows


def compare(want, have):
    """Yields the differences between the results of expected and published."""
    by_day = [Counter(), Counter()]
    for rows, days in zip((want, have), by_day):
        for key, n in rows.items():
            days[key[0]] += n
    if by_day[0] != by_day[1]:
        yield f"rows by day: staging has {sorted(by_day[0].items())}, the lake {sorted(by_day[1].items())}"
    lacking, extra = want - have, have - want
    if lacking:
        yield f"{sum(lacking.values())} rows are missing, for example {sorted(lacking)[:2]}"
    if extra:
        yield f"{sum(extra.values())} unexpected rows, for example {sorted(extra)[:2]}"


def main():
    args = argparse.ArgumentParser()
    args.add_argument("staging")
    args.add_argument("lake")
    a = args.parse_args()
    want, have = expected(a.staging), published(a.lake)
    problems = list(compare(want, have))
    for p in problems:
        print(p)
    if problems or not want:
        sys.exit(1)
    keys = Counter(k for row in want for k in json.loads(row[4]))
    print(f"ok: {sum(want.values())} records, {len(set(r[0] for r in want))} days, {sum(keys.values())} unmapped values under {len(keys)} names")


if __name__ == "__main__":
    main()
