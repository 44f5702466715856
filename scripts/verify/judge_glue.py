"""Compares a Glue table and its partitions with what Security Lake's crawler writes.

    judge_glue.py get-table.json get-partitions.json listing.txt --lake s3://bucket --source NAME

The AWS CLI prints the first two files, and `aws s3 ls --recursive` prints listing.txt. Prints each problem, and exits with 1 if there
is one.
"""

import argparse
import json
import re
import sys

from judge_parquet import glue_leaves

FORMATS = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "Compressed": False,
    "NumberOfBuckets": -1,
    "BucketColumns": [],
    "SortColumns": [],
    "StoredAsSubDirectories": False,
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
# What a request may omit, and the value that Glue then uses. moto does not store defaults.
DEFAULTS = {"Compressed": False, "StoredAsSubDirectories": False, "Retention": 0}
PARAMETERS = {
    "classification": "parquet",
    "compressionType": "none",
    "typeOfData": "file",
    "CrawlerSchemaSerializerVersion": "1.0",
    "CrawlerSchemaDeserializerVersion": "1.0",
    "partition_filtering.enabled": "true",
}
COUNTS = ["sizeKey", "objectCount", "recordCount", "averageRecordSize"]
LEAVES = {
    "time": "bigint",
    "start_time": "bigint",
    "end_time": "bigint",
    "type_uid": "bigint",
    "class_uid": "int",
    "category_uid": "int",
    "activity_id": "int",
    "severity_id": "int",
    "src_endpoint.port": "int",
    "dst_endpoint.port": "int",
    "connection_info.protocol_num": "int",
    "metadata.profiles.list.element": "string",
    "unmapped.key_value.key": "string",
    "unmapped.key_value.value": "string",
}


def judge_formats(what, storage):
    for key, value in FORMATS.items():
        have = storage.get(key, DEFAULTS.get(key))
        if have != value:
            yield f"{what}: {key} is {have!r}, not {value!r}"


def judge_table(table, lake, source):
    """Yields the problems of a table, which has the shape of Glue's API."""
    storage = table["StorageDescriptor"]
    for key, value in {"TableType": "EXTERNAL_TABLE", "Owner": "owner", "Retention": 0}.items():
        have = table.get(key, DEFAULTS.get(key))
        if have != value:
            yield f"table: {key} is {have!r}, not {value!r}"
    keys = [(k["Name"], k["Type"]) for k in table.get("PartitionKeys", [])]
    if keys != [("region", "string"), ("accountid", "string"), ("eventday", "string")]:
        yield f"table: partition keys {keys}"
    if storage["Location"] != f"{lake}/ext/{source}/":
        yield f"table: Location {storage['Location']}"
    yield from judge_formats("table", storage)
    for where, have in (("table", table.get("Parameters", {})), ("StorageDescriptor", storage.get("Parameters", {}))):
        for key, value in {**PARAMETERS, "UPDATED_BY_CRAWLER": source}.items():
            if have.get(key) != value:
                yield f"{where}: parameter {key} is {have.get(key)!r}, not {value!r}"
        for key in COUNTS:
            if not have.get(key, "").isdigit():
                yield f"{where}: parameter {key} is {have.get(key)!r}"
    leaves = {}
    for c in storage["Columns"]:
        if not re.fullmatch(r"[a-z0-9_<>:,]+", c["Type"]):
            yield f"{c['Name']}: type {c['Type']!r}"
        if c["Name"] in ("region", "accountid", "eventday"):
            yield f"{c['Name']} is a column and a partition key"
        leaves.update(glue_leaves(c["Name"], c["Type"]))
    for path, kind in LEAVES.items():
        if leaves.get(path) != kind:
            yield f"{path} is {leaves.get(path)}, not {kind}"


def judge_partitions(table, partitions, lake, source, keys):
    """Yields the problems of the partitions, compared with their table and with the keys of the lake's objects."""
    folders = {k[: k.rindex("/") + 1] for k in keys if k.startswith(f"ext/{source}/")}
    seen = set()
    for p in partitions:
        what = "/".join(p["Values"])
        storage = p["StorageDescriptor"]
        folder = "ext/{}/region={}/accountId={}/eventDay={}/".format(source, *p["Values"])
        if storage["Location"] != f"{lake}/{folder}":
            yield f"partition {what}: Location {storage['Location']}"
        if folder in seen:
            yield f"partition {what} exists twice"
        seen.add(folder)
        if storage["Columns"] != table["StorageDescriptor"]["Columns"]:
            yield f"partition {what}: its columns are not the table's"
        yield from judge_formats(f"partition {what}", storage)
    for folder in sorted(folders - seen):
        yield f"{folder} has files but no partition"
    for folder in sorted(seen - folders):
        yield f"{folder} is a partition without files"


def listed(text):
    """Returns the keys that `aws s3 ls --recursive` prints."""
    return [line.split(maxsplit=3)[3] for line in text.splitlines() if line.strip()]


def judge(table, partitions, keys, lake, source):
    strange = [k for k in keys if not k.startswith("ext/")]
    problems = [f"{k} is in the lake" for k in strange]
    return problems + list(judge_table(table, lake, source)) + list(judge_partitions(table, partitions, lake, source, keys))


def main():
    args = argparse.ArgumentParser()
    for name in ("table", "partitions", "listing"):
        args.add_argument(name)
    args.add_argument("--lake", required=True)
    args.add_argument("--source", required=True)
    a = args.parse_args()
    with open(a.table, encoding="utf-8") as f:
        table = json.load(f)["Table"]
    with open(a.partitions, encoding="utf-8") as f:
        partitions = json.load(f)["Partitions"]
    with open(a.listing, encoding="utf-8") as f:
        keys = listed(f.read())
    problems = judge(table, partitions, keys, a.lake, a.source)
    for p in problems[:50]:
        print(p)
    if problems:
        sys.exit(1)
    print(f"ok: {len(table['StorageDescriptor']['Columns'])} columns, {len(partitions)} partitions, {len(keys)} objects")


if __name__ == "__main__":
    main()
