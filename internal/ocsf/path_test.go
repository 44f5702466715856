package ocsf_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf"
)

func TestResolve(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for path, want := range map[string]string{
		"time":                             "time",
		"src_endpoint.ip":                  "src_endpoint.ip",
		"metadata.product.feature.name":    "metadata.product.feature.name",
		"metadata.profiles":                "metadata.profiles",
		"actor.process.parent_process.pid": "actor.process.parent_process.pid",
		"unmapped":                         "unmapped key=",
		"unmapped.event.Flow ID":           "unmapped key=event.Flow ID",
		"actor.process.xattributes.user.x": "actor.process.xattributes key=user.x",
		"actor.process.parent_process.parent_process.parent_process.parent_process.name": "actor.process.parent_process.parent_process.parent_process.parent_process.name",
	} {
		r, err := s.Resolve(c, path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var names []string
		for _, a := range r.Path {
			names = append(names, a.Name)
		}
		got := strings.Join(names, ".")
		if r.Leaf.IsMap {
			got += " key=" + r.Key
		}
		if got != want || r.Leaf != r.Path[len(r.Path)-1] {
			t.Errorf("%s resolves to %s", path, got)
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for path, want := range map[string]struct{ segment, nearest string }{
		"src_endpoint.ip_address":  {"ip_address", "src_endpoint.ip"},
		"src_endpoint.ipaddr":      {"ipaddr", "src_endpoint.ip"},
		"src_endpoint.ipv4":        {"ipv4", "src_endpoint.ip"},
		"dst_endpoint.portnumber":  {"portnumber", "dst_endpoint.port"},
		"src_endpoint.hostaddress": {"hostaddress", "src_endpoint.hostname"},
		"source.ip":                {"source", "src_endpoint.ip"},
		"src_ip":                   {"src_ip", "src_endpoint.ip"},
		"destination.port":         {"destination", "dst_endpoint.port"},
		"dest_port":                {"dest_port", "dst_endpoint.port"},
		"dst_endpoint.prot":        {"prot", "dst_endpoint.port"},
		"src_endpint.ip":           {"src_endpint", "src_endpoint.ip"},
		"timestamp":                {"timestamp", "time"},
		"severity_ids":             {"severity_ids", "severity_id"},
		"bytes":                    {"bytes", "traffic.bytes"},
		"flow.packets":             {"flow", "traffic.packets"},
		"connection_info.protocol": {"protocol", "connection_info.protocol_name"},
		"protocol_num":             {"protocol_num", "connection_info.protocol_num"},
		"direction_id":             {"direction_id", "connection_info.direction_id"},
		"product.name":             {"product", "metadata.product.name"},
		"metadata.product.vendor":  {"vendor", "metadata.product.vendor_name"},
		"rule.uid":                 {"rule", "firewall_rule.uid"},
		"cloud.account_uid":        {"account_uid", "cloud.account.uid"},
		"cloud.availability_zone":  {"availability_zone", "cloud.zone"},
		"http_request.user_agent":  {"http_request", "proxy_http_request.user_agent"},
		"dst_endpoint.host_name":   {"host_name", "dst_endpoint.hostname"},
		"zebra":                    {"zebra", ""},
		"":                         {"", ""},
		"src_endpoint.":            {"", ""},
		".":                        {"", ""},
		"unmapped.":                {"", ""},
		"unmapped.a..b":            {"", ""},
	} {
		_, err := s.Resolve(c, path)
		var unknown *ocsf.UnknownPathError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: %v", path, err)
			continue
		}
		if unknown.Segment != want.segment || unknown.Nearest != want.nearest || unknown.Path != path || unknown.Class != c.Name {
			t.Errorf("%q: %+v, want nearest %q", path, unknown, want.nearest)
		}
		if unknown.Nearest != "" {
			if _, err := s.Resolve(c, unknown.Nearest); err != nil {
				t.Errorf("%q: its suggestion is wrong: %v", path, err)
			}
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for path, want := range map[string]string{
		"src_ip":             `unknown OCSF path "src_ip": no attribute "src_ip" in network_activity of OCSF 1.1.0; did you mean "src_endpoint.ip"?`,
		"tls.sin":            `unknown OCSF path "tls.sin" of network_activity: no attribute "sin" there in OCSF 1.1.0; did you mean "tls.sni"?`,
		"src_endpoint":       `OCSF path "src_endpoint": it is an object (network_endpoint): name one of its attributes, as src_endpoint.<attribute>`,
		"malware":            `OCSF path "malware": it is an array of objects (malware), which no column can be`,
		"observables.name":   `OCSF path "observables.name": observables is an array: its elements have no path of their own`,
		"src_endpoint.ip.v4": `OCSF path "src_endpoint.ip.v4": src_endpoint.ip is a value of type ip_t: it has no attributes`,
	} {
		if _, err := s.Resolve(c, path); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", path, err, want)
		}
	}
}

func TestPathsWithoutAColumn(t *testing.T) {
	s := load(t, ocsf.DefaultVersion)
	c := class(t, s, "network_activity")
	for path, want := range map[string]struct {
		shape ocsf.Shape
		at    string
	}{
		"src_endpoint":                 {ocsf.EndsAtObject, "src_endpoint"},
		"actor.process.parent_process": {ocsf.EndsAtObject, "parent_process"},
		"enrichments":                  {ocsf.EndsAtObject, "enrichments"},
		"observables.name":             {ocsf.ThroughArray, "observables"},
		"metadata.profiles.0":          {ocsf.ThroughArray, "profiles"},
		"tls.sans.nonsense":            {ocsf.ThroughArray, "sans"},
		"time.seconds":                 {ocsf.ThroughScalar, "time"},
		"api.request.data.x":           {ocsf.ThroughScalar, "data"},
	} {
		_, err := s.Resolve(c, path)
		var shape *ocsf.ShapeError
		if !errors.As(err, &shape) {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if shape.Shape != want.shape || shape.At.Name != want.at || shape.Path != path {
			t.Errorf("%s: %+v", path, shape)
		}
	}
}

// Every attribute of every class and object is reached, and is either a column or refused for its shape; its object exists.
func TestEveryPathResolves(t *testing.T) {
	for _, version := range ocsf.Versions() {
		s, count := load(t, version), 0
		for _, c := range s.Classes() {
			var down func(f *ocsf.Fields, prefix string, depth int)
			down = func(f *ocsf.Fields, prefix string, depth int) {
				for _, a := range f.Attributes {
					count++
					path := prefix + a.Name
					r, err := s.Resolve(c, path)
					var shape *ocsf.ShapeError
					switch {
					case a.Base != ocsf.Struct || a.IsMap:
						if err != nil || r.Leaf != a {
							t.Fatalf("%s %s %s: %v", version, c.Name, path, err)
						}
					case !errors.As(err, &shape) || shape.Shape != ocsf.EndsAtObject:
						t.Fatalf("%s %s %s: %v", version, c.Name, path, err)
					case s.Object(a.Object) == nil:
						t.Fatalf("%s %s %s: no object %s", version, c.Name, path, a.Object)
					case !a.IsArray && depth < 3:
						down(&s.Object(a.Object).Fields, path+".", depth+1)
					}
				}
			}
			down(&c.Fields, "", 1)
		}
		if count < 10_000 {
			t.Errorf("%s: only %d paths", version, count)
		}
	}
}
