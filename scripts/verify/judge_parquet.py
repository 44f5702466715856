"""Checks the files of a lake against Security Lake's rules and the types of a Glue table, with pyarrow.

    judge_parquet.py LAKE --table get-table.json [--rows N]

LAKE is the folder that contains ext/. get-table.json is what `aws glue get-table` prints, or only the table. Prints each problem on
a line and exits with 1, or prints what was read. It shares no code with the program that wrote the files.
"""

import argparse
import json
import os
import re
import sys
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq

from parquet_pages import DATA, DATA_V2, pages

MB = 1 << 20
FOLDER = re.compile(
    r"^ext/(?P<source>[a-z0-9_-]{1,20})(/[a-z_]+)?/region=(?P<region>[a-z0-9-]+)/accountId=(?P<account>[0-9]{12}|external(_[A-Za-z0-9-]+)?)"
    r"/eventDay=(?P<day>[0-9]{8})/[^/]+\.parquet$"
)

# The types in files that Security Lake writes itself, by path in the file.
PHYSICAL = {
    "time": "INT64",
    "start_time": "INT64",
    "end_time": "INT64",
    "type_uid": "INT64",
    "class_uid": "INT32",
    "category_uid": "INT32",
    "activity_id": "INT32",
    "severity_id": "INT32",
    "src_endpoint.port": "INT32",
    "dst_endpoint.port": "INT32",
    "connection_info.protocol_num": "INT32",
    "metadata.version": "BYTE_ARRAY",
    "metadata.profiles.list.element": "BYTE_ARRAY",
    "unmapped.key_value.key": "BYTE_ARRAY",
    "unmapped.key_value.value": "BYTE_ARRAY",
}
ARROW = {
    "time": pa.int64(),
    "class_uid": pa.int32(),
    "type_uid": pa.int64(),
    "unmapped": pa.map_(pa.string(), pa.string()),
}

GLUE_PHYSICAL = {
    "bigint": ("INT64", ("None", "Int(bitWidth=64, isSigned=true)")),
    "int": ("INT32", ("None", "Int(bitWidth=32, isSigned=true)")),
    "boolean": ("BOOLEAN", ("None",)),
    "double": ("DOUBLE", ("None",)),
    "float": ("FLOAT", ("None",)),
    "string": ("BYTE_ARRAY", ("String",)),
    "timestamp": ("INT64", ("Timestamp(isAdjustedToUTC=true, timeUnit=milliseconds, is_from_converted_type=false, force_set_converted_type=false)",)),
}


def split_top(text):
    """Splits struct fields at the commas outside of <>."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "<") - (c == ">")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]]


def glue_leaves(path, kind):
    """Yields (path in the file, Glue type) for each leaf of a column of that Glue type."""
    if kind.startswith("struct<") and kind.endswith(">"):
        for field in split_top(kind[7:-1]):
            name, _, inner = field.partition(":")
            yield from glue_leaves(f"{path}.{name}", inner)
    elif kind.startswith("array<") and kind.endswith(">"):
        yield from glue_leaves(f"{path}.list.element", kind[6:-1])
    elif kind.startswith("map<") and kind.endswith(">"):
        key, value = split_top(kind[4:-1])
        yield from glue_leaves(f"{path}.key_value.key", key)
        yield from glue_leaves(f"{path}.key_value.value", value)
    else:
        yield path, kind


def compare_with_glue(schema, columns):
    """Yields the differences between pyarrow's ParquetSchema and Glue's [{Name, Type}]: both need the same leaves, order and types."""
    want = [leaf for c in columns for leaf in glue_leaves(c["Name"], c["Type"])]
    have = [schema.column(i) for i in range(len(schema))]
    if [p for p, _ in want] != [c.path for c in have]:
        extra = [c.path for c in have if c.path not in dict(want)]
        lacking = [p for p, _ in want if p not in {c.path for c in have}]
        yield f"columns differ from the Glue table's: only in the file {extra[:5]}, only in the table {lacking[:5]}, or another order"
    types = dict(want)
    for c in have:
        kind = types.get(c.path)
        if kind is None:
            continue
        physical, logical = GLUE_PHYSICAL.get(kind, (None, ()))
        if c.physical_type != physical or str(c.logical_type) not in logical:
            yield f"{c.path}: the file has {c.physical_type} {c.logical_type}, the Glue table {kind}"


def judge_file(root, name, columns):
    """Returns (problems, rows) of a file. name is its path under root."""
    problems = []
    wrong = lambda text: problems.append(f"{name}: {text}")
    folder = FOLDER.match(name)
    if not folder:
        wrong("not a path of Security Lake: ext/<source>/region=/accountId=/eventDay=/")
    path = os.path.join(root, name)
    try:
        with open(path, "rb") as f:
            data = f.read()
        file = pq.ParquetFile(path)
        table = file.read()
    except (OSError, pa.ArrowException) as e:
        wrong(f"pyarrow cannot read it: {e}")
        return problems, 0
    meta, schema = file.metadata, file.schema

    leaves = {schema.column(i).path: schema.column(i) for i in range(len(schema))}
    for leaf, physical in PHYSICAL.items():
        if leaf not in leaves:
            wrong(f"{leaf} is missing")
        elif leaves[leaf].physical_type != physical:
            wrong(f"{leaf} is {leaves[leaf].physical_type}, not {physical}")
        elif physical.startswith("INT") and not str(leaves[leaf].logical_type).startswith(("None", "Int(")):
            wrong(f"{leaf} has the logical type {leaves[leaf].logical_type}")
        elif physical == "BYTE_ARRAY" and str(leaves[leaf].logical_type) != "String":
            wrong(f"{leaf} is not a string but {leaves[leaf].logical_type}")
    arrow = file.schema_arrow
    for column, kind in ARROW.items():
        if column in arrow.names and not arrow.field(column).type.equals(kind):
            wrong(f"{column} is {arrow.field(column).type} in Arrow, not {kind}")
    if "metadata" in arrow.names and not (
        pa.types.is_struct(arrow.field("metadata").type)
        and "profiles" in [f.name for f in arrow.field("metadata").type]
        and arrow.field("metadata").type.field("profiles").type.equals(pa.list_(pa.field("element", pa.string())))
    ):
        wrong("metadata.profiles is not a list<string> in Arrow")
    if columns is not None:
        problems += [f"{name}: {p}" for p in compare_with_glue(schema, columns)]

    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        size = 0
        for i in range(group.num_columns):
            chunk = group.column(i)
            size += chunk.total_compressed_size
            if chunk.compression != "ZSTD":
                wrong(f"{chunk.path_in_schema} is compressed with {chunk.compression}")
            values = 0
            for kind, page, count in pages(data, chunk):
                values += count if kind in (DATA, DATA_V2) else 0
                if page > MB:
                    wrong(f"{chunk.path_in_schema} has a page of {page} bytes")
            if values != chunk.num_values:
                wrong(f"{chunk.path_in_schema}: its pages have {values} values, its chunk {chunk.num_values}")
        if size > 256 * MB:
            wrong(f"row group {g} has {size} bytes")

    names = set(table.column_names)
    if table.num_rows == 0:
        wrong("no rows")
    if "time" in names and pa.types.is_integer(table.schema.field("time").type):
        times = table["time"].to_pylist()
        if None in times:
            wrong("a row without time")
        else:
            if any(a > b for a, b in zip(times, times[1:])):
                wrong("not ordered by time")
            days = {datetime.fromtimestamp(t / 1000, timezone.utc).strftime("%Y%m%d") for t in times}
            if folder and days != {folder["day"]}:
                wrong(f"has the days {sorted(days)}")
    if "class_uid" in names and len(set(table["class_uid"].to_pylist())) != 1:
        wrong("more than one class")
    if {"class_uid", "activity_id", "type_uid"} <= names:
        for c, a, t in zip(*(table[n].to_pylist() for n in ("class_uid", "activity_id", "type_uid"))):
            if None in (c, a, t) or t != c * 100 + a:
                wrong(f"type_uid {t} of class {c} and activity {a}")
                break
    if "metadata" in names and pa.types.is_struct(table.schema.field("metadata").type):
        for m in table["metadata"].to_pylist():
            if m is None or m.get("version") != "1.1.0" or m.get("profiles") != ["cloud", "security_control"]:
                wrong(f"metadata {m}")
                break
    if "unmapped" in names and pa.types.is_map(table.schema.field("unmapped").type):
        for m in table["unmapped"].to_pylist():
            if m and (len({k for k, _ in m}) != len(m) or any(v is None for _, v in m)):
                wrong(f"unmapped has a key twice or a null: {m}")
                break
    return problems, table.num_rows


def files(root):
    """Returns all files under root/ext, as paths under root."""
    out = []
    for folder, _, names in os.walk(os.path.join(root, "ext")):
        out += [os.path.relpath(os.path.join(folder, n), root).replace(os.sep, "/") for n in names]
    return sorted(out)


def judge(root, columns=None, rows=None):
    """Returns (problems, files, rows). columns are those of the Glue table, or None."""
    problems, total, names = [], 0, files(root)
    if not names:
        problems.append(f"no files under {root}/ext")
    for name in names:
        found, n = judge_file(root, name, columns)
        problems += found
        total += n
    if rows is not None and total != rows:
        problems.append(f"{total} rows, {rows} were published")
    return problems, len(names), total


def load_table(path):
    with open(path, encoding="utf-8") as f:
        table = json.load(f)
    return table.get("Table", table)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("lake")
    args.add_argument("--table")
    args.add_argument("--rows", type=int)
    a = args.parse_args()
    columns = load_table(a.table)["StorageDescriptor"]["Columns"] if a.table else None
    problems, count, rows = judge(a.lake, columns, a.rows)
    for p in problems[:50]:
        print(p)
    if problems:
        sys.exit(1)
    print(f"ok: {count} files, {rows} rows")


if __name__ == "__main__":
    main()
