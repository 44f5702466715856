package lake

import (
	"fmt"
	"strconv"
	"strings"
)

// Layout is how the classes of one job share folders and tables.
type Layout string

const (
	// LayoutByClass is the default: a job of one class writes ext/<source>/, of several ext/<source>/<class>/, each with a
	// table <table of the source>_<class> (the table prefix and grouping level of a crawler over the source's folder).
	LayoutByClass Layout = ""
	// LayoutSourcePerClass gives each class a source of its own, named <source>-<class uid>, as Security Lake requires
	// ("each unique event class as a separate source"). The uid and not the name is taken, for a source's name has room for
	// 20 characters, and "network_activity" alone has 16.
	LayoutSourcePerClass Layout = "source-per-class"
	// LayoutSingle puts all classes into ext/<source>/ and one table with the columns of all of them.
	LayoutSingle Layout = "single"
)

// MaxSourceName is Security Lake's limit for the name of a custom source, in characters.
const MaxSourceName = 20

// maxTableName is Glue's limit, in bytes.
const maxTableName = 128

// Class of a job, as the layout needs it.
type Class struct {
	Name string // OCSF class name (example: network_activity)
	UID  int    // example: 4001
}

// Target is where the files of a class go.
type Target struct {
	Class  Class
	Source string // the custom source's name
	Folder string // below the lake's location, ending in a slash; a Partition's Prefix follows
	Table  string // in the catalog
	// Missing says what a class with a source of its own lacks, and what to try. Nothing is written to such a target. "": it has all.
	Missing string
}

// SourceFolder is the folder of a source.
func SourceFolder(source string) string { return "ext/" + source + "/" }

// SourceOfClass is the name of the source that a class has for itself, unless the job names another. It can be too long.
func SourceOfClass(source string, c Class) string { return source + "-" + strconv.Itoa(c.UID) }

// OwnTarget is the target of a class that has a source for itself.
func OwnTarget(source, region string, c Class) Target {
	return Target{Class: c, Source: source, Folder: SourceFolder(source), Table: TableName(region, source)}
}

// CheckTable checks the length of a table's name.
func CheckTable(name string) error {
	if len(name) > maxTableName {
		return &KeyError{"table name", name, fmt.Sprintf("Glue allows at most %d characters: shorten source_name", maxTableName)}
	}
	return nil
}

// Targets lays out the classes of a job, in the order given. The same arguments always give the same answer: keys that were
// used once must be found again.
func Targets(source, region string, layout Layout, classes []Class) ([]Target, error) {
	if err := ValidateSource(source); err != nil {
		return nil, err
	}
	if err := ValidateRegion(region); err != nil {
		return nil, err
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("source %s: the mapping has no event class", source)
	}
	seen := map[string]bool{}
	ts := make([]Target, 0, len(classes))
	for _, c := range classes {
		if c.Name == "" || !only(c.Name, lower+digits+"_") {
			return nil, &KeyError{"class", c.Name, "use an OCSF class name (example: network_activity)"}
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("source %s: class %s is given twice", source, c.Name)
		}
		seen[c.Name] = true
		t := OwnTarget(source, region, c)
		switch layout {
		case LayoutByClass:
			if len(classes) > 1 {
				t.Folder += c.Name + "/"
				t.Table += "_" + c.Name
			}
		case LayoutSourcePerClass:
			t = OwnTarget(SourceOfClass(source, c), region, c)
			if c.UID <= 0 || len(t.Source) > MaxSourceName {
				return nil, &KeyError{"source name", t.Source, fmt.Sprintf(
					"layout source-per-class adds -%d, and a source name has at most %d characters: shorten source_name to %d, or name the source with lake.classes.%s.source_name",
					c.UID, MaxSourceName, MaxSourceName-1-len(strconv.Itoa(c.UID)), c.Name)}
			}
		case LayoutSingle:
		default:
			return nil, fmt.Errorf("layout %q is not known: use %s or %s, or leave it out", layout, LayoutSourcePerClass, LayoutSingle)
		}
		if err := CheckTable(t.Table); err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// ValidateSource checks the name of a custom source: at most 20 of a-z, 0-9, - and _, beginning with a letter or a digit.
func ValidateSource(s string) error {
	switch {
	case s == "":
		return &KeyError{"source name", s, "use 1 to 20 characters (example: network-firewall)"}
	case len(s) > MaxSourceName:
		return &KeyError{"source name", s, fmt.Sprintf("it has %d characters, and Security Lake allows %d: shorten it", len(s), MaxSourceName)}
	case !only(s, lower+digits+"-_"):
		return &KeyError{"source name", s, "use only a-z, 0-9 and - or _ (example: " + sourceHint(s) + ")"}
	case s[0] == '-' || s[0] == '_':
		return &KeyError{"source name", s, "begin with a letter or a digit"}
	}
	return nil
}

// sourceHint is the nearest name that ValidateSource takes.
func sourceHint(s string) string {
	s = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(lower+digits+"-_", r) {
			return r
		}
		return '-'
	}, strings.ToLower(s)), "-_")
	if s == "" {
		return "my-source"
	}
	return s[:min(len(s), MaxSourceName)]
}

// DatabaseName is the Glue database that Security Lake makes for a region.
func DatabaseName(region string) string {
	return "amazon_security_lake_glue_db_" + underscored(region)
}

// TableName is the name that Security Lake gives the table of a custom source.
func TableName(region, source string) string {
	return "amazon_security_lake_table_" + underscored(region) + "_ext_" + underscored(source)
}

func underscored(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
