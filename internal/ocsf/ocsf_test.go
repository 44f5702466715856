package ocsf_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf"
)

func load(t *testing.T, version string) *ocsf.Schema {
	t.Helper()
	s, err := ocsf.Load(version)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// class and attribute fail the test where there is none.
func class(t *testing.T, s *ocsf.Schema, name string) *ocsf.Class {
	t.Helper()
	c := s.Class(name)
	if c == nil {
		t.Fatalf("OCSF %s has no class %s", s.Version, name)
	}
	return c
}

func attribute(t *testing.T, f *ocsf.Fields, name string) *ocsf.Attribute {
	t.Helper()
	a := f.Attribute(name)
	if a == nil {
		t.Fatalf("%s has no attribute %s", f.Name, name)
	}
	return a
}

func TestLoadEveryVersion(t *testing.T) {
	all := map[string]int{
		"1.0.0": 36, "1.1.0": 50, "1.2.0": 65, "1.3.0": 72, "1.4.0": 79, "1.5.0": 81, "1.6.0": 82, "1.7.0": 83, "1.8.0": 83,
	}
	for version, classes := range all {
		s := load(t, version)
		if s.Version != version || len(s.Classes()) != classes {
			t.Errorf("%s: loaded %s with %d classes, want %d", version, s.Version, len(s.Classes()), classes)
		}
		if again := load(t, version); again != s {
			t.Errorf("%s is unpacked twice", version)
		}
	}
	if want := slices.Sorted(maps.Keys(all)); !slices.Equal(ocsf.Versions(), want) || ocsf.DefaultVersion != "1.1.0" {
		t.Errorf("versions: %v, by default %s", ocsf.Versions(), ocsf.DefaultVersion)
	}
	if _, err := ocsf.Load("v1.1.0"); err == nil || !strings.Contains(err.Error(), "1.0.0, 1.1.0, 1.2.0") {
		t.Errorf("an unknown version must name the known ones: %v", err)
	}
}

func TestNetworkActivity(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := s.ClassByUID(4001)
	if c == nil || c != s.Class("network_activity") {
		t.Fatalf("4001 is %v", c)
	}
	if c.Caption != "Network Activity" || c.CategoryUID != 4 || c.CategoryName != "Network Activity" || c.UID != 4001 {
		t.Errorf("%s %d %d %s", c.Caption, c.UID, c.CategoryUID, c.CategoryName)
	}
	want := []string{"cloud", "container", "datetime", "host", "linux/linux_users", "load_balancer", "network_proxy", "security_control"}
	if !slices.Equal(c.Profiles, want) {
		t.Errorf("profiles %v", c.Profiles)
	}
	if !slices.IsSortedFunc(c.Attributes, func(a, b *ocsf.Attribute) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the attributes are not by name")
	}
	for name, want := range map[string]string{
		"activity_id": "required", "class_uid": "required", "category_uid": "required", "type_uid": "required", "time": "required",
		"severity_id": "required", "metadata": "required", "src_endpoint": "required", "dst_endpoint": "required",
		"tls": "optional", "connection_info": "recommended", "unmapped": "optional", "action_id": "required",
	} {
		if got := attribute(t, &c.Fields, name).Requirement; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestEnums(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for _, want := range []struct {
		attribute string
		id        int64
		text      string
		sibling   string
	}{
		{"severity_id", 1, "Informational", "severity"}, {"severity_id", 3, "Medium", "severity"}, {"severity_id", 4, "High", "severity"},
		{"severity_id", 6, "Fatal", "severity"}, {"activity_id", 6, "Traffic", "activity_name"}, {"activity_id", 99, "Other", "activity_name"},
		{"type_uid", 400106, "Network Activity: Traffic", "type_name"}, {"class_uid", 4001, "Network Activity", "class_name"},
		{"category_uid", 4, "Network Activity", "category_name"}, {"action_id", 2, "Denied", "action"},
		{"disposition_id", 2, "Blocked", "disposition"},
	} {
		a := attribute(t, &c.Fields, want.attribute)
		if text, ok := a.EnumText(want.id); !ok || text != want.text || a.Sibling != want.sibling {
			t.Errorf("%s %d is %q beside %q, want %+v", want.attribute, want.id, text, a.Sibling, want)
		}
		if id, ok := a.EnumID(strings.ToUpper(want.text)); !ok || id != want.id {
			t.Errorf("%s %q is %d", want.attribute, want.text, id)
		}
	}
	if _, ok := attribute(t, &c.Fields, "severity_id").EnumText(7); ok {
		t.Error("severity_id knows 7")
	}
	if _, ok := attribute(t, &c.Fields, "message").EnumID(""); ok {
		t.Error("message has values")
	}
	method := attribute(t, &s.Object("http_request").Fields, "http_method")
	if !slices.ContainsFunc(method.Enum, func(v ocsf.EnumValue) bool { return v.Key == "GET" }) {
		t.Errorf("http_method: %v", method.Enum)
	}
	if _, ok := method.EnumText(0); ok {
		t.Error("a text enum has a numeric value")
	}
	confidence := attribute(t, &class(t, s, "detection_finding").Fields, "confidence_id")
	if confidence.Sibling != "confidence" {
		t.Errorf("confidence_id has the sibling %q", confidence.Sibling)
	}
}

// A class or an object can redefine what the dictionary, or what it extends, says about an attribute. The nearest wins.
func TestRedefinedAttributes(t *testing.T) {
	for _, version := range ocsf.Versions() {
		s := load(t, version)
		fields := func(owner string) *ocsf.Fields {
			if c := s.Class(owner); c != nil {
				return &c.Fields
			}
			return &s.Object(owner).Fields
		}
		for _, want := range []struct {
			owner, attribute string
			id               int64
			text             string
		}{
			{"dns_activity", "rcode_id", 0, "NoError"}, {"dns_activity", "rcode_id", 3, "NXDomain"}, {"dns_activity", "rcode_id", 99, "Other"},
			{"dns_activity", "status_id", 0, "Unknown"}, {"dns_activity", "status_id", 1, "Success"},
			{"email_activity", "direction_id", 3, "Internal"}, {"tls_extension", "type_id", 0, "server_name"},
		} {
			if text, _ := attribute(t, fields(want.owner), want.attribute).EnumText(want.id); text != want.text {
				t.Errorf("%s: %s.%s %d is %q, want %q", version, want.owner, want.attribute, want.id, text, want.text)
			}
		}
		if c := s.Class("detection_finding"); c != nil {
			if text, _ := attribute(t, &c.Fields, "status_id").EnumText(1); text != "New" {
				t.Errorf("%s: status_id 1 of a finding is %q", version, text)
			}
		}
		if got := attribute(t, fields("user"), "name").Type; got != "username_t" {
			t.Errorf("%s: user.name is %s", version, got)
		}
		if got := attribute(t, fields("file"), "uid").Requirement; got != ocsf.Optional {
			t.Errorf("%s: file.uid is %s", version, got)
		}
	}
}

// type_uid is class_uid*100 + activity_id in every class, with both captions, and every sibling is there to be filled.
func TestIdentifiersOfAllClasses(t *testing.T) {
	for _, version := range ocsf.Versions() {
		s := load(t, version)
		for _, c := range s.Classes() {
			if c.UID%100_000/1000 != c.CategoryUID {
				t.Errorf("%s %s: class %d in category %d", version, c.Name, c.UID, c.CategoryUID)
			}
			types := attribute(t, &c.Fields, "type_uid")
			activities := attribute(t, &c.Fields, "activity_id").Enum
			if len(activities) < 2 || len(types.Enum) != len(activities) {
				t.Errorf("%s %s: %d types of %d activities", version, c.Name, len(types.Enum), len(activities))
			}
			for _, v := range activities {
				if text, _ := types.EnumText(int64(c.UID)*100 + v.ID); text != c.Caption+": "+v.Text {
					t.Errorf("%s %s: activity %d is type %q", version, c.Name, v.ID, text)
				}
			}
			for _, a := range c.Attributes {
				if a.Sibling != "" && c.Attribute(a.Sibling) == nil {
					t.Errorf("%s %s: %s has no sibling %s", version, c.Name, a.Name, a.Sibling)
				}
			}
		}
	}
}

func TestProfiles(t *testing.T) {
	for version, want := range map[string][]string{
		"1.0.0": {"cloud", "container", "datetime", "host", "linux/linux_users", "security_control"},
		"1.1.0": {"cloud", "container", "datetime", "host", "linux/linux_users", "load_balancer", "network_proxy", "security_control"},
		"1.2.0": {"cloud", "container", "data_classification", "datetime", "host", "linux/linux_users", "load_balancer", "network_proxy",
			"security_control"},
		"1.8.0": {"ai_operation", "cloud", "container", "data_classification", "datetime", "host", "incident", "linux/linux_users", "load_balancer",
			"macos/macos_users", "network_proxy", "osint", "security_control", "trace"},
	} {
		if got := load(t, version).Profiles(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", version, got)
		}
	}
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for name, profile := range map[string]string{
		"action_id": "security_control", "disposition_id": "security_control", "firewall_rule": "security_control",
		"cloud": "cloud", "device": "host", "time_dt": "datetime", "load_balancer": "load_balancer", "proxy_endpoint": "network_proxy",
		"src_endpoint": "", "tls": "",
	} {
		a := attribute(t, &c.Fields, name)
		if a.Profile != profile {
			t.Errorf("%s comes of profile %q, want %q", name, a.Profile, profile)
		}
		if !a.In([]string{"x", profile}) || a.In([]string{"x"}) != (profile == "") {
			t.Errorf("%s: In is wrong", name)
		}
	}
	if a := attribute(t, &c.Fields, "time_dt"); a.Base != ocsf.DateTime || a.Requirement != ocsf.Optional {
		t.Errorf("time_dt: %+v", a)
	}
	if a := attribute(t, &class(t, s, "account_change").Fields, "actor"); a.Profile != "" || a.Requirement != ocsf.Recommended {
		t.Errorf("account_change takes actor out of the host profile: %+v", a)
	}
}

func TestObjects(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	for path, want := range map[string]string{
		"tls.version": "required", "tls.sni": "recommended", "network_connection_info.direction_id": "required",
		"product.vendor_name": "required", "metadata.version": "required", "metadata.profiles": "optional", "cloud.provider": "required",
		"file.name": "required", "device.type_id": "required", "network_connection_info.tcp_flags": "optional",
	} {
		object, name, _ := strings.Cut(path, ".")
		if got := attribute(t, &s.Object(object).Fields, name).Requirement; got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for name, want := range map[string][]string{
		"account": {"name", "uid"}, "process": {"pid", "uid"}, "network_endpoint": s.Object("network_proxy").AtLeastOne, "tls": nil,
	} {
		if got := s.Object(name).AtLeastOne; !slices.Equal(got, want) {
			t.Errorf("%s needs one of %v, want %v", name, got, want)
		}
	}
	if got := load(t, "1.2.0").Object("auth_factor").JustOne; len(got) != 3 {
		t.Errorf("auth_factor has just one of %v", got)
	}
	if s.Object("_entity") != nil || s.Class("network") != nil || s.ClassByUID(4000) != nil {
		t.Error("abstract ones are offered")
	}
}

func TestTypesAndRanges(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	type leaf struct {
		base            ocsf.Base
		least, greatest int64
		ok, array       bool
	}
	for path, want := range map[string]leaf{
		"src_endpoint.port": {ocsf.Integer, 0, 65535, true, false},
		"severity_id":       {ocsf.Integer, -1 << 31, 1<<31 - 1, true, false},
		"type_uid":          {ocsf.Long, -1 << 63, 1<<63 - 1, true, false},
		"traffic.bytes":     {ocsf.Long, -1 << 63, 1<<63 - 1, true, false},
		"time":              {ocsf.Timestamp, 0, 0, false, false},
		"time_dt":           {ocsf.DateTime, 0, 0, false, false},
		"src_endpoint.ip":   {ocsf.String, 0, 0, false, false},
		"metadata.profiles": {ocsf.String, 0, 0, false, true},
		"api.request.data":  {ocsf.JSON, 0, 0, false, false},
	} {
		r, err := s.Resolve(class(t, s, "network_activity"), path)
		if err != nil {
			t.Error(err)
			continue
		}
		least, greatest, ok := r.Leaf.Range()
		if got := (leaf{r.Leaf.Base, least, greatest, ok, r.Leaf.IsArray}); got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	if got := ocsf.Base(99).String() + ocsf.Struct.String(); got != "Base(99)struct" {
		t.Errorf("Base.String: %s", got)
	}
}

func TestWindowsClassesAreAnExtensions(t *testing.T) {
	for version, want := range map[string]map[string]int{
		"1.0.0": {"registry_key_activity": 201001, "registry_value_activity": 201002, "resource_activity": 201003},
		"1.2.0": {"prefetch_query": 205019, "device_config_state_change": 5019},
		"1.3.0": {"registry_key_activity": 201001, "win_service_activity": 201004},
		"1.8.0": {"registry_key_activity": 201001, "windows_service_activity": 201004, "prefetch_query": 205019},
	} {
		s := load(t, version)
		for name, uid := range want {
			if got := class(t, s, name).UID; got != uid || s.ClassByUID(uid).Name != name {
				t.Errorf("%s %s is %d, want %d", version, name, got, uid)
			}
		}
	}
}

func TestDeprecations(t *testing.T) {
	for _, version := range ocsf.Versions() {
		s := load(t, version)
		for name, since := range map[string]string{
			"security_finding": "1.1.0", "network_file_activity": "1.1.0", "http_activity.http_status": "1.1.0", "tls.extension_list": "1.1.0",
			"network_activity.proxy": "1.1.0", "location.coordinates": "1.2.0", "actor.invoked_by": "1.2.0", "config_state": "1.5.0",
			"network_activity": "9", "network_activity.tls": "9", "network_activity.proxy_endpoint": "9",
		} {
			owner, attributeName, isAttribute := strings.Cut(name, ".")
			var f *ocsf.Fields
			if c := s.Class(owner); c != nil {
				f = &c.Fields
			} else {
				f = &s.Object(owner).Fields
			}
			got := f.Deprecated
			if isAttribute {
				a := f.Attribute(attributeName)
				if a == nil {
					continue // not yet there
				}
				got = a.Deprecated
			}
			if version >= since != strings.HasPrefix(got, "since "+since+": ") || version < since && got != "" {
				t.Errorf("%s of %s: deprecated %q", name, version, got)
			}
		}
	}
}

func TestNearestNames(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	for name, want := range map[string]string{
		"network_activty": "network_activity", "Network Activity": "network_activity", "networkactivity": "network_activity", "dns": "dns_activity",
		"http": "http_activity", "auth": "authentication", "detection": "detection_finding", "OS Patch State": "patch_state", "": "", "zebra": "",
	} {
		if got := s.NearestClass(name); got != want {
			t.Errorf("class %q: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"Cloud": "cloud", "security-control": "security_control", "load_balancing": "load_balancer", "linux_users": "linux/linux_users",
		"date_time": "datetime", "proxy": "network_proxy", "firewall": "",
	} {
		if got := s.NearestProfile(name); got != want {
			t.Errorf("profile %q: %q, want %q", name, got, want)
		}
	}
}

// Run with -race: a schema is shared by all who load it.
func TestConcurrentUse(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := ocsf.Load("1.2.0")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Resolve(s.Class("dns_activity"), "query.hostnme"); err == nil || !strings.Contains(err.Error(), `"query.hostname"`) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestTypeUIDWidth: 1.0.0 says integer_t, but the lake holds type_uid as INT64 whatever the version.
func TestTypeUIDWidth(t *testing.T) {
	for _, v := range ocsf.Versions() {
		s, err := ocsf.Load(v)
		if err != nil {
			t.Fatal(err)
		}
		if a := s.Class("network_activity").Attribute("type_uid"); a.Base != ocsf.Long {
			t.Errorf("%s: type_uid is %s", v, a.Base)
		}
	}
}

// Two profiles add process.euid in 1.8.0: each of them is enough.
func TestAttributeOfSeveralProfiles(t *testing.T) {
	a := attribute(t, &load(t, "1.8.0").Object("process").Fields, "euid")
	if a.Profile != "linux/linux_users" || !a.In([]string{"macos/macos_users"}) || !a.In([]string{"linux/linux_users"}) || a.In([]string{"host"}) {
		t.Errorf("euid is in %q", a.Profile)
	}
}

// What changed between versions, each as OCSF's changelog has it.
func TestChangesBetweenVersions(t *testing.T) {
	network := func(version string) *ocsf.Class { return class(t, load(t, version), "network_activity") }
	for _, v := range ocsf.Versions() {
		long := ocsf.CompareVersions(v, "1.3.0") >= 0
		if got := network(v).Attribute("duration").Base; (got == ocsf.Long) != long || !long && got != ocsf.Integer {
			t.Errorf("%s: duration is %s", v, got)
		}
		if got := network(v).Attribute("src_endpoint").Requirement; (got == ocsf.Recommended) != long {
			t.Errorf("%s: src_endpoint is %s", v, got)
		}
	}
	if got := attribute(t, &load(t, "1.5.0").Object("file").Fields, "path").Type; got != "file_path_t" {
		t.Errorf("file.path is %s", got)
	}
	if got := network("1.4.0").AtLeastOne; !slices.Equal(got, []string{"dst_endpoint", "src_endpoint"}) {
		t.Errorf("network_activity needs one of %v", got)
	}
	// constraints on attributes of attributes, and on attributes that the class does not have, are left out
	if got := load(t, "1.8.0").Class("patch_state").AtLeastOne; got != nil {
		t.Errorf("patch_state needs one of %v", got)
	}
	if got := load(t, "1.3.0").Class("event_log").AtLeastOne; !slices.Equal(got, []string{"log_name", "log_provider", "log_type", "log_type_id"}) {
		t.Errorf("event_log needs one of %v", got)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, pair := range [][2]string{{"1.1.0", "1.2.0"}, {"1.9.0", "1.10.0"}, {"1.10.0", "2.0.0"}, {"1.8", "1.8.0"}} {
		if ocsf.CompareVersions(pair[0], pair[1]) >= 0 || ocsf.CompareVersions(pair[1], pair[0]) <= 0 || ocsf.CompareVersions(pair[0], pair[0]) != 0 {
			t.Errorf("%v are not in this order", pair)
		}
	}
}

func TestObservableTypes(t *testing.T) {
	for _, want := range []struct {
		version, owner, attribute string
		id                        int64
		text                      string
	}{
		{"1.1.0", "network_endpoint", "ip", 2, "IP Address"}, {"1.1.0", "network_endpoint", "hostname", 1, "Hostname"},
		{"1.1.0", "network_endpoint", "mac", 3, "MAC Address"}, {"1.1.0", "user", "name", 4, "User Name"},
		{"1.1.0", "user", "email_addr", 5, "Email Address"}, {"1.1.0", "url", "url_string", 6, "URL String"},
		{"1.1.0", "file", "name", 7, "File Name"}, {"1.1.0", "fingerprint", "value", 8, "Hash"}, {"1.0.0", "fingerprint", "value", 8, "File Hash"},
		{"1.1.0", "process", "name", 9, "Process Name"}, {"1.6.0", "resource_details", "uid", 10, "Resource UID"},
		{"1.1.0", "network_endpoint", "port", 0, ""}, {"1.2.0", "network_endpoint", "port", 11, "Port"},
		{"1.1.0", "process", "cmd_line", 0, ""}, {"1.2.0", "process", "cmd_line", 13, "Command Line"},
		{"1.8.0", "network_endpoint", "uid", 48, "Network Endpoint Object: uid"}, {"1.1.0", "file", "path", 0, ""}, {"1.5.0", "file", "path", 45, "File Path"},
		{"1.1.0", "network_activity", "src_endpoint", 20, "Endpoint"}, {"1.1.0", "network_activity", "tls", 0, ""},
		{"1.1.0", "actor", "user", 21, "User"}, {"1.1.0", "process", "file", 24, "File"},
	} {
		s := load(t, want.version)
		var f *ocsf.Fields
		if c := s.Class(want.owner); c != nil {
			f = &c.Fields
		} else {
			f = &s.Object(want.owner).Fields
		}
		id, text, ok := s.ObservableType(f, attribute(t, f, want.attribute))
		if id != want.id || text != want.text || ok != (want.id != 0) {
			t.Errorf("%s: %s.%s is %d %q (%v), want %d %q", want.version, want.owner, want.attribute, id, text, ok, want.id, want.text)
		}
	}
}
