package gluefake_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog/gluefake"
)

type m = map[string]any

func table(name string) m {
	key := func(name string) m { return m{"Name": name, "Type": "string"} }
	return m{"Name": name, "PartitionKeys": []any{key("region"), key("accountid"), key("eventday")},
		"StorageDescriptor": m{"Columns": []any{m{"Name": "a", "Type": "int"}}, "Location": "s3://b/"}}
}

func values(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = m{"Values": []any{"r", "a", fmt.Sprint(i)}}
	}
	return out
}

func entries(n int) []any {
	out := make([]any, n)
	for i := range out {
		v := []any{"r", "a", fmt.Sprint(i)}
		out[i] = m{"PartitionValueList": v, "PartitionInput": m{"Values": v}}
	}
	return out
}

func on(more m) m {
	more["DatabaseName"], more["TableName"] = "db", "t"
	return more
}

// What the real API refuses is refused here, in its codes.
func TestStrictness(t *testing.T) {
	wide := table("w")
	wide["StorageDescriptor"].(m)["Columns"] = []any{m{"Name": "a", "Type": strings.Repeat("x", 131073)}}
	long := table("l")
	long["StorageDescriptor"].(m)["Columns"] = []any{m{"Name": strings.Repeat("c", 256), "Type": "int"}}
	cases := []struct {
		op, code, says string
		in             m
	}{
		{"CreateDatabase", "AlreadyExistsException", "", m{"DatabaseInput": m{"Name": "DB"}}},
		{"GetDatabase", "EntityNotFoundException", "other", m{"Name": "other"}},
		{"GetTable", "EntityNotFoundException", "", m{"DatabaseName": "db", "Name": "none"}},
		{"GetTable", "EntityNotFoundException", "Database", m{"DatabaseName": "none", "Name": "t"}},
		{"CreateTable", "AlreadyExistsException", "", m{"DatabaseName": "db", "TableInput": table("T")}},
		{"CreateTable", "ValidationException", "name", m{"DatabaseName": "db", "TableInput": table(strings.Repeat("n", 256))}},
		{"CreateTable", "ValidationException", "131072", m{"DatabaseName": "db", "TableInput": wide}},
		{"CreateTable", "ValidationException", "255", m{"DatabaseName": "db", "TableInput": long}},
		{"CreateTable", "ValidationException", "CreateTime", m{"DatabaseName": "db", "TableInput": m{"Name": "x", "CreateTime": 1}}},
		{"UpdateTable", "ConcurrentModificationException", "Update table failed due to concurrent modifications.", m{"DatabaseName": "db", "TableInput": table("t"), "VersionId": "0"}},
		{"UpdateTable", "EntityNotFoundException", "", m{"DatabaseName": "db", "TableInput": table("none")}},
		{"BatchCreatePartition", "ValidationException", "100", on(m{"PartitionInputList": values(101)})},
		{"BatchCreatePartition", "InvalidInputException", "number of partition", on(m{"PartitionInputList": []any{m{"Values": []any{"r"}}}})},
		{"BatchUpdatePartition", "ValidationException", "100", on(m{"Entries": entries(101)})},
		{"BatchUpdatePartition", "ValidationException", "between 1", on(m{"Entries": []any{}})},
		{"BatchGetPartition", "ValidationException", "1000", on(m{"PartitionsToGet": values(1001)})},
		{"BatchDeletePartition", "ValidationException", "25", on(m{"PartitionsToDelete": values(26)})},
		{"GetPartitions", "ValidationException", "maxResults", on(m{"MaxResults": 1001})},
		{"GetPartitions", "InvalidInputException", "token", on(m{"NextToken": "made up"})},
		{"GetPartitions", "ValidationException", "Expression", on(m{"Expression": "region='x'"})},
		{"GetPartition", "EntityNotFoundException", "", on(m{"PartitionValues": []any{"r", "a", "none"}})},
		{"StartCrawler", "UnknownOperationException", "StartCrawler", m{"Name": "c"}},
	}
	f := gluefake.Start(t)
	f.CreateDatabase(t, "db")
	must(t, f, "CreateTable", m{"DatabaseName": "db", "TableInput": table("t")})
	must(t, f, "UpdateTable", m{"DatabaseName": "db", "TableInput": table("t"), "VersionId": "0"})
	for _, c := range cases {
		_, err := f.Do(c.op, c.in)
		var fault *gluefake.Fault
		if !errors.As(err, &fault) || fault.Code != c.code || !strings.Contains(fault.Message, c.says) {
			t.Errorf("%s: %v; want %s saying %q", c.op, err, c.code, c.says)
		}
	}
}

func TestItemErrors(t *testing.T) {
	f := gluefake.Start(t)
	f.CreateDatabase(t, "db")
	must(t, f, "CreateTable", m{"DatabaseName": "db", "TableInput": table("t")})
	out := must(t, f, "BatchCreatePartition", on(m{"PartitionInputList": append(values(3), values(1)...)}))
	if got := fmt.Sprint(out["Errors"]); !strings.Contains(got, "AlreadyExistsException") || len(out["Errors"].([]any)) != 1 {
		t.Errorf("a duplicate answers %v", got)
	}
	out = must(t, f, "BatchUpdatePartition", on(m{"Entries": entries(5)}))
	if got := fmt.Sprint(out["Errors"]); strings.Count(got, "EntityNotFoundException") != 2 {
		t.Errorf("two missing partitions answer %v", got)
	}
}

// UpdateTable forgets what it is not given, and counts.
func TestUpdateReplaces(t *testing.T) {
	f := gluefake.Start(t)
	f.CreateDatabase(t, "db")
	first := table("t")
	first["Description"], first["Parameters"] = "d", m{"a": "b"}
	must(t, f, "CreateTable", m{"DatabaseName": "db", "TableInput": first})
	must(t, f, "UpdateTable", m{"DatabaseName": "db", "TableInput": table("t")})
	got := must(t, f, "GetTable", m{"DatabaseName": "db", "Name": "t"})["Table"].(m)
	if got["Description"] != nil || got["Parameters"] != nil || got["VersionId"] != "1" {
		t.Errorf("after an update: %v", got)
	}
}

func TestPaging(t *testing.T) {
	f := gluefake.Start(t)
	f.CreateDatabase(t, "db")
	must(t, f, "CreateTable", m{"DatabaseName": "db", "TableInput": table("t")})
	for at := 0; at < 1100; at += 100 {
		must(t, f, "BatchCreatePartition", on(m{"PartitionInputList": values(1100)[at : at+100]}))
	}
	in, pages, seen := m{}, 0, map[string]bool{}
	for {
		out := must(t, f, "GetPartitions", on(in))
		pages++
		for _, p := range out["Partitions"].([]any) {
			seen[fmt.Sprint(p.(m)["Values"])] = true
		}
		next, more := out["NextToken"].(string)
		if !more {
			break
		}
		in["NextToken"] = next
	}
	if pages != 2 || len(seen) != 1100 {
		t.Errorf("%d partitions on %d pages, want 1100 on 2", len(seen), pages)
	}
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	f := gluefake.Start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSGlue.GetTables")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("answered %s", response.Status)
	}
}

func must(t *testing.T, f *gluefake.Fake, op string, in any) m {
	t.Helper()
	out, err := f.Do(op, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
