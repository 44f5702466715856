package gluefake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The limits of the API (docs.aws.amazon.com/glue/latest/webapi).
const (
	maxPage       = 1000
	maxTablePage  = 100
	maxCreate     = 100
	maxUpdate     = 100
	maxGet        = 1000
	maxDelete     = 25
	maxName       = 255
	maxColumnType = 131072
)

type database struct {
	name   string
	tables map[string]*table
}

// table keeps its TableInput as JSON, so that it returns exactly what it was given.
type table struct {
	input      object
	version    int
	created    float64
	updated    float64
	partitions map[string]*partition
}

type partition struct {
	values  []string
	input   object
	created float64
}

type object = map[string]any

// request has the members of every operation here; a member that the operation does not know is refused by run.
type request struct {
	CatalogId, DatabaseName, Name, TableName string
	DatabaseInput, TableInput                object
	VersionId                                *string
	SkipArchive                              bool
	PartitionInputList                       []object
	Entries                                  []struct {
		PartitionValueList []string
		PartitionInput     object
	}
	PartitionsToGet, PartitionsToDelete []struct{ Values []string }
	PartitionValues                     []string
	NextToken                           string
	MaxResults                          *int
	ExcludeColumnSchema                 bool
}

func fault(code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// constraint words a broken limit as the API does.
func constraint(member, rule string) *Fault {
	return fault("ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must %s", member, rule)
}

// run does one operation; the lock is held. direct leaves out the per-item hook.
func (f *Fake) run(op string, body []byte, direct bool) (any, *Fault) {
	members := map[string]string{
		"CreateDatabase":       "DatabaseInput",
		"GetDatabase":          "Name",
		"CreateTable":          "DatabaseName TableInput",
		"GetTable":             "DatabaseName Name",
		"GetTables":            "DatabaseName NextToken MaxResults",
		"UpdateTable":          "DatabaseName Name TableInput VersionId SkipArchive",
		"DeleteTable":          "DatabaseName Name",
		"BatchCreatePartition": "DatabaseName TableName PartitionInputList",
		"BatchUpdatePartition": "DatabaseName TableName Entries",
		"BatchGetPartition":    "DatabaseName TableName PartitionsToGet",
		"BatchDeletePartition": "DatabaseName TableName PartitionsToDelete",
		"GetPartition":         "DatabaseName TableName PartitionValues",
		"GetPartitions":        "DatabaseName TableName NextToken MaxResults ExcludeColumnSchema",
	}
	allowed, known := members[op]
	if !known {
		return nil, fault("UnknownOperationException", "gluefake does not know %s", op)
	}
	var given map[string]json.RawMessage
	var r request
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, fault("SerializationException", "%v", err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fault("SerializationException", "%v", err)
	}
	for name := range given {
		if name != "CatalogId" && !slices.Contains(strings.Fields(allowed), name) {
			return nil, fault("ValidationException", "gluefake does not know member %s of %s", name, op)
		}
	}
	f.clock++
	switch op {
	case "CreateDatabase":
		return f.createDatabase(r)
	case "GetDatabase":
		db, bad := f.database(r.Name)
		if bad != nil {
			return nil, bad
		}
		return object{"Database": object{"Name": db.name}}, nil
	}
	db, bad := f.database(r.DatabaseName)
	if bad != nil {
		return nil, bad
	}
	switch op {
	case "CreateTable":
		return f.createTable(db, r)
	case "GetTable":
		t, bad := db.table(r.Name)
		if bad != nil {
			return nil, bad
		}
		return object{"Table": t.output(db)}, nil
	case "GetTables":
		return f.getTables(db, r)
	case "UpdateTable":
		return f.updateTable(db, r)
	case "DeleteTable":
		if _, bad := db.table(r.Name); bad != nil {
			return nil, bad
		}
		delete(db.tables, strings.ToLower(r.Name))
		return object{}, nil
	}
	t, bad := db.table(r.TableName)
	if bad != nil {
		return nil, bad
	}
	item := f.onItem
	if direct || item == nil {
		item = func(string, []string) *Fault { return nil }
	}
	switch op {
	case "BatchCreatePartition":
		return f.createPartitions(t, r, item)
	case "BatchUpdatePartition":
		return updatePartitions(t, r, item)
	case "BatchGetPartition":
		return f.batchGet(db, t, r)
	case "BatchDeletePartition":
		return deletePartitions(t, r)
	case "GetPartition":
		return getPartition(db, t, r)
	default: // GetPartitions, by the map above
		return f.getPartitions(db, t, r)
	}
}

func (f *Fake) createDatabase(r request) (any, *Fault) {
	name, _ := r.DatabaseInput["Name"].(string)
	if len(name) == 0 || len(name) > maxName {
		return nil, constraint("databaseInput.name", "have length between 1 and 255")
	}
	name = strings.ToLower(name)
	if f.databases[name] != nil {
		return nil, fault("AlreadyExistsException", "Database already exists.")
	}
	f.databases[name] = &database{name: name, tables: map[string]*table{}}
	return object{}, nil
}

func (f *Fake) database(name string) (*database, *Fault) {
	if name == "" {
		return nil, constraint("databaseName", "not be null")
	}
	db := f.databases[strings.ToLower(name)]
	if db == nil {
		return nil, fault("EntityNotFoundException", "Database %s not found.", name)
	}
	return db, nil
}

func (db *database) table(name string) (*table, *Fault) {
	if name == "" {
		return nil, constraint("name", "not be null")
	}
	t := db.tables[strings.ToLower(name)]
	if t == nil {
		return nil, fault("EntityNotFoundException", "Entity Not Found")
	}
	return t, nil
}

func (f *Fake) createTable(db *database, r request) (any, *Fault) {
	name, bad := checkTable(r.TableInput)
	if bad != nil {
		return nil, bad
	}
	if db.tables[name] != nil {
		return nil, fault("AlreadyExistsException", "Table already exists.")
	}
	r.TableInput["Name"] = name
	db.tables[name] = &table{input: r.TableInput, created: f.clock, updated: f.clock, partitions: map[string]*partition{}}
	return object{}, nil
}

func (f *Fake) updateTable(db *database, r request) (any, *Fault) {
	name, bad := checkTable(r.TableInput)
	if bad != nil {
		return nil, bad
	}
	if r.Name != "" && strings.ToLower(r.Name) != name {
		return nil, fault("InvalidInputException", "gluefake does not rename tables: %s to %s", r.Name, name)
	}
	t, bad := db.table(name)
	if bad != nil {
		return nil, bad
	}
	if r.VersionId != nil && *r.VersionId != strconv.Itoa(t.version) {
		return nil, fault("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
	}
	if len(t.partitions) > 0 && !slices.Equal(keyNames(r.TableInput), keyNames(t.input)) {
		return nil, fault("InvalidInputException", "The partition keys of a table with partitions cannot change.")
	}
	r.TableInput["Name"] = name
	t.input = r.TableInput
	t.version++
	t.updated = f.clock
	return object{}, nil
}

func (f *Fake) getTables(db *database, r request) (any, *Fault) {
	names := slices.Sorted(maps.Keys(db.tables))
	names, next, bad := page(names, r, "tables/"+db.name, maxTablePage, maxTablePage)
	if bad != nil {
		return nil, bad
	}
	list := []object{}
	for _, name := range names {
		list = append(list, db.tables[name].output(db))
	}
	return withToken(object{"TableList": list}, next), nil
}

func (t *table) output(db *database) object {
	out := maps.Clone(t.input)
	out["DatabaseName"] = db.name
	out["CreateTime"], out["UpdateTime"] = t.created, t.updated
	out["VersionId"] = strconv.Itoa(t.version)
	out["CatalogId"] = "111122223333"
	out["CreatedBy"] = "arn:aws:sts::111122223333:assumed-role/silt/run"
	out["IsRegisteredWithLakeFormation"] = false
	return out
}

func checkTable(input object) (name string, bad *Fault) {
	for member := range input {
		switch member {
		case "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor", "PartitionKeys",
			"ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable":
		default:
			return "", fault("ValidationException", "gluefake does not know member %s of TableInput", member)
		}
	}
	name, _ = input["Name"].(string)
	if len(name) == 0 || len(name) > maxName {
		return "", constraint("tableInput.name", "have length between 1 and 255")
	}
	keys, _ := input["PartitionKeys"].([]any)
	if bad := checkColumns("tableInput.partitionKeys", keys); bad != nil {
		return "", bad
	}
	return strings.ToLower(name), checkStorage("tableInput", input)
}

func checkStorage(at string, input object) *Fault {
	sd, _ := input["StorageDescriptor"].(object)
	columns, _ := sd["Columns"].([]any)
	if location, _ := sd["Location"].(string); len(location) > 2056 {
		return constraint(at+".storageDescriptor.location", "have length less than or equal to 2056")
	}
	return checkColumns(at+".storageDescriptor.columns", columns)
}

func checkColumns(at string, columns []any) *Fault {
	for i, c := range columns {
		column, _ := c.(object)
		name, _ := column["Name"].(string)
		text, _ := column["Type"].(string)
		if len(name) == 0 || len(name) > maxName {
			return constraint(fmt.Sprintf("%s.%d.member.name", at, i+1), "have length between 1 and 255")
		}
		if len(text) > maxColumnType {
			return constraint(fmt.Sprintf("%s.%d.member.type", at, i+1), "have length less than or equal to 131072")
		}
	}
	return nil
}

func keyNames(input object) []string {
	keys, _ := input["PartitionKeys"].([]any)
	names := []string{}
	for _, k := range keys {
		column, _ := k.(object)
		name, _ := column["Name"].(string)
		names = append(names, name)
	}
	return names
}
