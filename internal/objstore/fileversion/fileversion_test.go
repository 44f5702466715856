package fileversion

import "testing"

// TestParse reads back what String wrote, and takes nothing else for the version of a file.
func TestParse(t *testing.T) {
	for _, v := range []Version{
		{},
		{SizeBytes: 0x1f, Modified: 1764376215123456789, Inode: 77, Changed: 1764376215123456999},
		{SizeBytes: 1, Modified: -1, Inode: 1<<64 - 1, Changed: -5},
		{SizeBytes: 1, Modified: -1, Inode: 2, Old: true},
		{SizeBytes: 1 << 40, Modified: 3, Inode: 2, Old: true},
	} {
		got, ok := Parse(v.String())
		if !ok || got != v {
			t.Errorf("%+v is written as %s and read as %+v, %v", v, v, got, ok)
		}
	}
	for _, text := range []string{"", "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e-12", "a-b-c-d-e", "-1-2-3", "1-2-3-4-5", "1--2", "01-2-3", "A-2-3",
		"0f3cbb01-4e5f-4a5b-9c7d-0123456789ab", "1-2-", "1-2-3-", `"1-2-3"`} {
		if v, ok := Parse(text); ok {
			t.Errorf("%q is read as %+v", text, v)
		}
	}
}

// TestEarlier finds the ETag that earlier versions of etl wrote, which still names the version.
func TestEarlier(t *testing.T) {
	v := Version{SizeBytes: 9, Modified: -8, Inode: 7, Changed: 6}
	old := v
	old.Old = true
	if e, ok := Earlier(v.String()); !ok || e != "9--8-7" {
		t.Errorf("the earlier ETag of %s is %q, %v", v, e, ok)
	}
	if e, ok := Earlier(old.String()); ok {
		t.Errorf("the earlier ETag of %s is %q", old, e)
	}
	v.Changed++
	if !Matches(old.String(), v.String()) || !Matches(v.String(), v.String()) || Matches(v.String(), old.String()) {
		t.Error("an earlier ETag names each version that differs in its status change only, and no other way round")
	}
}
