package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

func sysmonKey(at time.Time) string {
	return at.Format("windows-sysmon/2006/01/02/15/") + "sysmon-1-" + at.Format("2006-01-02-15-04-05")
}

// sysmon is what the Kinesis Agent for Windows writes for Sysmon's events: process creations, image loads, network connections,
// file creations, registry values and DNS queries.
func sysmon(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	utc := at.Format("2006-01-02 15:04:05.000")
	guid := func() string {
		return fmt.Sprintf("{78c8aea6-%04x-%04x-%04x-000000005f01}", r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16))
	}
	image := `C:\Windows\System32\` + pick(r, "svchost.exe", "lsass.exe", "cmd.exe", "conhost.exe", `WindowsPowerShell\v1.0\powershell.exe`, "taskhostw.exe")
	user := pick(r, `NT AUTHORITY\SYSTEM`, `NT AUTHORITY\NETWORK SERVICE`, `CORP\j.doe`, `CORP\svc-backup`)
	hashes := fmt.Sprintf("SHA1=%040X,MD5=%032X,SHA256=%064X,IMPHASH=%032X", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	rule := pick(r, "-", "-", "technique_id=T1059.001,technique_name=PowerShell", "technique_id=T1574.010,technique_name=Services File Permissions Weakness")
	process := []string{"ProcessGuid: " + guid(), fmt.Sprintf("ProcessId: %d", r.IntN(9000)+4), "Image: " + image}
	var id int
	var title string
	fields := []string{"RuleName: " + rule, "UtcTime: " + utc}
	switch r.IntN(10) {
	case 0, 1:
		id, title = 1, "Process Create"
		fields = append(append(fields, process...), "FileVersion: 10.0.17763.1 (WinBuild.160101.0800)", "Description: Host Process for Windows Services", "Product: Microsoft® Windows® Operating System", "Company: Microsoft Corporation", "OriginalFileName: svchost.exe",
			`CommandLine: "`+image+`" -k netsvcs -p `+fmt.Sprint(r.IntN(1e6)), `CurrentDirectory: C:\Windows\system32\`, "User: "+user, "LogonGuid: "+guid(), "LogonId: 0x3E7", "TerminalSessionId: 0", "IntegrityLevel: "+pick(r, "System", "High", "Medium"),
			"Hashes: "+hashes, "ParentProcessGuid: "+guid(), fmt.Sprintf("ParentProcessId: %d", r.IntN(9000)), `ParentImage: C:\Windows\System32\services.exe`, `ParentCommandLine: C:\Windows\system32\services.exe`, `ParentUser: NT AUTHORITY\SYSTEM`)
	case 2, 3:
		id, title = 7, "Image loaded"
		fields = append(append(fields, process...), `ImageLoaded: C:\Windows\System32\`+pick(r, "amsi.dll", "urlmon.dll", "wldp.dll"), "FileVersion: 10.0.17763.1", "Description: DLL", "Product: Microsoft® Windows® Operating System", "Company: Microsoft Corporation", "OriginalFileName: amsi.dll",
			"Hashes: "+hashes, "Signed: true", "Signature: Microsoft Windows", "SignatureStatus: Valid", "User: "+user)
	case 4, 5:
		id, title = 3, "Network connection detected"
		fields = append(append(fields, process...), "User: "+user, "Protocol: "+pick(r, "tcp", "udp"), "Initiated: "+pick(r, "true", "false"), "SourceIsIpv6: false", fmt.Sprintf("SourceIp: 10.0.%d.%d", r.IntN(256), r.IntN(256)), "SourceHostname: -", fmt.Sprintf("SourcePort: %d", r.IntN(60000)+1024), "SourcePortName: -",
			"DestinationIsIpv6: false", fmt.Sprintf("DestinationIp: 198.51.100.%d", r.IntN(256)), "DestinationHostname: -", "DestinationPort: 443", "DestinationPortName: https")
	case 6, 7:
		id, title = 11, "File created"
		fields = append(append(fields, process...), fmt.Sprintf(`TargetFilename: C:\Windows\Temp\%08x.tmp`, r.Uint32()), "CreationUtcTime: "+utc, "User: "+user)
	case 8:
		id, title = 13, "Registry value set"
		fields = append(append([]string{fields[0], "EventType: SetValue", fields[1]}, process...), fmt.Sprintf(`TargetObject: HKLM\System\CurrentControlSet\Services\svc%d\Start`, r.IntN(5000)), "Details: DWORD (0x00000002)", "User: "+user)
	default:
		id, title = 22, "Dns query"
		fields = append(fields, process[0], process[1], fmt.Sprintf("QueryName: host%d.example.com", r.IntN(20000)), "QueryStatus: 0", fmt.Sprintf("QueryResults: type:  5 edge.example.com;::ffff:192.0.2.%d;", r.IntN(256)), process[2], "User: "+user)
	}
	text, _ := json.Marshal(title + ":\r\n" + strings.Join(fields, "\r\n")) // a string always can be
	return fmt.Appendf(b, `{"EventId":%d,"Description":%s,"LevelDisplayName":"Information","LogName":"Microsoft-Windows-Sysmon/Operational","MachineName":"EC2AMAZ-%07X","ProviderName":"Microsoft-Windows-Sysmon","TimeCreated":"%s","Index":%d,"UserName":"NT AUTHORITY\\SYSTEM","Keywords":"-","UserDefined":{"source_instance_id":"i-%017x"}}`+"\n",
		id, text, r.IntN(200), at.Format("2006-01-02T15:04:05.0000000Z"), n, r.IntN(200))
}
