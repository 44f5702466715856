package attempt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
)

// maxCounted bounds how many partitions are counted once there are too many.
const maxCounted = 100_000

// TooManyPartitions says that the records of a batch belong to more partitions than Options.MaxPartitions.
type TooManyPartitions struct {
	Partitions     int // at least as many
	Max            int
	Accounts, Days int
	Examples       []string // of accounts, if they vary more than days
	Object         string   // of a record of the first partition beyond Max
	Record         int64
}

// Error says how many partitions there are, and which field varies.
func (e *TooManyPartitions) Error() string {
	atLeast := ""
	if e.Partitions >= maxCounted {
		atLeast = "at least "
	}
	varies := fmt.Sprintf("cloud.account.uid has %s (examples: %s)", human.Plural(int64(e.Accounts), "value"), strings.Join(e.Examples, ", "))
	if e.Days > e.Accounts {
		varies = fmt.Sprintf("the records are of %s", human.Plural(int64(e.Days), "event day"))
	}
	return fmt.Sprintf("too many partitions: the records of the batch belong to %s%s partitions, and limits.max_partitions allows %s; %s; nothing of the batch was committed. Example: %s, %s",
		atLeast, human.Count(int64(e.Partitions)), human.Count(int64(e.Max)), varies, render.Safe(e.Object), placeOf(e.Record))
}

// placeOf names a record whose member's name is not known.
func placeOf(number int64) string {
	member, _ := decode.Place(number)
	return decode.PlaceText(number, strconv.FormatInt(member, 10))
}

// partitionCount counts the partitions of an attempt.
type partitionCount struct {
	max      int // 0: no limit
	all      map[tablePartition]bool
	accounts map[string]bool
	days     map[int32]bool
	objects  []Object
	beyond   recordID // the first record of a partition beyond max
}

type tablePartition struct {
	class string
	partition
}

func newPartitionCount(max int, objects []Object) *partitionCount {
	return &partitionCount{max: max, objects: objects, all: map[tablePartition]bool{}, accounts: map[string]bool{}, days: map[int32]bool{}}
}

// add counts a partition. It is false once there are too many: then partitions are counted, and nothing is written any more.
func (c *partitionCount) add(class string, at partition, record recordID) (ok bool, err error) {
	if c.max <= 0 {
		return true, nil
	}
	c.all[tablePartition{class, at}], c.accounts[at.account], c.days[at.day] = true, true, true
	if len(c.all) > c.max && c.beyond.number == 0 {
		c.beyond = record
	}
	if len(c.all) >= maxCounted && len(c.all) > c.max {
		return false, c.err()
	}
	return len(c.all) <= c.max, nil
}

// err is a *TooManyPartitions, or nil.
func (c *partitionCount) err() error {
	if c.max <= 0 || len(c.all) <= c.max {
		return nil
	}
	e := &TooManyPartitions{Partitions: len(c.all), Max: c.max, Accounts: len(c.accounts), Days: len(c.days), Object: c.objects[c.beyond.object].Key, Record: c.beyond.number}
	for account := range c.accounts {
		e.Examples = append(e.Examples, account)
	}
	slices.Sort(e.Examples)
	e.Examples = e.Examples[:min(3, len(e.Examples))]
	return e
}
