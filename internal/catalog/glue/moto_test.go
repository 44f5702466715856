//go:build verify

package glue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/catalogtest"
	"github.com/silt-etl/silt/internal/catalog/glue"
)

// venv is the folder that `make verify` installs scripts/verify/requirements.txt into.
func venv(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SILT_VENV")
	if dir == "" {
		t.Fatal("SILT_VENV is not set: run `make verify`, or name a venv with scripts/verify/requirements.txt installed")
	}
	return dir
}

// startMoto runs moto's server, a Glue that somebody else wrote, until the test ends, and leads the SDK there.
func startMoto(t *testing.T) (url string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + address
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_GLUE": url, "AWS_ENDPOINT_URL_STS": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(k, v)
	}
	var log bytes.Buffer
	server := exec.Command(filepath.Join(venv(t), "bin", "moto_server"), "-H", "127.0.0.1", "-p", port)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may be gone already
		_ = server.Wait()         // says that it was killed
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(url + "/moto-api/data.json")
		if err == nil {
			_ = response.Body.Close() // nothing was read from it
			return url
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto_server does not answer: %v\n%s", err, log.String())
		}
	}
}

// cli runs the AWS CLI, as a user would, and parses what it prints.
func cli(t *testing.T, args ...string) map[string]any {
	t.Helper()
	command := exec.Command(filepath.Join(venv(t), "bin", "aws"), append(args, "--output", "json", "--endpoint-url", os.Getenv("AWS_ENDPOINT_URL_GLUE"))...)
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

func createDatabase(t *testing.T, url, name string) {
	t.Helper()
	body := fmt.Sprintf(`{"DatabaseInput":{"Name":%q}}`, name)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSGlue.CreateDatabase")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/glue/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // nothing is read from it
	if response.StatusCode != http.StatusOK {
		t.Fatalf("CreateDatabase: %s", response.Status)
	}
}

func TestSuiteOnMoto(t *testing.T) {
	url := startMoto(t)
	n := 0
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog {
		n++
		name := fmt.Sprintf("lake_%d", n)
		createDatabase(t, url, name)
		return open(t, name)
	}, catalogtest.Options{
		Missing:      func(t *testing.T) catalog.Catalog { return open(t, "nowhere") },
		SerialGrowth: true, // moto takes a stale VersionId; the strict fake holds that down
	})
}

// The AWS CLI reads what we wrote, and its own table grows without losing what it set.
func TestMotoWithTheCLI(t *testing.T) {
	url := startMoto(t)
	createDatabase(t, url, database)
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
	if table["Description"] != "ours" || canon(table["Parameters"]) != "{team=soc}" || len(columns) != 3 ||
		columns[0].(map[string]any)["Comment"] != "epoch ms" || columns[1].(map[string]any)["Type"] != "struct<ip:string,port:int>" {
		t.Errorf("after growth the CLI reads %v", table)
	}
	wantAll(t, c, 3, "time", "src_endpoint", "duration")
}
