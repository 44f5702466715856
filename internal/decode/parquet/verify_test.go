//go:build verify

package parquet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
)

// pyarrowFiles writes files as other programs do, and next to each the rows it has.
const pyarrowFiles = `
import base64, sys, json, datetime, decimal, itertools, math
import pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
N = 700
utc = datetime.timezone.utc
rows, want = [], []
for i in range(N):
    t = datetime.datetime(2026, 1, 31, 8, 15, i % 60, 1000 * i, tzinfo=utc)
    rows.append({
        "n": i, "u": 2**64 - 1 - i, "s": None if i % 7 == 0 else "text %d \u00e9" % (i % 5), "b": bytes([255, i % 256]),
        "t": t, "d": t.date(), "dec": decimal.Decimal(i - 300).scaleb(-3), "f": math.nan if i == 3 else i / 3, "ok": i % 2 == 0,
        "deep": None if i % 11 == 0 else [[{"x": j, "y": None if j == 1 else ["a"] * j} for j in range(i % 4)] if i % 3 else None, []],
        "m": [("k%d" % j, None if j == 2 else j) for j in range(i % 4)],
        "st": {"in": {"v": i if i % 2 else None}}})
schema = pa.schema([("n", pa.int32()), ("u", pa.uint64()), ("s", pa.string()), ("b", pa.binary()), ("t", pa.timestamp("us", tz="UTC")), ("d", pa.date32()),
    ("dec", pa.decimal128(12, 3)), ("f", pa.float64()), ("ok", pa.bool_()),
    ("deep", pa.list_(pa.list_(pa.struct([("x", pa.int64()), ("y", pa.list_(pa.string()))])))), ("m", pa.map_(pa.string(), pa.int64())),
    ("st", pa.struct([("in", pa.struct([("v", pa.int64())]))]))])
def one(v):
    if isinstance(v, dict): return {k: one(x) for k, x in v.items() if x is not None}
    if isinstance(v, list): return [one(x) for x in v]
    if isinstance(v, bytes): return base64.b64encode(v).decode()
    if isinstance(v, datetime.datetime): return v.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    if isinstance(v, datetime.date): return v.isoformat()
    if isinstance(v, decimal.Decimal): return float(v)
    if isinstance(v, float) and math.isnan(v): return "NaN"
    return v
for r in rows:
    w = one({k: v for k, v in r.items() if k != "m"})
    w["m"] = {k: v for k, v in r["m"] if v is not None}
    want.append(w)
table = pa.Table.from_pylist(rows, schema=schema)
for codec, version, dictionary, crc, legacy in itertools.product(["none", "snappy", "gzip", "zstd", "brotli", "lz4"], ["1.0", "2.0"], [True, False], [True, False], [True, False]):
    name = "%s/%s-%s-%s-%s-%s" % (out, codec, version, dictionary, crc, legacy)
    pq.write_table(table, name + ".parquet", compression=codec, data_page_version=version, use_dictionary=dictionary, write_page_checksum=crc,
        use_deprecated_int96_timestamps=legacy, row_group_size=300, data_page_size=2000, use_compliant_nested_type=not legacy,
        store_schema=not legacy)
json.dump(want, open(out + "/want.json", "w"))
`

// pyarrowCheck compares rows that are read with those that were written, numbers as numbers.
const pyarrowCheck = `
import sys, json
want = json.load(open(sys.argv[1]))
for name in sys.argv[2:]:
    got = [json.loads(l) for l in open(name)]
    assert len(got) == len(want), (name, len(got), len(want))
    for i, (g, w) in enumerate(zip(got, want)):
        if g["t"].endswith("000Z") and len(g["t"]) == 30: g["t"] = g["t"][:-4] + "Z" # INT96 has nanoseconds
        assert g == w, "%s, row %d: %s is not %s" % (name, i, g, w)
`

// TestVerifyPyarrow: rows of files that pyarrow wrote, with all it has of codecs, pages, dictionaries and times, are what it wrote.
func TestVerifyPyarrow(t *testing.T) {
	dir := t.TempDir()
	python := func(code string, args ...string) {
		t.Helper()
		out, err := exec.Command(filepath.Join(mototest.Venv(t), "bin", "python"), append([]string{"-c", code}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	python(pyarrowFiles, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(files) != 96 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	args := []string{filepath.Join(dir, "want.json")}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := read(data)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		if err := os.WriteFile(f+".json", []byte(strings.Join(rows, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, f+".json")
	}
	python(pyarrowCheck, args...)
}
