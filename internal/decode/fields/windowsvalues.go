package fields

import "strings"

// subject begins the values of most events of the Security log.
const subject = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId "

// windowsValues gives the names of the values of events of the Security log, in the order of the manifest of Microsoft-Windows-Security-Auditing.
// Newer versions of an event only append values, where nothing else is said.
func windowsValues(id int64) string {
	const changed = "SamAccountName DisplayName UserPrincipalName HomeDirectory HomePath ScriptPath ProfilePath UserWorkstations PasswordLastSet " +
		"AccountExpires PrimaryGroupId AllowedToDelegateTo OldUacValue NewUacValue UserAccountControl UserParameters SidHistory LogonHours"
	switch id {
	case 1102:
		return strings.TrimSpace(subject)
	case 4624: // version 3 has RemoteCredentialGuard in the middle: what follows it has no names here
		return subject + "TargetUserSid TargetUserName TargetDomainName TargetLogonId LogonType LogonProcessName AuthenticationPackageName WorkstationName " +
			"LogonGuid TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort ImpersonationLevel RestrictedAdminMode"
	case 4625:
		return subject + "TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus LogonType LogonProcessName AuthenticationPackageName " +
			"WorkstationName TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort"
	case 4634:
		return "TargetUserSid TargetUserName TargetDomainName TargetLogonId LogonType"
	case 4647:
		return "TargetUserSid TargetUserName TargetDomainName TargetLogonId"
	case 4648:
		return subject + "LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName TargetInfo ProcessId ProcessName IpAddress IpPort"
	case 4672:
		return subject + "PrivilegeList"
	case 4688:
		return subject + "NewProcessId NewProcessName TokenElevationType ProcessId CommandLine TargetUserSid TargetUserName TargetDomainName TargetLogonId " +
			"ParentProcessName MandatoryLabel"
	case 4689:
		return subject + "Status ProcessId ProcessName"
	case 4720:
		return "TargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList " + changed
	case 4722, 4725:
		return "TargetUserName TargetDomainName TargetSid " + strings.TrimSpace(subject)
	case 4723, 4724, 4726, 4767, 4730, 4734, 4748, 4753, 4758, 4763:
		names := "TargetUserName TargetDomainName TargetSid " + subject
		if id == 4724 || id == 4767 {
			return strings.TrimSpace(names)
		}
		return names + "PrivilegeList"
	case 4738:
		return "Dummy TargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList " + changed
	case 4740:
		return "TargetUserName TargetDomainName TargetSid " + strings.TrimSpace(subject)
	case 4781:
		return "OldTargetUserName NewTargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList"
	case 4727, 4731, 4735, 4737, 4744, 4745, 4749, 4750, 4754, 4755, 4759, 4760:
		return "TargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList SamAccountName SidHistory"
	case 4728, 4729, 4732, 4733, 4746, 4747, 4751, 4752, 4756, 4757, 4761, 4762:
		return "MemberName MemberSid TargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList MembershipExpirationTime"
	case 4764:
		return "GroupTypeChange TargetUserName TargetDomainName TargetSid " + subject + "PrivilegeList"
	case 4768:
		return "TargetUserName TargetDomainName TargetSid ServiceName ServiceSid TicketOptions Status TicketEncryptionType PreAuthType IpAddress IpPort " +
			"CertIssuerName CertSerialNumber CertThumbprint"
	case 4769:
		return "TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions TicketEncryptionType IpAddress IpPort Status LogonGuid TransmittedServices"
	case 4770:
		return "TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions TicketEncryptionType IpAddress IpPort"
	case 4771:
		return "TargetUserName TargetSid ServiceName TicketOptions Status PreAuthType IpAddress IpPort CertIssuerName CertSerialNumber CertThumbprint"
	case 4776:
		return "PackageName TargetUserName Workstation Status"
	case 4798:
		return "TargetUserName TargetDomainName TargetSid " + subject + "CallerProcessId CallerProcessName"
	case 4799:
		return "TargetUserName TargetDomainName TargetSid " + subject + "CallerProcessId CallerProcessName"
	}
	return ""
}

// WindowsValues gives the names of the values of an event of the Security log in their order, and nothing for an event that is not known.
func WindowsValues(id int64) []string { return strings.Fields(windowsValues(id)) }
