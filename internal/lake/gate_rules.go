package lake

import "fmt"

// Rule of the gate that a file breaks.
//
// To add a rule on values, name it here and add an entry to valueRules: it declares the columns that the rule reads. To add a rule
// on the file's structure, name it here and refuse files by it in the step of gate.go that reads what the rule needs. Tests then
// ask for a file that breaks it, and for a line in docs/lake-rules.md.
type Rule string

// The rules. Rules from time on are about values.
const (
	RuleMagic     Rule = "magic"          // it does not begin and end as a Parquet file
	RuleFooter    Rule = "footer"         // the footer is broken, or points out of the file
	RuleSchema    Rule = "schema"         // a column is missing, too many, out of place or of another type
	RuleList      Rule = "list"           // a list is not optional group (LIST) { repeated group list { optional element } }
	RuleMap       Rule = "map"            // a map is not optional group (MAP) { repeated group key_value { required key; optional value } }
	RuleCodec     Rule = "codec"          // not zstd
	RulePage      Rule = "page"           // a page header that cannot be parsed, or of an unknown kind
	RulePageSize  Rule = "page-size"      // a data or dictionary page above MaxPageBytes uncompressed, or not as large as it says
	RuleGroupSize Rule = "row-group-size" // a row group above MaxRowGroupBytes compressed
	RuleSums      Rule = "sums"           // the pages do not add up to what the footer says
	RuleRows      Rule = "rows"           // not the rows expected
	RuleData      Rule = "data"           // values that cannot be decoded
	RuleTime      Rule = "time"           // a row without time, or not in order
	RulePartition Rule = "partition"      // a row of another day or account
	RuleClass     Rule = "class"          // a row of another class
)

// valueRule is a check of the values of columns. The gate decodes a column only if a value rule declares it, or if Expect.Deep
// is set.
type valueRule struct {
	rules   []Rule        // that it refuses files by, the first also where a column is missing
	columns []valueColumn // that it reads
	check   check
}

// valueColumn is a column of single values, outside of lists.
type valueColumn struct {
	name     string // dotted, as in the file
	phys     int
	required bool // a file without the column is refused
}

// check gets a batch of values of one of its columns: the definition levels, and in d the values of those that have one.
type check func(d *decoded, defs []int16, maxDef int16) error

// valueRules is the table of the rules on values.
func valueRules() []valueRule {
	return []valueRule{
		{[]Rule{RuleTime, RulePartition}, []valueColumn{{"time", physInt64, true}}, (*decoded).times},
		{[]Rule{RuleClass}, []valueColumn{{"class_uid", physInt32, true}}, (*decoded).classes},
		{[]Rule{RulePartition}, []valueColumn{{"cloud.account.uid", physByteArray, false}}, (*decoded).accounts},
	}
}

// checksOf gives the checks of each of the file's columns. It refuses a file without a column that a rule needs.
func (g *gate) checksOf() ([][]check, error) {
	index := map[string]int{}
	for i, l := range g.leaves {
		index[l.dotted()] = i
	}
	checks := make([][]check, len(g.leaves))
	for _, r := range valueRules() {
		if len(r.columns) == 0 {
			return nil, fmt.Errorf("rule %s declares no columns, so nothing would be checked", r.rules[0])
		}
		for _, c := range r.columns {
			i, ok := index[c.name]
			if !ok && !c.required {
				continue
			}
			if !ok || g.leaves[i].phys != c.phys || c.required && g.leaves[i].maxDef != 1 || g.leaves[i].maxRep != 0 {
				return nil, g.refuse(r.rules[0], c.name, "the schema has no %s column of that name", physName(c.phys))
			}
			checks[i] = append(checks[i], r.check)
		}
	}
	return checks, nil
}

func (d *decoded) times(defs []int16, maxDef int16) error {
	g := d.gate
	for _, l := range defs {
		if l != maxDef {
			return g.refuse(RuleTime, "time", "a row has no value")
		}
	}
	for _, v := range d.i64[:len(defs)] {
		if d.any && v < d.last {
			return g.refuse(RuleTime, "time", "%d comes after %d", v, d.last)
		}
		if v < d.from || v >= d.to {
			return g.refuse(RulePartition, "time", "%d (%s) is not on the day %s", v, EventDay(v), g.want.Partition.EventDay)
		}
		if !d.any {
			d.first, d.any = v, true
		}
		d.last = v
	}
	return nil
}

func (d *decoded) classes(defs []int16, maxDef int16) error {
	for _, l := range defs {
		if l != maxDef {
			return d.gate.refuse(RuleClass, "class_uid", "a row has no value")
		}
	}
	for _, v := range d.i32[:len(defs)] {
		if int(v) != d.gate.want.ClassUID {
			return d.gate.refuse(RuleClass, "class_uid", "%d, not %d", v, d.gate.want.ClassUID)
		}
	}
	return nil
}

// accounts refuses rows of another account, which belong in another partition. A value that is not an account of the lake
// (example: the name of another cloud's project) does not decide the partition, and is accepted.
func (d *decoded) accounts(defs []int16, maxDef int16) error {
	n := 0
	for _, l := range defs {
		if l == maxDef {
			n++
		}
	}
	want := d.gate.want.Partition.AccountID
	for _, v := range d.texts[:n] {
		if string(v) == want || d.account != "" && string(v) == d.account {
			continue
		}
		if ValidateAccount(string(v)) == nil {
			return d.gate.refuse(RulePartition, "cloud.account.uid", "%s, not %s", v, want)
		}
		d.account = string(v)
	}
	return nil
}
