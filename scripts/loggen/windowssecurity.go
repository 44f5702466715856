package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

func windowsSecurityKey(at time.Time) string {
	return at.Format("windows-security/2006/01/02/") + "winlogbeat-1-" + at.Format("2006-01-02-15-04-05")
}

// windowsSecurity is what Winlogbeat writes for events of the Security log: of ten events four are logons and logoffs, three are new
// processes, two are tickets of Kerberos, and one is of an account or a group.
func windowsSecurity(b []byte, r *rand.Rand, n int, at time.Time) []byte {
	user := r.IntN(2000)
	host := fmt.Sprintf("srv%d", r.IntN(200))
	subject := fmt.Sprintf(`"SubjectUserSid":"S-1-5-18","SubjectUserName":"%s$","SubjectDomainName":"EXAMPLE","SubjectLogonId":"0x3e7",`, host)
	admin := `"SubjectUserSid":"S-1-5-21-1-2-3-500","SubjectUserName":"admin","SubjectDomainName":"EXAMPLE","SubjectLogonId":"0x5a1b2"`
	sid := fmt.Sprintf("S-1-5-21-1-2-3-%d", 1000+user)
	target := fmt.Sprintf(`"TargetUserSid":"%s","TargetUserName":"user%d","TargetDomainName":"EXAMPLE","TargetLogonId":"0x%x"`, sid, user, r.Uint32())
	ip := fmt.Sprintf("198.51.100.%d", user%250+1)
	network := fmt.Sprintf(`"IpAddress":"%s","IpPort":"%d"`, ip, 49152+r.IntN(16000))
	pid := func() string { return fmt.Sprintf("0x%x", 4*r.IntN(4000)) }
	logon := fmt.Sprintf(`,"LogonType":"%s","LogonProcessName":"NtLmSsp ","AuthenticationPackageName":"NTLM","WorkstationName":"PC%d","TransmittedServices":"-","LmPackageName":"NTLM V2","KeyLength":"128","ProcessId":"0x0","ProcessName":"-",`,
		pick(r, "3", "3", "3", "10"), user)
	var id int
	var title, data string
	outcome, keyword := "success", "Audit Success"
	switch k := r.IntN(100); {
	case k < 18:
		id, title = 4624, "An account was successfully logged on."
		data = subject + target + `,"LogonGuid":"{00000000-0000-0000-0000-000000000000}"` + logon + network +
			`,"ImpersonationLevel":"%%1833","RestrictedAdminMode":"-","TargetOutboundUserName":"-","TargetOutboundDomainName":"-","VirtualAccount":"%%1843","TargetLinkedLogonId":"0x0","ElevatedToken":"%%1843"`
	case k < 23:
		id, title, outcome, keyword = 4625, "An account failed to log on.", "failure", "Audit Failure"
		data = subject + target + `,"Status":"0xc000006d","FailureReason":"%%2313","SubStatus":"0xc000006a"` + logon + network
	case k < 40:
		id, title, data = 4634, "An account was logged off.", target+`,"LogonType":"3"`
	case k < 70:
		id, title = 4688, "A new process has been created."
		image := pick(r, "svchost.exe", "conhost.exe", "cmd.exe", "taskhostw.exe", "backgroundTaskHost.exe")
		data = subject + `"NewProcessId":"` + pid() + `","NewProcessName":"C:\\Windows\\System32\\` + image + `","TokenElevationType":"%%1936","ProcessId":"` + pid() +
			`","CommandLine":"C:\\Windows\\System32\\` + image + fmt.Sprintf(` -k netsvcs -p -s Service%d`, r.IntN(300)) + `","TargetUserSid":"S-1-0-0","TargetUserName":"-","TargetDomainName":"-","TargetLogonId":"0x0","ParentProcessName":"C:\\Windows\\System32\\services.exe","MandatoryLabel":"S-1-16-16384"`
	case k < 90:
		id, title = 4769, "A Kerberos service ticket was requested."
		data = fmt.Sprintf(`"TargetUserName":"user%d@EXAMPLE.COM","TargetDomainName":"EXAMPLE.COM","ServiceName":"%s$","ServiceSid":"%s","TicketOptions":"0x40810000","TicketEncryptionType":"0x12","IpAddress":"::ffff:%s","IpPort":"%d","Status":"0x0","LogonGuid":"{%08x-2222-3333-4444-555555555555}","TransmittedServices":"-"`,
			user, host, sid, ip, 49152+r.IntN(16000), r.Uint32())
	case k < 95:
		id, title, data = 4724, "An attempt was made to reset an account's password.", fmt.Sprintf(`"TargetUserName":"user%d","TargetDomainName":"EXAMPLE","TargetSid":"%s",`, user, sid)+admin
	default:
		id, title, data = 4732, "A member was added to a security-enabled local group.", fmt.Sprintf(`"MemberName":"CN=user%d,CN=Users,DC=example,DC=com","MemberSid":"%s","TargetUserName":"Operators","TargetDomainName":"EXAMPLE","TargetSid":"S-1-5-21-1-2-3-1201",`, user, sid)+admin+`,"PrivilegeList":"-"`
	}
	when := at.UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Appendf(b, `{"@timestamp":"%s","@metadata":{"beat":"winlogbeat","type":"_doc","version":"8.14.0"},"event":{"code":"%d","kind":"event","provider":"Microsoft-Windows-Security-Auditing","outcome":"%s","created":"%s"},"host":{"name":"%s.example.com"},"log":{"level":"information"},"message":"%s",`+
		`"winlog":{"channel":"Security","provider_name":"Microsoft-Windows-Security-Auditing","provider_guid":"{54849625-5478-4994-a5ba-3e3b0328c30d}","computer_name":"%s.example.com","event_id":"%d","record_id":%d,"keywords":["%s"],"opcode":"Info","api":"wineventlog","version":1,"process":{"pid":744,"thread":{"id":%d}},"event_data":{%s}},"agent":{"type":"winlogbeat","version":"8.14.0","name":"%s"},"ecs":{"version":"8.0.0"}}`+"\n",
		when, id, outcome, when, host, title, host, id, 1000+n, keyword, r.IntN(9000), data, host)
}
