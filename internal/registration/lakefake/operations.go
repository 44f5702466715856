package lakefake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// eventClasses are those of Security Lake's user guide (adding-custom-sources.html#ocsf-eventclass), and after them the ones that only the
// API reference of CreateCustomLogSource lists.
const eventClasses = `ACCOUNT_CHANGE API_ACTIVITY APPLICATION_LIFECYCLE AUTHENTICATION AUTHORIZE_SESSION COMPLIANCE_FINDING DATASTORE_ACTIVITY
DEVICE_CONFIG_STATE DEVICE_CONFIG_STATE_CHANGE DEVICE_INVENTORY_INFO DHCP_ACTIVITY DNS_ACTIVITY DETECTION_FINDING EMAIL_ACTIVITY
EMAIL_FILE_ACTIVITY EMAIL_URL_ACTIVITY ENTITY_MANAGEMENT FILE_HOSTING_ACTIVITY FILE_SYSTEM_ACTIVITY FTP_ACTIVITY GROUP_MANAGEMENT
HTTP_ACTIVITY INCIDENT_FINDING KERNEL_ACTIVITY KERNEL_EXTENSION MEMORY_ACTIVITY MODULE_ACTIVITY NETWORK_ACTIVITY NETWORK_FILE_ACTIVITY
NTP_ACTIVITY PATCH_STATE PROCESS_ACTIVITY RDP_ACTIVITY REGISTRY_KEY_ACTIVITY REGISTRY_VALUE_ACTIVITY SCHEDULED_JOB_ACTIVITY SCAN_ACTIVITY
SECURITY_FINDING SMB_ACTIVITY SSH_ACTIVITY USER_ACCESS USER_INVENTORY VULNERABILITY_FINDING WEB_RESOURCE_ACCESS_ACTIVITY
WEB_RESOURCES_ACTIVITY WINDOWS_RESOURCE_ACTIVITY ADMIN_GROUP_QUERY DATA_SECURITY_FINDING EVENT_LOG_ACTIVITY FILE_QUERY
FILE_REMEDIATION_ACTIVITY FOLDER_QUERY JOB_QUERY KERNEL_OBJECT_QUERY MODULE_QUERY NETWORK_CONNECTION_QUERY NETWORK_REMEDIATION_ACTIVITY
NETWORKS_QUERY PERIPHERAL_DEVICE_QUERY PROCESS_QUERY PROCESS_REMEDIATION_ACTIVITY REMEDIATION_ACTIVITY SERVICE_QUERY
SOFTWARE_INVENTORY_INFO TUNNEL_ACTIVITY USER_QUERY USER_SESSION_QUERY PREFETCH_QUERY REGISTRY_KEY_QUERY REGISTRY_VALUE_QUERY
WINDOWS_SERVICE_ACTIVITY
ACCESS_ACTIVITY FILE_ACTIVITY RESOURCE_ACTIVITY AUTHORIZATION ENTITY_MANAGEMENT_AUDIT CONFIG_STATE INVENTORY_INFO CLOUD_API`

// EventClasses are the names that CreateCustomLogSource takes.
func EventClasses() []string { return strings.Fields(eventClasses) }

const (
	maxName    = 20
	maxSources = 50
)

// Database is the database of the lake.
var Database = "amazon_security_lake_glue_db_" + strings.ReplaceAll(Region, "-", "_")

type source struct {
	name    string
	classes []any
}

// resource is a source as the API answers it.
func (s *source) resource() object {
	table := "amazon_security_lake_table_" + strings.ReplaceAll(Region+"_ext_"+s.name, "-", "_")
	arn := fmt.Sprintf("arn:aws:glue:%s:%s:", Region, Account)
	return object{
		"sourceName": s.name,
		"attributes": object{"crawlerArn": arn + "crawler/" + s.name, "databaseArn": arn + "database/" + Database, "tableArn": arn + "table/" + Database + "/" + table},
		"provider": object{"roleArn": fmt.Sprintf("arn:aws:iam::%s:role/AmazonSecurityLake-Provider-%s-%s", Account, s.name, Region),
			"location": "s3://" + Bucket + "/ext/" + s.name + "/"},
	}
}

func (f *Fake) run(op string, in object) (any, *Fault) {
	switch op {
	case "securitylake.CreateCustomLogSource":
		return f.create(in)
	case "securitylake.DeleteCustomLogSource":
		i := slices.IndexFunc(f.sources, func(s *source) bool { return s.name == in["sourceName"] })
		if i < 0 {
			return nil, fault("ResourceNotFoundException", "Resource: %v was not found", in["sourceName"])
		}
		f.sources = slices.Delete(f.sources, i, i+1)
		return object{}, nil
	case "securitylake.ListLogSources":
		return f.list(in)
	case "securitylake.GetDataLakeSources":
		out := []any{}
		for _, s := range f.sources {
			out = append(out, object{"account": Account, "sourceName": s.name, "eventClasses": s.classes})
		}
		return object{"dataLakeSources": out}, nil
	case "glue.GetCrawler", "glue.UpdateCrawler", "glue.DeleteCrawler":
		return f.crawler(op, in)
	case "glue.GetTable":
		db, _ := in["DatabaseName"].(string)
		table, _ := in["Name"].(string)
		if !f.tables[db+"/"+table] {
			return nil, fault("EntityNotFoundException", "Entity Not Found")
		}
		return object{"Table": object{"DatabaseName": db, "Name": table}}, nil
	case "lakeformation.GrantPermissions":
		return f.grant(in)
	case "lakeformation.ListPermissions":
		return f.permissions(in)
	}
	return nil, fault("UnknownOperationException", "lakefake does not know %s", op)
}

func (f *Fake) create(in object) (any, *Fault) {
	name, _ := in["sourceName"].(string)
	classes, _ := in["eventClasses"].([]any)
	if len(name) > maxName {
		return nil, fault("BadRequestException", "sourceName %s is longer than %d characters", name, maxName)
	}
	for _, c := range classes {
		if !slices.Contains(EventClasses(), fmt.Sprint(c)) {
			return nil, fault("BadRequestException", "%v is not a supported event class", c)
		}
	}
	if slices.ContainsFunc(f.sources, func(s *source) bool { return s.name == name }) {
		return nil, fault("ConflictException", "Custom source %s already exists", name)
	}
	if len(f.sources) >= maxSources {
		return nil, fault("BadRequestException", "Custom source limit of %d exceeded", maxSources)
	}
	s := &source{name: name, classes: classes}
	f.sources = append(f.sources, s)
	out := s.resource()
	table := "amazon_security_lake_table_" + strings.ReplaceAll(Region+"_ext_"+name, "-", "_")
	f.tables[Database+"/"+table] = true
	if f.crawlers[name] == nil { // Security Lake does not change a crawler that exists
		f.crawlers[name] = object{"Name": name, "State": "READY", "DatabaseName": Database, "TablePrefix": "",
			"Role":          in["configuration"].(object)["crawlerConfiguration"].(object)["roleArn"],
			"Targets":       object{"CatalogTargets": []any{object{"DatabaseName": Database, "Tables": []any{table}}}},
			"Configuration": `{"Version":1.0,"CrawlerOutput":{"Partitions":{"AddOrUpdateBehavior":"InheritFromTable"}}}`,
			"Schedule":      object{"ScheduleExpression": "cron(0 * * * ? *)", "State": "SCHEDULED"}}
	}
	return object{"source": out}, nil
}

func (f *Fake) list(in object) (any, *Fault) {
	from := 0
	if token, ok := in["nextToken"].(string); ok {
		n, err := strconv.Atoi(token)
		if err != nil || n > len(f.sources) {
			return nil, fault("BadRequestException", "nextToken is invalid")
		}
		from = n
	}
	to := min(from+f.page, len(f.sources))
	own := []any{object{"awsLogSource": object{"sourceName": "CLOUD_TRAIL_MGMT", "sourceVersion": "2.0"}}}
	for _, s := range f.sources[from:to] {
		own = append(own, object{"customLogSource": s.resource()})
	}
	out := object{"sources": []any{object{"account": Account, "region": Region, "sources": own}}}
	if to < len(f.sources) {
		out["nextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

func (f *Fake) crawler(op string, in object) (any, *Fault) {
	name, _ := in["Name"].(string)
	have := f.crawlers[name]
	if have == nil {
		return nil, fault("EntityNotFoundException", "Crawler entry with name %s does not exist", name)
	}
	if op == "glue.GetCrawler" {
		return object{"Crawler": have}, nil
	}
	if have["State"] != "READY" {
		return nil, fault("CrawlerRunningException", "Crawler with name %s is running", name)
	}
	if op == "glue.DeleteCrawler" {
		delete(f.crawlers, name)
		return object{}, nil
	}
	if bad := f.checkCrawler(in); bad != nil {
		return nil, bad
	}
	next := maps.Clone(have) // members that are left out stay
	for k, v := range in {
		if k == "Schedule" {
			v = object{"ScheduleExpression": v, "State": "SCHEDULED"}
		}
		next[k] = v
	}
	f.crawlers[name] = next
	return object{}, nil
}

func (f *Fake) checkCrawler(in object) *Fault {
	if text, ok := in["Configuration"].(string); ok {
		var c struct {
			Version  float64
			Grouping struct {
				TableGroupingPolicy     string
				TableLevelConfiguration *int
			}
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Version != 1 {
			return fault("InvalidInputException", "Configuration is not valid: %v", err)
		}
		if l := c.Grouping.TableLevelConfiguration; l != nil && *l < 2 {
			return fault("InvalidInputException", "TableLevelConfiguration must be at least 2")
		}
	}
	if s, ok := in["Schedule"].(string); ok && (!strings.HasPrefix(s, "cron(") || len(strings.Fields(s)) != 6) {
		return fault("InvalidInputException", "Schedule %q is not valid", s)
	}
	targets, ok := in["Targets"].(object)
	if !ok {
		return nil
	}
	paths, _ := targets["S3Targets"].([]any)
	for _, p := range paths {
		path, _ := p.(object)["Path"].(string)
		if !strings.HasPrefix(path, "s3://"+Bucket+"/") {
			return fault("InvalidInputException", "S3 path %q is not valid", path)
		}
	}
	if db, ok := in["DatabaseName"].(string); ok && db != Database {
		return fault("EntityNotFoundException", "Database %s not found.", db)
	}
	return nil
}

// permissionsOf are the permissions that each kind of resource has
// (docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html).
func permissionsOf(kind string) []string {
	return map[string][]string{
		"Database":     {"ALL", "ALTER", "CREATE_TABLE", "DESCRIBE", "DROP"},
		"Table":        {"ALL", "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"},
		"DataLocation": {"DATA_LOCATION_ACCESS"},
	}[kind]
}

// granted is the key of the permissions of a principal on a resource.
func (f *Fake) granted(in object) (key, kind string, bad *Fault) {
	resource, _ := in["Resource"].(object)
	if len(resource) != 1 {
		return "", "", fault("InvalidInputException", "Resource must have exactly one member")
	}
	kind = slices.Collect(maps.Keys(resource))[0]
	r := resource[kind].(object)
	text := func(name string) string { s, _ := r[name].(string); return s }
	switch kind {
	case "Database":
		if text("Name") != Database {
			return "", "", fault("EntityNotFoundException", "Database %s not found.", text("Name"))
		}
	case "Table":
		if !f.tables[text("DatabaseName")+"/"+text("Name")] {
			return "", "", fault("EntityNotFoundException", "Table not found.")
		}
	case "DataLocation":
		if !strings.HasPrefix(text("ResourceArn"), "arn:aws:s3:::"+Bucket+"/") {
			return "", "", fault("EntityNotFoundException", "Resource is not registered: %s", text("ResourceArn"))
		}
	default:
		return "", "", fault("InvalidInputException", "lakefake does not know resources of kind %s", kind)
	}
	who, _ := in["Principal"].(object)
	id, _ := who["DataLakePrincipalIdentifier"].(string)
	if !strings.HasPrefix(id, "arn:") {
		return "", "", fault("InvalidInputException", "Invalid principal %q", id)
	}
	what, err := json.Marshal(r)
	if err != nil {
		return "", "", fault("InvalidInputException", "%v", err)
	}
	return id + " " + kind + " " + string(what), kind, nil
}

func (f *Fake) grant(in object) (any, *Fault) {
	key, kind, bad := f.granted(in)
	if bad != nil {
		return nil, bad
	}
	wanted, _ := in["Permissions"].([]any)
	for _, p := range wanted {
		if !slices.Contains(permissionsOf(kind), fmt.Sprint(p)) {
			return nil, fault("InvalidInputException", "Permissions modification is invalid: %v on %s", p, kind)
		}
	}
	for _, p := range wanted {
		if text := fmt.Sprint(p); !slices.Contains(f.grants[key], text) {
			f.grants[key] = append(f.grants[key], text)
		}
	}
	return object{}, nil
}

func (f *Fake) permissions(in object) (any, *Fault) {
	key, _, bad := f.granted(in)
	if bad != nil {
		return nil, bad
	}
	if len(f.grants[key]) == 0 {
		return object{"PrincipalResourcePermissions": []any{}}, nil
	}
	return object{"PrincipalResourcePermissions": []any{object{"Principal": in["Principal"], "Resource": in["Resource"], "Permissions": f.grants[key]}}}, nil
}
