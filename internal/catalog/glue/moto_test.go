//go:build verify

package glue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/catalogtest"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/mototest"
)

// startMoto runs moto's server until the test ends, and leads the SDK there.
func startMoto(t *testing.T) (url string) {
	t.Helper()
	url = mototest.Start(t)
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_GLUE": url, "AWS_ENDPOINT_URL_STS": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(k, v)
	}
	return url
}

// cli runs the AWS CLI, as a user would, and parses what it prints.
func cli(t *testing.T, args ...string) map[string]any {
	t.Helper()
	command := exec.Command(filepath.Join(mototest.Venv(t), "bin", "aws"), append(args, "--output", "json", "--endpoint-url", os.Getenv("AWS_ENDPOINT_URL_GLUE"))...)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("aws %v: %v\n%s", args, err, out)
	}
	value := map[string]any{}
	if len(bytes.TrimSpace(out)) > 0 {
		if err := json.Unmarshal(out, &value); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

func TestSuiteOnMoto(t *testing.T) {
	url := startMoto(t)
	n := 0
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog {
		n++
		name := fmt.Sprintf("lake_%d", n)
		mototest.CreateDatabase(t, url, name)
		return open(t, name)
	}, catalogtest.Options{
		Missing:      func(t *testing.T) catalog.Catalog { return open(t, "nowhere") },
		SerialGrowth: true, // moto takes a stale VersionId; the strict fake holds that down
	})
}

// The AWS CLI reads what we wrote, and its own table grows without losing what it set.
func TestMotoWithTheCLI(t *testing.T) {
	url := startMoto(t)
	mototest.CreateDatabase(t, url, database)
	c, err := glue.Open(t.Context(), glue.Config{Database: database, RoleARN: "arn:aws:iam::123456789012:role/silt", ExternalID: "e"})
	if err != nil {
		t.Fatal(err)
	}
	ensure(t, c, "time", "bigint", "src_endpoint", "struct<ip:string>")
	add(t, c, days(3), 3)
	table := cli(t, "glue", "get-table", "--database-name", database, "--name", "events")["Table"].(map[string]any)
	sd := table["StorageDescriptor"].(map[string]any)
	if table["TableType"] != "EXTERNAL_TABLE" || sd["SerdeInfo"].(map[string]any)["SerializationLibrary"] != "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" {
		t.Errorf("the CLI reads %v", table)
	}
	partitions := cli(t, "glue", "get-partitions", "--database-name", database, "--table-name", "events")["Partitions"].([]any)
	if len(partitions) != 3 || canon(partitions[0].(map[string]any)["StorageDescriptor"].(map[string]any)["Columns"]) != canon(sd["Columns"]) {
		t.Errorf("the CLI reads partitions %v", partitions)
	}
	sd["Columns"].([]any)[0].(map[string]any)["Comment"] = "epoch ms"
	own, err := json.Marshal(map[string]any{"Name": "events", "Description": "ours", "Owner": "owner", "TableType": table["TableType"],
		"PartitionKeys": table["PartitionKeys"], "StorageDescriptor": sd, "Parameters": map[string]any{"team": "soc"}})
	if err != nil {
		t.Fatal(err)
	}
	cli(t, "glue", "update-table", "--database-name", database, "--table-input", string(own))
	ensure(t, c, "src_endpoint", "struct<port:int>", "duration", "bigint")
	table = cli(t, "glue", "get-table", "--database-name", database, "--name", "events")["Table"].(map[string]any)
	columns := table["StorageDescriptor"].(map[string]any)["Columns"].([]any)
	if len(columns) != 3 {
		t.Fatalf("after growth the CLI reads the columns %v, want 3", columns)
	}
	got := []any{table["Description"], canon(table["Parameters"]), columns[0].(map[string]any)["Comment"], columns[1].(map[string]any)["Type"]}
	if diff := cmp.Diff([]any{"ours", "{team=soc}", "epoch ms", "struct<ip:string,port:int>"}, got); diff != "" {
		t.Errorf("after growth the CLI reads (-want +got):\n%s", diff)
	}
	wantAll(t, c, 3, "time", "src_endpoint", "duration")
}
