package gluefake

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// key joins partition values; a NUL cannot be in one.
func key(values []string) string { return strings.Join(values, "\x00") }

// wrongCount checks values against the table's keys.
func (t *table) wrongCount(values []string) *Fault {
	if len(values) != len(keyNames(t.input)) {
		return fault("InvalidInputException", "The number of partition keys do not match the number of partition values")
	}
	return nil
}

func itemError(valuesMember string, values []string, bad *Fault) object {
	return object{valuesMember: values, "ErrorDetail": object{"ErrorCode": bad.Code, "ErrorMessage": bad.Message}}
}

func (f *Fake) createPartitions(t *table, r request, item func(string, []string) *Fault) (any, *Fault) {
	if len(r.PartitionInputList) > maxCreate {
		return nil, constraint("partitionInputList", "have length less than or equal to 100")
	}
	all := make([][]string, len(r.PartitionInputList))
	for i, input := range r.PartitionInputList {
		values, bad := stringsOf(input["Values"])
		if bad == nil {
			bad = t.wrongCount(values)
		}
		if bad == nil {
			bad = checkStorage(fmt.Sprintf("partitionInputList.%d.member", i+1), input)
		}
		if bad != nil {
			return nil, bad
		}
		all[i] = values
	}
	failed := []object{}
	for i, input := range r.PartitionInputList {
		bad := item("BatchCreatePartition", all[i])
		if bad == nil && t.partitions[key(all[i])] != nil {
			bad = fault("AlreadyExistsException", "Partition already exists.")
		}
		if bad != nil {
			failed = append(failed, itemError("PartitionValues", all[i], bad))
			continue
		}
		t.partitions[key(all[i])] = &partition{values: all[i], input: input, created: f.clock}
	}
	return object{"Errors": failed}, nil
}

func updatePartitions(t *table, r request, item func(string, []string) *Fault) (any, *Fault) {
	if len(r.Entries) == 0 || len(r.Entries) > maxUpdate {
		return nil, constraint("entries", "have length between 1 and 100")
	}
	for i, e := range r.Entries {
		values, bad := stringsOf(e.PartitionInput["Values"])
		if bad == nil {
			bad = t.wrongCount(values)
		}
		if bad == nil {
			bad = t.wrongCount(e.PartitionValueList)
		}
		if bad == nil {
			bad = checkStorage(fmt.Sprintf("entries.%d.member.partitionInput", i+1), e.PartitionInput)
		}
		if bad == nil && !slices.Equal(values, e.PartitionValueList) {
			bad = fault("InvalidInputException", "gluefake does not move partitions: %v to %v", e.PartitionValueList, values)
		}
		if bad != nil {
			return nil, bad
		}
	}
	failed := []object{}
	for _, e := range r.Entries {
		bad := item("BatchUpdatePartition", e.PartitionValueList)
		have := t.partitions[key(e.PartitionValueList)]
		if bad == nil && have == nil {
			bad = fault("EntityNotFoundException", "Partition not found.")
		}
		if bad != nil {
			failed = append(failed, itemError("PartitionValueList", e.PartitionValueList, bad))
			continue
		}
		have.input = e.PartitionInput
	}
	return object{"Errors": failed}, nil
}

func deletePartitions(t *table, r request) (any, *Fault) {
	if len(r.PartitionsToDelete) > maxDelete {
		return nil, constraint("partitionsToDelete", "have length less than or equal to 25")
	}
	failed := []object{}
	for _, p := range r.PartitionsToDelete {
		if t.partitions[key(p.Values)] == nil {
			failed = append(failed, itemError("PartitionValues", p.Values, fault("EntityNotFoundException", "Partition not found.")))
		}
		delete(t.partitions, key(p.Values))
	}
	return object{"Errors": failed}, nil
}

func (f *Fake) batchGet(db *database, t *table, r request) (any, *Fault) {
	if len(r.PartitionsToGet) > maxGet {
		return nil, constraint("partitionsToGet", "have length less than or equal to 1000")
	}
	unsent := min(f.unsent, len(r.PartitionsToGet))
	f.unsent = 0
	cut := len(r.PartitionsToGet) - unsent
	found, later := []object{}, []object{}
	for i, p := range r.PartitionsToGet {
		if bad := t.wrongCount(p.Values); bad != nil {
			return nil, bad
		}
		have := t.partitions[key(p.Values)]
		switch {
		case i >= cut:
			later = append(later, object{"Values": p.Values})
		case have != nil:
			found = append(found, have.output(db, t, false))
		}
	}
	return object{"Partitions": found, "UnprocessedKeys": later}, nil
}

func getPartition(db *database, t *table, r request) (any, *Fault) {
	if bad := t.wrongCount(r.PartitionValues); bad != nil {
		return nil, bad
	}
	have := t.partitions[key(r.PartitionValues)]
	if have == nil {
		return nil, fault("EntityNotFoundException", "Partition not found.")
	}
	return object{"Partition": have.output(db, t, false)}, nil
}

func (f *Fake) getPartitions(db *database, t *table, r request) (any, *Fault) {
	name, _ := t.input["Name"].(string)
	keys, next, bad := page(slices.Sorted(maps.Keys(t.partitions)), r, "partitions/"+db.name+"/"+name, maxPage, f.page)
	if bad != nil {
		return nil, bad
	}
	list := []object{}
	for _, k := range keys {
		list = append(list, t.partitions[k].output(db, t, r.ExcludeColumnSchema))
	}
	return withToken(object{"Partitions": list}, next), nil
}

func (p *partition) output(db *database, t *table, bare bool) object {
	out := maps.Clone(p.input)
	out["DatabaseName"], out["TableName"], out["CatalogId"] = db.name, t.input["Name"], "111122223333"
	out["CreationTime"] = p.created
	if sd, has := out["StorageDescriptor"].(object); has && bare {
		sd = maps.Clone(sd)
		delete(sd, "Columns")
		out["StorageDescriptor"] = sd
	}
	return out
}

// page cuts a sorted list. A token names the list it belongs to and the last key given, so that one that is made up, or is
// used on another list, is refused.
func page(sorted []string, r request, list string, most, size int) (items []string, next string, bad *Fault) {
	if r.MaxResults != nil {
		if *r.MaxResults < 1 || *r.MaxResults > most {
			return nil, "", constraint("maxResults", "be between 1 and "+strconv.Itoa(most))
		}
		size = min(size, *r.MaxResults)
	}
	if r.NextToken != "" {
		raw, err := base64.StdEncoding.DecodeString(r.NextToken)
		last, ours := strings.CutPrefix(string(raw), list+"\n")
		if err != nil || !ours {
			return nil, "", fault("InvalidInputException", "Invalid pagination token.")
		}
		at, found := slices.BinarySearch(sorted, last)
		if found {
			at++
		}
		sorted = sorted[at:]
	}
	if len(sorted) > size {
		sorted = sorted[:size]
		next = base64.StdEncoding.EncodeToString([]byte(list + "\n" + sorted[size-1]))
	}
	return sorted, next, nil
}

func withToken(out object, next string) object {
	if next != "" {
		out["NextToken"] = next
	}
	return out
}

func stringsOf(v any) ([]string, *Fault) {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, e := range list {
		s, isText := e.(string)
		if !isText || s == "" {
			return nil, fault("InvalidInputException", "Partition values must be text and not empty.")
		}
		out[i] = s
	}
	return out, nil
}
