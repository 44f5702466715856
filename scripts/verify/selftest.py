"""Tests the judges: breaks a good lake, table and rows one rule at a time, and expects the judges to report each one.

    selftest.py LAKE STAGING get-table.json get-partitions.json listing.txt --lake s3://bucket --source NAME

The arguments are those that the judges have just accepted.
"""

import argparse
import copy
import json
import os
import re
import shutil
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

import judge_glue
import judge_parquet
import judge_samples
import recount

ROWS = 300  # rows of a good file to keep: enough to break, quick to write


def write(path, table, **options):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(table, path, **{"compression": "zstd", "use_dictionary": False, **options})


def with_column(table, name, column):
    return table.set_column(table.schema.get_field_index(name), name, column)


def with_leaf(table, path, change):
    """Rewrites a leaf of a struct column: change receives its array and returns another."""
    name, leaf = path.split(".")
    struct = table[name].combine_chunks()
    arrays = [change(struct.field(i)) if f.name == leaf else struct.field(i) for i, f in enumerate(struct.type)]
    fields = [pa.field(f.name, a.type) for f, a in zip(struct.type, arrays)]
    return with_column(table, name, pa.StructArray.from_arrays(arrays, fields=fields, mask=struct.is_null()))


def texts(values):
    return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())


def first_other(values, other):
    return pa.array([other] + values.to_pylist()[1:], values.type)


def wide(table):
    """Returns strings that fill a page of more than 1 MB, unless the writer splits pages."""
    return with_leaf(table, "connection_info.uid", lambda a: pa.array([f"{i:08}" * 1000 for i in range(len(a))], pa.string()))


def broken_files(good):
    """Yields (the message to expect, table, options of the writer)."""
    column = lambda n: good[n].combine_chunks()
    yield r"time has the logical type Timestamp", with_column(good, "time", column("time").cast(pa.timestamp("ms", "UTC"))), {}
    yield r"time is INT32", with_column(good, "time", pa.array([0] * len(good), pa.int32())), {}
    yield r"src_endpoint.port is BYTE_ARRAY", with_leaf(good, "src_endpoint.port", texts), {}
    yield r"dst_endpoint.port is INT64", with_leaf(good, "dst_endpoint.port", lambda a: a.cast(pa.int64())), {}
    yield r"connection_info.protocol_num is DOUBLE", with_leaf(good, "connection_info.protocol_num", lambda a: a.cast(pa.float64())), {}
    for name in ("class_uid", "category_uid", "activity_id", "severity_id"):
        yield rf"{name} is INT64, not INT32", with_column(good, name, column(name).cast(pa.int64())), {}
    yield r"type_uid is INT32", with_column(good, "type_uid", column("type_uid").cast(pa.int32())), {}
    yield r"type_uid 1 of class", with_column(good, "type_uid", first_other(column("type_uid"), 1)), {}
    yield r"not ordered by time", good.take(list(range(len(good)))[::-1]), {}
    yield r"more than one class", with_column(good, "class_uid", first_other(column("class_uid"), 4002)), {}
    yield r"metadata .*'v1.1.0'", with_leaf(good, "metadata.version", lambda a: first_other(a, "v1.1.0")), {}
    yield r"metadata.profiles.list.element is missing", with_leaf(good, "metadata.profiles", texts), {}
    yield r"metadata .*'firewall'", with_leaf(good, "metadata.profiles", lambda a: pa.array([["cloud", "firewall"]] * len(a), a.type)), {}
    items = with_leaf(good, "metadata.profiles", lambda a: pa.array(a.to_pylist(), pa.list_(pa.field("item", pa.string()))))
    yield r"metadata.profiles.list.element is missing", items, {"use_compliant_nested_type": False}
    yield r"unmapped.key_value.key is missing", with_column(good, "unmapped", texts(column("unmapped"))), {}
    yield r"unmapped has a key twice", with_column(good, "unmapped", pa.array([[("a", "1"), ("a", "2")]] * len(good), column("unmapped").type)), {}
    yield r"connection_info.uid has a page of", wide(good), {"data_page_size": 64 << 20}
    yield r"compressed with SNAPPY", good, {"compression": "snappy"}
    yield r"has the days \['20", with_column(good, "time", pa.array([t + 86_400_000 for t in good["time"].to_pylist()], pa.int64())), {}
    yield r"only in the file \['extra'\]", good.append_column("extra", pa.array([1] * len(good), pa.int32())), {}
    yield r"only in the table \['severity'\]", good.drop_columns(["severity"]), {}
    yield r"or another order", good.select(good.column_names[1:] + good.column_names[:1]), {}
    yield r"traffic.bytes: the file has DOUBLE", with_leaf(good, "traffic.bytes", lambda a: a.cast(pa.float64())), {}
    yield r"no rows", good.slice(0, 0), {}


class Checker:
    def __init__(self):
        self.checks, self.failures = 0, []

    def want(self, rule, problems):
        self.checks += 1
        if not any(re.search(rule, p) for p in problems):
            self.failures.append(f"expected a judge to report {rule!r}, it reported {problems[:3]}")

    def clean(self, what, problems):
        self.checks += 1
        if problems:
            self.failures.append(f"{what} is good, but a judge reported {problems[:3]}")


def check_parquet(c, lake, columns):
    name = max(judge_parquet.files(lake), key=lambda n: os.path.getsize(os.path.join(lake, n)))
    good = pq.ParquetFile(os.path.join(lake, name)).read().slice(0, ROWS).combine_chunks()
    with tempfile.TemporaryDirectory() as root:
        path = os.path.join(root, name)
        write(path, good)
        c.clean("a file that pyarrow wrote", judge_parquet.judge(root, columns, ROWS)[0])
        c.want(rf"{ROWS} rows, 1 were published", judge_parquet.judge(root, columns, 1)[0])
        for rule, table, options in broken_files(good):
            write(path, table, **options)
            c.want(rule, judge_parquet.judge(root, columns)[0])
        with open(os.path.join(lake, name), "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(data[: len(data) // 2])
        c.want("pyarrow cannot read it", judge_parquet.judge(root, columns)[0])
        os.remove(path)
        c.want("no files", judge_parquet.judge(root, columns)[0])
        write(os.path.join(root, name.replace("accountId=", "accountid=")), good)
        c.want("not a path of Security Lake", judge_parquet.judge(root, columns)[0])


def check_glue(c, table, partitions, keys, lake, source):
    def broken(rule, change):
        t, p, k = copy.deepcopy(table), copy.deepcopy(partitions), list(keys)
        change(t, p, k)
        c.want(rule, judge_glue.judge(t, p, k, lake, source))

    def put(path, value):
        def change(t, p, k):
            at = {"t": t, "p": p[0]}
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value

        return change

    sd = ["t", "StorageDescriptor"]
    for key in judge_glue.FORMATS:
        broken(f"table: {key} is", put(sd + [key], "other"))
        broken(f"partition .*: {key} is", put(["p", "StorageDescriptor", key], "other"))
    for key in judge_glue.PARAMETERS:
        broken(f"table: parameter {key} is", put(["t", "Parameters", key], "other"))
        broken(f"StorageDescriptor: parameter {key} is", put(sd + ["Parameters", key], "other"))
    for key in judge_glue.COUNTS:
        broken(f"parameter {key} is ''", put(["t", "Parameters", key], ""))
    broken("UPDATED_BY_CRAWLER", put(["t", "Parameters", "UPDATED_BY_CRAWLER"], "other"))
    for key in ("TableType", "Owner", "Retention"):
        broken(f"table: {key} is", put(["t", key], "other"))
    broken("partition keys", lambda t, p, k: t["PartitionKeys"].reverse())
    broken("table: Location", put(sd + ["Location"], f"{lake}/ext/{source}"))
    index = {col["Name"]: i for i, col in enumerate(table["StorageDescriptor"]["Columns"])}
    for name, kind, rule in (
        ("time", "timestamp", "time is timestamp"),
        ("type_uid", "int", "type_uid is int"),
        ("src_endpoint", "struct<ip:string,port:string>", "src_endpoint.port is string"),
        ("metadata", "struct<profiles:string>", "metadata.profiles.list.element is None"),
        ("unmapped", "string", "unmapped.key_value.key is None"),
        ("traffic", "struct<bytes: bigint>", "traffic: type"),
    ):
        broken(rule, put(sd + ["Columns", index[name], "Type"], kind))
    broken("eventday is a column", lambda t, p, k: t["StorageDescriptor"]["Columns"].append({"Name": "eventday", "Type": "string"}))
    broken("its columns are not the table's", lambda t, p, k: p[0]["StorageDescriptor"]["Columns"].pop())
    location = partitions[0]["StorageDescriptor"]["Location"]
    broken("partition .*: Location", put(["p", "StorageDescriptor", "Location"], location.rstrip("/")))
    broken("partition .*: Location", put(["p", "StorageDescriptor", "Location"], location.replace("accountId=", "accountid=")))
    broken("has files but no partition", lambda t, p, k: p.pop())
    broken("exists twice", lambda t, p, k: p.append(p[0]))
    broken("partition without files", lambda t, p, k: k.clear())
    broken("test/ledger/1.json is in the lake", lambda t, p, k: k.append("test/ledger/1.json"))


def check_recount(c, staging, lake):
    want = recount.expected(staging)
    have = recount.published(lake)
    c.clean("the lake", list(recount.compare(want, have)))
    row = next(r for r in sorted(have) if json.loads(r[4]))
    changed = json.loads(row[4])
    changed[next(iter(changed))] += "x"
    less = json.loads(row[4])
    less.popitem()
    for rule, add, drop in (
        ("1 rows are missing", [], [row]),
        ("1 unexpected rows", [row], []),
        ("rows by day", [("20990101",) + row[1:]], [row]),
        ("1 rows are missing", [(row[0], row[1] + 1) + row[2:]], [row]),
        ("1 rows are missing", [row[:2] + ("0",) + row[3:]], [row]),
        ("1 rows are missing", [row[:3] + ("192.0.2.1",) + row[4:]], [row]),
        ("1 rows are missing", [row[:4] + (json.dumps(changed, sort_keys=True),)], [row]),
        ("1 rows are missing", [row[:4] + (json.dumps(less, sort_keys=True),)], [row]),
    ):
        broken = have.copy()
        broken.update(add)
        broken.subtract(drop)
        c.want(rule, list(recount.compare(want, +broken)))


def check_samples(c, lake):
    with tempfile.TemporaryDirectory() as root:
        sources = [n for n in judge_parquet.files(lake) if any(f"eventDay={d}/" in n for d, _ in judge_samples.SAMPLES.values())]
        for n in sources:
            os.makedirs(os.path.dirname(os.path.join(root, n)), exist_ok=True)
            shutil.copy(os.path.join(lake, n), os.path.join(root, n))
        c.clean("the samples", list(judge_samples.judge(root)))
        for n in sources:
            good = pq.ParquetFile(os.path.join(root, n)).read().combine_chunks()
            path = os.path.join(root, n)
            for rule, table in (
                ("severity_id is 5", with_column(good, "severity_id", pa.array([5] * len(good), pa.int32()))),
                ("src_endpoint.port is None", with_leaf(good, "src_endpoint.port", lambda a: pa.array([None] * len(a), a.type))),
                ("unmapped is None", with_column(good, "unmapped", pa.array([None] * len(good), good.schema.field("unmapped").type))),
                ("class_uid is 4001.0", with_column(good, "class_uid", good["class_uid"].combine_chunks().cast(pa.float64()))),
                ("found the samples", pa.concat_tables([good, good])),
            ):
                write(path, table)
                c.want(rule, list(judge_samples.judge(root)))
            write(path, good)


def main():
    args = argparse.ArgumentParser()
    for name in ("folder", "staging", "table", "partitions", "listing"):
        args.add_argument(name)
    args.add_argument("--lake", required=True)
    args.add_argument("--source", required=True)
    a = args.parse_args()
    table = judge_parquet.load_table(a.table)
    with open(a.partitions, encoding="utf-8") as f:
        partitions = json.load(f)["Partitions"]
    with open(a.listing, encoding="utf-8") as f:
        keys = judge_glue.listed(f.read())
    c = Checker()
    check_parquet(c, a.folder, table["StorageDescriptor"]["Columns"])
    check_glue(c, table, partitions, keys, a.lake, a.source)
    check_recount(c, a.staging, a.folder)
    check_samples(c, a.folder)
    for f in c.failures:
        print(f)
    if c.failures:
        sys.exit(1)
    print(f"ok: {c.checks} checks of broken and good data")


if __name__ == "__main__":
    main()
