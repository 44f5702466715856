package glue_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/catalogtest"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
)

const database = "amazon_security_lake_glue_db_us_east_1"

func start(t *testing.T) *gluefake.Fake {
	t.Helper()
	f := gluefake.Start(t)
	for k, v := range f.Env() {
		t.Setenv(k, v)
	}
	f.CreateDatabase(t, database)
	return f
}

func open(t *testing.T, db string) *glue.Catalog {
	t.Helper()
	c, err := glue.Open(t.Context(), glue.Config{Database: db, Pause: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) {
	var f *gluefake.Fake
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog {
		f = start(t)
		return open(t, database)
	}, catalogtest.Options{
		Missing: func(t *testing.T) catalog.Catalog { return open(t, "nowhere") },
		FailItem: func(_ *testing.T, _ catalog.Catalog, _ string, values [3]string) {
			f.OnItem(func(_ string, got []string) *gluefake.Fault {
				if slices.Equal(got, values[:]) {
					return &gluefake.Fault{Code: "InvalidInputException", Message: "Partition is odd."}
				}
				return nil
			})
		},
	})
}

func wanted(pairs ...string) catalog.Table {
	t := catalog.Table{Name: "events", Location: "s3://lake/ext/firewall/"}
	for i := 0; i < len(pairs); i += 2 {
		t.Columns = append(t.Columns, catalog.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return t
}

func days(n int) []catalog.Partition {
	ps := make([]catalog.Partition, n)
	for i := range ps {
		ps[i].Values = [3]string{"us-east-1", "111122223333", fmt.Sprintf("%08d", 20260101+i)}
		ps[i].Location = "s3://lake/ext/firewall/region=us-east-1/accountId=111122223333/eventDay=" + ps[i].Values[2] + "/"
	}
	return ps
}

func ensure(t *testing.T, c *glue.Catalog, pairs ...string) {
	t.Helper()
	if _, err := c.EnsureTable(t.Context(), wanted(pairs...)); err != nil {
		t.Fatalf("EnsureTable: %v", err)
	}
}

func add(t *testing.T, c *glue.Catalog, ps []catalog.Partition, want int) {
	t.Helper()
	if n, err := c.AddPartitions(t.Context(), "events", ps); err != nil || n != want {
		t.Fatalf("AddPartitions = %d, %v; want %d", n, err, want)
	}
}

// wantAll checks that the table and n partitions have these columns and that no mark is left.
func wantAll(t *testing.T, c *glue.Catalog, n int, names ...string) {
	t.Helper()
	got, err := c.InspectTable(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	if _, marked := got.Parameters[catalog.PendingParameter]; marked {
		t.Error("the mark is left on the table")
	}
	check := func(what any, columns []catalog.GlueColumn) {
		have := make([]string, len(columns))
		for i, c := range columns {
			have[i] = c.Name
		}
		if !slices.Equal(have, names) {
			t.Errorf("%v has columns %v, want %v", what, have, names)
		}
	}
	check("the table", got.StorageDescriptor.Columns)
	err = c.InspectPartitions(t.Context(), "events", func(p catalog.GluePartition) error {
		n--
		check(p.Values, p.StorageDescriptor.Columns)
		return nil
	})
	if err != nil || n != 0 {
		t.Errorf("%d partitions are missing, %v", n, err)
	}
}

func do(t *testing.T, f *gluefake.Fake, op string, input any) map[string]any {
	t.Helper()
	out, err := f.Do(op, input)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The number of requests is part of the contract with an account's quotas.
func TestRequestsAreFew(t *testing.T) {
	f := start(t)
	c := open(t, database)
	ensure(t, c, "a", "int")
	add(t, c, days(250), 250)
	before := f.Calls()
	if want := map[string]int{"GetTable": 3, "CreateTable": 1, "BatchCreatePartition": 3}; !maps.Equal(before, want) {
		t.Errorf("making a table with 250 partitions took %v, want %v", before, want)
	}
	ensure(t, c, "a", "int")
	if after := f.Calls(); after["GetTable"] != before["GetTable"]+1 || after["UpdateTable"] != 0 || after["GetPartitions"] != 0 {
		t.Errorf("an unchanged table took %v after %v", after, before)
	}
	ensure(t, c, "b", "int")
	after := f.Calls()
	if after["GetPartitions"] != 1 || after["BatchUpdatePartition"] != 3 || after["UpdateTable"] != 2 {
		t.Errorf("growth took %v", after)
	}
	wantAll(t, c, 250, "a", "b")
}

func TestSmallPages(t *testing.T) {
	f := start(t)
	f.SetPageSize(7)
	c := open(t, database)
	ensure(t, c, "a", "int")
	add(t, c, days(150), 150)
	ensure(t, c, "b", "int")
	wantAll(t, c, 150, "a", "b")
	if n := f.Calls()["BatchUpdatePartition"]; n != 2 {
		t.Errorf("150 partitions in pages of 7 were updated in %d requests, want 2", n)
	}
}

// What a crawler and people set on a table outlives its growth; UpdateTable forgets what it is not given.
func TestGrowthPreservesTheRest(t *testing.T) {
	f := start(t)
	c := open(t, database)
	column := func(name, kind, comment string) map[string]any {
		return map[string]any{"Name": name, "Type": kind, "Comment": comment, "Parameters": map[string]any{"team": "soc"}}
	}
	storage := func(columns ...any) map[string]any {
		return map[string]any{
			"Columns": columns, "Location": "s3://lake/ext/firewall", "InputFormat": "in", "OutputFormat": "out", "Compressed": true,
			"NumberOfBuckets": 4, "BucketColumns": []any{"z"}, "SortColumns": []any{map[string]any{"Column": "z", "SortOrder": 1}},
			"SerdeInfo":              map[string]any{"Name": "s", "SerializationLibrary": "lib", "Parameters": map[string]any{"x": "y"}},
			"Parameters":             map[string]any{"recordCount": "12", "own": "1"},
			"SkewedInfo":             map[string]any{"SkewedColumnNames": []any{"z"}},
			"StoredAsSubDirectories": true,
		}
	}
	table := map[string]any{
		"Name": "events", "Description": "d", "Owner": "hadoop", "Retention": 3, "TableType": "EXTERNAL_TABLE",
		"LastAccessTime": 1.6e9, "LastAnalyzedTime": 1.7e9, "ViewOriginalText": "v", "ViewExpandedText": "w",
		"Parameters":        map[string]any{"recordCount": "12", "own": "1", "UPDATED_BY_CRAWLER": "theirs"},
		"PartitionKeys":     []any{column("Region", "string", "k"), column("AccountId", "string", "k"), column("EventDay", "string", "k")},
		"StorageDescriptor": storage(column("Zeta", "struct<B: int,A:int>", "theirs"), column("odd", "uniontype<int>", "")),
	}
	do(t, f, "CreateTable", map[string]any{"DatabaseName": database, "TableInput": table})
	partition := map[string]any{
		"Values": []any{"r", "a", "20250101"}, "LastAccessTime": 1.6e9, "LastAnalyzedTime": 1.7e9,
		"Parameters": map[string]any{"own": "p"}, "StorageDescriptor": storage(column("zeta", "struct<b:int>", "")),
	}
	do(t, f, "BatchCreatePartition", map[string]any{"DatabaseName": database, "TableName": "events", "PartitionInputList": []any{partition}})

	got, err := c.EnsureTable(t.Context(), wanted("first", "int", "zeta", "struct<a:int,c:string>"))
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Column{{Name: "Zeta", Type: "struct<B:int,A:int,c:string>"}, {Name: "odd", Type: "uniontype<int>"}, {Name: "first", Type: "int"}}
	if !catalog.SameColumns(got.Columns, want) || got.Location != "s3://lake/ext/firewall" {
		t.Errorf("answered %+v", got)
	}
	after := do(t, f, "GetTable", map[string]any{"DatabaseName": database, "Name": "events"})["Table"].(map[string]any)
	sd := after["StorageDescriptor"].(map[string]any)
	columns := sd["Columns"].([]any)
	sd["Columns"] = []any{column("Zeta", "struct<B: int,A:int>", "theirs"), column("odd", "uniontype<int>", "")}
	for name, value := range table {
		if canon(after[name]) != canon(value) {
			t.Errorf("table member %s was %s and is %s", name, canon(value), canon(after[name]))
		}
	}
	if len(columns) != 3 || columns[0].(map[string]any)["Comment"] != "theirs" || columns[0].(map[string]any)["Parameters"] == nil {
		t.Errorf("columns are %v", columns)
	}
	grown := do(t, f, "GetPartition", map[string]any{"DatabaseName": database, "TableName": "events", "PartitionValues": []any{"r", "a", "20250101"}})["Partition"].(map[string]any)
	psd := grown["StorageDescriptor"].(map[string]any)
	if canon(psd["Columns"]) != canon(columns) {
		t.Errorf("the partition's columns are %s, its table's %s", canon(psd["Columns"]), canon(columns))
	}
	psd["Columns"] = []any{column("zeta", "struct<b:int>", "")}
	for name, value := range partition {
		if canon(grown[name]) != canon(value) {
			t.Errorf("partition member %s was %s and is %s", name, canon(value), canon(grown[name]))
		}
	}
}

// A growth that dies after any one of its requests is finished by whoever comes next, by a table or by partitions.
func TestGrowthDiesAnywhere(t *testing.T) {
	dead := &gluefake.Fault{Code: "InvalidInputException", Message: "the process died here"}
	finishers := map[string]func(*testing.T, *glue.Catalog) error{
		"table": func(t *testing.T, c *glue.Catalog) error {
			_, err := c.EnsureTable(t.Context(), wanted("a", "int", "b", "int"))
			return err
		},
		"partitions": func(t *testing.T, c *glue.Catalog) error {
			_, err := c.AddPartitions(t.Context(), "events", days(1))
			return err
		},
	}
	for name, finish := range finishers {
		for at := 1; ; at++ {
			f := start(t)
			c := open(t, database)
			ensure(t, c, "a", "int")
			add(t, c, days(230), 230)
			requests := 0
			f.OnCall(func(string, int) *gluefake.Fault {
				if requests++; requests > at {
					return dead
				}
				return nil
			})
			_, err := c.EnsureTable(t.Context(), wanted("b", "int"))
			f.OnCall(nil)
			if err := finish(t, c); err != nil {
				t.Fatalf("died after request %d, finished by %s: %v", at, name, err)
			}
			names := []string{"a", "b"}
			if at == 1 && name == "partitions" {
				names = names[:1] // it died before it grew anything, and partitions do not ask for columns
			}
			wantAll(t, c, 230, names...)
			if err == nil {
				if at < 6 {
					t.Errorf("growth took %d requests only: nothing was cut", at)
				}
				break
			}
		}
	}
}

// The table grows between the read and the write, and between the write and the partitions.
func TestLostRaces(t *testing.T) {
	for _, during := range []string{"UpdateTable", "GetPartitions", "BatchUpdatePartition", "CreateTable"} {
		t.Run(during, func(t *testing.T) {
			f := start(t)
			c, other := open(t, database), open(t, database)
			partitions := 0
			if during != "CreateTable" {
				ensure(t, c, "a", "int")
				add(t, c, days(5), 5)
				partitions = 5
			}
			raced := false
			f.OnCall(func(op string, _ int) *gluefake.Fault {
				if op == during && !raced {
					raced = true
					ensure(t, other, "a", "int", "theirs", "int")
				}
				return nil
			})
			ensure(t, c, "a", "int", "ours", "int")
			f.OnCall(nil)
			got, err := c.Table(t.Context(), "events")
			if err != nil || len(got.Columns) != 3 || !raced {
				t.Fatalf("columns %v, %v", got.Columns, err)
			}
			wantAll(t, c, partitions, "a", got.Columns[1].Name, got.Columns[2].Name)
		})
	}
}

// The table grows after AddPartitions has read it; its own growth pass may have been over before ours were there.
func TestTableGrowsWhilePartitionsAreAdded(t *testing.T) {
	f := start(t)
	c := open(t, database)
	ensure(t, c, "a", "int")
	raced := false
	f.OnCall(func(op string, _ int) *gluefake.Fault {
		if op == "BatchCreatePartition" && !raced {
			raced = true
			ensure(t, open(t, database), "b", "int")
		}
		return nil
	})
	add(t, c, days(120), 120)
	wantAll(t, c, 120, "a", "b")
}

// A partition that somebody left with older columns is updated when it is added again.
func TestOldPartitionIsMended(t *testing.T) {
	f := start(t)
	c := open(t, database)
	ensure(t, c, "a", "int", "b", "int")
	add(t, c, days(120), 120)
	for _, p := range days(120)[97:103] { // on both sides of a batch's end, and among what the server leaves for later
		old := map[string]any{"Values": p.Values, "StorageDescriptor": map[string]any{
			"Location": p.Location, "Columns": []any{map[string]any{"Name": "a", "Type": "int"}}}}
		do(t, f, "BatchUpdatePartition", map[string]any{"DatabaseName": database, "TableName": "events",
			"Entries": []any{map[string]any{"PartitionValueList": p.Values, "PartitionInput": old}}})
	}
	f.LeaveUnprocessed(60)
	add(t, c, days(121), 1)
	wantAll(t, c, 121, "a", "b")
}

func TestPassingFaultsAreTriedAgain(t *testing.T) {
	f := start(t)
	c := open(t, database)
	for _, op := range []string{"GetTable", "CreateTable", "BatchCreatePartition", "UpdateTable", "GetPartitions", "BatchUpdatePartition"} {
		f.Throttle(op, 4)
	}
	items := map[string]int{}
	f.OnItem(func(op string, values []string) *gluefake.Fault {
		items[op+values[2]]++
		if strings.HasSuffix(values[2], "3") && items[op+values[2]] <= 3 {
			return &gluefake.Fault{Code: "InternalServiceException", Message: "try again"}
		}
		return nil
	})
	ensure(t, c, "a", "int")
	add(t, c, days(120), 120)
	ensure(t, c, "b", "int")
	wantAll(t, c, 120, "a", "b")
	if items["BatchCreatePartition20260103"] != 4 || items["BatchCreatePartition20260104"] != 1 {
		t.Errorf("items were sent %v times: only those that failed may be sent again", items)
	}
}

func TestLostAnswerOfUpdate(t *testing.T) {
	f := start(t)
	c := open(t, database)
	ensure(t, c, "a", "int")
	add(t, c, days(2), 2)
	lost := false
	f.OnCall(func(op string, n int) *gluefake.Fault {
		if op == "BatchUpdatePartition" && !lost {
			lost = true
			return &gluefake.Fault{Code: "InternalServiceException", Message: "oops"}
		}
		return nil
	})
	ensure(t, c, "b", "int")
	wantAll(t, c, 2, "a", "b")
}

// An answer that ends in its middle says nothing of what the request did: it is sent again.
func TestCutAnswers(t *testing.T) {
	f := start(t)
	c := open(t, database)
	for _, op := range []string{"GetTable", "CreateTable", "BatchCreatePartition", "BatchGetPartition", "UpdateTable", "GetPartitions", "BatchUpdatePartition"} {
		f.CutAnswers(op, 2)
	}
	ensure(t, c, "a", "int")
	if _, err := c.AddPartitions(t.Context(), "events", days(120)); err != nil {
		t.Fatal(err)
	}
	ensure(t, c, "b", "int")
	add(t, c, days(120), 0)
	wantAll(t, c, 120, "a", "b")
	f.CutAnswers("GetTable", 1_000_000)
	if _, err := c.EnsureTable(t.Context(), wanted("a", "int")); err == nil {
		t.Error("a Glue whose answers are always cut: no error")
	}
}

func TestFaultsThatStay(t *testing.T) {
	f := start(t)
	c := open(t, database)
	ensure(t, c, "a", "int")
	f.OnItem(func(op string, values []string) *gluefake.Fault {
		return &gluefake.Fault{Code: "InternalServiceException", Message: "down for good"}
	})
	n, err := c.AddPartitions(t.Context(), "events", days(150))
	if n != 0 || !errors.Is(err, catalog.ErrBusy) || !strings.Contains(err.Error(), "down for good") {
		t.Errorf("items that fail for good: %d, %v", n, err)
	}
	f.OnItem(nil)
	f.OnCall(func(op string, _ int) *gluefake.Fault {
		if op == "UpdateTable" {
			return &gluefake.Fault{Code: "ConcurrentModificationException", Message: "Update table failed due to concurrent modifications."}
		}
		return nil
	})
	if _, err := c.EnsureTable(t.Context(), wanted("b", "int")); !errors.Is(err, catalog.ErrBusy) {
		t.Errorf("a race that is always lost: %v", err)
	}
	if got := f.Calls()["UpdateTable"]; got != 10 {
		t.Errorf("%d attempts, want 10", got)
	}
}

func TestDenied(t *testing.T) {
	cases := map[string]func(context.Context, *glue.Catalog) error{
		"GetTable":  func(ctx context.Context, c *glue.Catalog) error { _, err := c.Table(ctx, "events"); return err },
		"GetTables": func(ctx context.Context, c *glue.Catalog) error { _, err := c.Tables(ctx); return err },
		"UpdateTable": func(ctx context.Context, c *glue.Catalog) error {
			_, err := c.EnsureTable(ctx, wanted("b", "int"))
			return err
		},
		"BatchCreatePartition": func(ctx context.Context, c *glue.Catalog) error {
			_, err := c.AddPartitions(ctx, "events", days(1))
			return err
		},
		"GetPartitions": func(ctx context.Context, c *glue.Catalog) error {
			return c.Partitions(ctx, "events", func(catalog.Partition) error { return nil })
		},
		"CreateTable": func(ctx context.Context, c *glue.Catalog) error {
			other := wanted("a", "int")
			other.Name = "other"
			_, err := c.EnsureTable(ctx, other)
			return err
		},
	}
	for op, call := range cases {
		f := start(t)
		c := open(t, database)
		ensure(t, c, "a", "int")
		before := f.Calls()[op]
		f.Deny(op)
		err := call(t.Context(), c)
		if !errors.Is(err, catalog.ErrDenied) {
			t.Errorf("%s: %v", op, err)
			continue
		}
		for _, part := range []string{"glue:" + op, "Lake Formation", database} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not say %q: %v", op, part, err)
			}
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "testtest") {
			t.Errorf("%s: %v", op, err)
		}
		if n := f.Calls()[op] - before; n != 1 {
			t.Errorf("%s was tried %d times although it was denied", op, n)
		}
	}
}

func TestForeignTables(t *testing.T) {
	keys := []any{map[string]any{"Name": "region", "Type": "string"}, map[string]any{"Name": "accountid", "Type": "string"}, map[string]any{"Name": "eventday", "Type": "string"}}
	sd := map[string]any{"Columns": []any{map[string]any{"Name": "a", "Type": "int"}}}
	for name, in := range map[string]map[string]any{
		"iceberg":       {"PartitionKeys": keys, "StorageDescriptor": sd, "Parameters": map[string]any{"table_type": "ICEBERG"}},
		"other keys":    {"PartitionKeys": keys[1:], "StorageDescriptor": sd},
		"other order":   {"PartitionKeys": []any{keys[1], keys[0], keys[2]}, "StorageDescriptor": sd},
		"a view":        {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": "x"},
		"resource link": {"PartitionKeys": keys, "StorageDescriptor": sd, "TargetTable": map[string]any{"DatabaseName": "d", "Name": "n"}},
		"no storage":    {"PartitionKeys": keys},
	} {
		f := start(t)
		c := open(t, database)
		in["Name"] = "events"
		do(t, f, "CreateTable", map[string]any{"DatabaseName": database, "TableInput": in})
		_, ensured := c.EnsureTable(t.Context(), wanted("b", "int"))
		_, added := c.AddPartitions(t.Context(), "events", days(1))
		if !errors.Is(ensured, catalog.ErrForeign) || !errors.Is(added, catalog.ErrForeign) {
			t.Errorf("%s: %v; %v", name, ensured, added)
		}
	}
}

func TestOpen(t *testing.T) {
	start(t)
	if c := open(t, database); c.String() != "glue:"+database+"@us-east-1" {
		t.Errorf("named %q", c)
	}
	if _, err := glue.Open(t.Context(), glue.Config{Database: database, ExternalID: "x"}); err == nil {
		t.Error("an external ID without a role was taken")
	}
	if _, err := glue.Open(t.Context(), glue.Config{}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("no database: %v", err)
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, err := glue.Open(t.Context(), glue.Config{Database: database}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("no region: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	c, err := glue.Open(t.Context(), glue.Config{Database: database, Region: "eu-west-1", Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Tables(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_PROFILE") {
		t.Errorf("no credentials: %v", err)
	}
}

// canon prints JSON values so that maps compare whatever their order.
func canon(v any) string {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = k + "=" + canon(v[k])
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = canon(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case int:
		return fmt.Sprint(float64(v))
	}
	return fmt.Sprint(v)
}
