package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// falcon appends an event of CrowdStrike's Event Streams API: detections of endpoints and identities, and audit events. The fields are
// those of elastic.co/docs/reference/beats/filebeat/exported-fields-crowdstrike.
func falcon(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	const cid = "0c1d0c1d0c1d4000800000000000c1d0"
	user, agent := r.IntN(2000), fmt.Sprintf("%032x", r.IntN(3000))
	score, name := 30, "Low"
	switch r.IntN(6) {
	case 0:
		score, name = 70, "High"
	case 1, 2:
		score, name = 50, "Medium"
	}
	kind, event := "EppDetectionSummaryEvent", ""
	switch k := r.IntN(100); {
	case k < 40:
		event = fmt.Sprintf(`"ProcessStartTime":%d,"ProcessEndTime":0,"ProcessId":%d,"ParentProcessId":%d,"Hostname":"LAPTOP-%d","UserName":"user%d","Name":"Suspicious Activity","Description":"A process behaved in a suspicious way. Review the process tree.","Severity":%d,"SeverityName":"%s","FileName":"tool.exe","FilePath":"\\Device\\HarddiskVolume3\\Users\\user%d\\tool.exe","CommandLine":"\"C:\\Users\\user%d\\tool.exe\" -job %d","SHA256String":"%064x","MD5String":"%032x","SHA1String":"0000000000000000000000000000000000000000","LogonDomain":"EXAMPLE","FalconHostLink":"https://falcon.example.com/activity-v2/detections/%d","AgentId":"%s","CompositeId":"%s:ind:%s:%d","LocalIP":"192.0.2.%d","MACAddress":"00-00-5e-00-53-07","Tactic":"Execution","Technique":"User Execution","Objective":"Follow Through","PatternDispositionDescription":"%s","PatternDispositionValue":2048,"PatternDispositionFlags":{"Indicator":false,"Detect":false,"KillProcess":false,"QuarantineFile":false,"PolicyDisabled":false,"ProcessBlocked":true},"ParentImageFileName":"explorer.exe","ParentImageFilePath":"\\Device\\HarddiskVolume3\\Windows\\explorer.exe","ParentCommandLine":"C:\\Windows\\Explorer.EXE","GrandParentImageFileName":"userinit.exe","HostGroups":"g1,g2","PatternId":%d,"SourceVendors":"CrowdStrike","SourceProducts":"Falcon Insight","DataDomains":"Endpoint","Type":"ldt","MitreAttack":[{"Tactic":"Execution","TacticID":"TA0002","Technique":"PowerShell","TechniqueID":"T1059.001","PatternID":1}],"NetworkAccesses":[{"AccessType":0,"AccessTimestamp":%d,"Protocol":"TCP","LocalAddress":"192.0.2.7","LocalPort":51416,"RemoteAddress":"203.0.113.%d","RemotePort":443,"ConnectionDirection":0,"IsIPV6":false}]`,
			at.Unix(), r.Uint32(), r.Uint32(), user, user, score, name, user, user, n, user, user, n, agent, cid, agent, n, user%250+1,
			pick(r, "Prevention, process was blocked from execution.", "Detection, standard detection."), r.IntN(50000), at.Unix(), user%250+1)
	case k < 55:
		kind = "IdpDetectionSummaryEvent"
		filetime := (at.Unix() + 11644473600) * 10_000_000
		event = fmt.Sprintf(`"ContextTimeStamp":%d,"DetectId":"%s:ind:%s:%d","DetectName":"Unusual login to an endpoint","DetectDescription":"A user logged in to a machine for the first time","FalconHostLink":"https://falcon.example.com/identity-protection/%d","StartTime":%d,"EndTime":%d,"Severity":%d,"Tactic":"Initial Access","Technique":"Valid Accounts","Objective":"Gain Access","SourceAccountDomain":"EXAMPLE.COM","SourceAccountName":"user%d","SourceAccountObjectSid":"S-1-5-21-1-2-3-%d","SourceEndpointHostName":"pc%d.example.com","SourceEndpointIpAddress":"198.51.100.%d","SourceEndpointSensorId":"%s","PatternId":51135`,
			filetime, cid, cid, n, n, filetime, filetime, score, user, user, user, user%250+1, agent)
	case k < 70:
		kind = "AuthActivityAuditEvent"
		event = fmt.Sprintf(`"UserId":"user%d@example.com","UserIp":"198.51.100.%d","OperationName":"%s","ServiceName":"CrowdStrike Authentication","Success":true,"UTCTimestamp":%d`, user, user%250+1, pick(r, "twoFactorAuthenticate", "userAuthenticate"), at.Unix())
	default:
		kind = "UserActivityAuditEvent"
		event = fmt.Sprintf(`"UserId":"user%d@example.com","UserIp":"198.51.100.%d","OperationName":"detection_update","ServiceName":"detections","AuditKeyValues":[{"Key":"detection_id","ValueString":"ldt:%s:%d"},{"Key":"new_state","ValueString":"closed"},{"Key":"assigned_to","ValueString":"User %d"}],"UTCTimestamp":%d`, user, user%250+1, agent, n, user, at.Unix())
	}
	return fmt.Appendf(b, `{"metadata":{"customerIDString":"%s","offset":%d,"eventType":"%s","eventCreationTime":%d,"version":"1.0"},"event":{%s}}`+"\n", cid, n, kind, at.UnixMilli(), event)
}

func falconKey(at time.Time) string {
	return at.Format("crowdstrike/2006/01/02/15/") + "falcon-1-" + at.Format("2006-01-02-15-04-05")
}
