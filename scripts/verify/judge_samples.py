"""Finds the two sample records of Network Firewall's documentation in a lake and compares each value.

    judge_samples.py LAKE

The expected values, of a netflow and an alert record, were written by hand from the mapping's documentation.
"""

import os
import sys

import pyarrow.parquet as pq

from judge_parquet import files

COMMON = {
    "activity_id": 6,
    "activity_name": "Traffic",
    "category_uid": 4,
    "category_name": "Network Activity",
    "class_uid": 4001,
    "class_name": "Network Activity",
    "type_uid": 400106,
    "type_name": "Network Activity: Traffic",
    "app_name": "firewall",
    "metadata": {
        "product": {"name": "AWS Network Firewall", "vendor_name": "AWS", "feature": {"name": "Firewall"}},
        "version": "1.1.0",
        "profiles": ["cloud", "security_control"],
    },
}

NETFLOW = {
    **COMMON,
    "time": 1601587565007,
    "severity_id": 1,
    "severity": "Informational",
    "src_endpoint": {"ip": "45.129.33.153", "port": 47047},
    "dst_endpoint": {"ip": "172.31.16.139", "port": 16463},
    "connection_info": {
        "uid": "1770453319291727",
        "direction_id": 1,  # from a public to a private address
        "direction": "Inbound",
        "protocol_name": "tcp",
        "protocol_num": 6,
        "tcp_flags": 2,
    },
    "traffic": {"bytes": 60, "packets": 1},
    "start_time": 1601587504070,
    "end_time": 1601587504070,
    "duration": 0,
    "action_id": 0,
    "action": "Unknown",
    "disposition_id": 0,
    "disposition": "Unknown",
    "cloud": {"provider": "AWS", "region": "us-east-1", "zone": "us-east-1b", "account": {"uid": "111122223333"}},
    "unmapped": {
        "event_timestamp": "1601587565",
        "event.event_type": "netflow",
        "event.netflow.age": "0",
        "event.netflow.min_ttl": "241",
        "event.netflow.max_ttl": "241",
        "event.tcp.syn": "true",
    },
}

ALERT = {
    **COMMON,
    "time": 1601074865598,
    "severity_id": 2,  # Suricata's 3
    "severity": "Low",
    "src_endpoint": {"ip": "10.16.197.56", "port": 49157},
    "dst_endpoint": {"ip": "10.16.197.55", "port": 8883},
    "connection_info": {
        "uid": "1111111111111111",
        "direction_id": 3,  # between private addresses
        "direction": "Lateral",
        "protocol_name": "tcp",
        "protocol_num": 6,
    },
    "action_id": 1,
    "action": "Allowed",
    "disposition_id": 1,
    "disposition": "Allowed",
    "firewall_rule": {"uid": "2", "name": "", "category": ""},
    # "zone" is not an availability zone, so the region comes from the key
    "cloud": {"provider": "AWS", "region": "us-east-1", "zone": "zone", "account": {"uid": "111122223333"}},
    "unmapped": {
        "event_timestamp": "1601074865",
        "event.event_type": "alert",
        "event.alert.rev": "0",
        "event.alert.severity": "3",
    },
}

SAMPLES = {"1770453319291727": ("20201001", NETFLOW), "1111111111111111": ("20200925", ALERT)}


def prune(value):
    """Removes nulls."""
    if isinstance(value, dict):
        return {k: prune(v) for k, v in value.items() if v is not None}
    return value


def row_of(raw):
    row = prune(raw)
    if "unmapped" in row:
        row["unmapped"] = dict(row["unmapped"])
    return row


def differences(want, have, path=""):
    for key in sorted(set(want) | set(have)):
        at = f"{path}.{key}" if path and path != "unmapped" else key
        w, h = want.get(key), have.get(key)
        if isinstance(w, dict) and isinstance(h, dict):
            yield from differences(w, h, at)
        elif w != h or type(w) is not type(h):
            yield f"{at} is {h!r}, not {w!r}"


def judge(lake):
    found = []
    for name in files(lake):
        day = name.split("eventDay=")[1].split("/")[0]
        if day not in [d for d, _ in SAMPLES.values()]:
            continue
        for raw in pq.ParquetFile(os.path.join(lake, name)).read().to_pylist():
            row = row_of(raw)
            flow = row["connection_info"]["uid"]
            if flow in SAMPLES:
                found.append(flow)
                at, want = SAMPLES[flow]
                if day != at:
                    yield f"sample {flow} is under {day}, not {at}"
                for d in differences(want, row):
                    yield f"sample {flow}: {d}"
    if sorted(found) != sorted(SAMPLES):
        yield f"found the samples {found}, want each of {list(SAMPLES)} once"


def main():
    problems = list(judge(sys.argv[1]))
    for p in problems:
        print(p)
    if problems:
        sys.exit(1)
    print(f"ok: {len(SAMPLES)} samples")


if __name__ == "__main__":
    main()
