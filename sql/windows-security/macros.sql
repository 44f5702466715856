-- Whether an event is one of the Security log. Other logs use the same numbers for other events.
CREATE MACRO is_security(channel, provider) AS CASE WHEN channel IS NOT NULL THEN lower(channel) = 'security'
  ELSE provider IN ('Microsoft-Windows-Security-Auditing', 'Microsoft-Windows-Eventlog') END;

-- A process ID or an exit code, which is written as 0x2f0.
CREATE MACRO hex_number(t) AS TRY_CAST(t AS INTEGER);
-- An exit code: a number of 32 bits with a sign, as PowerShell shows it. 0xc0000005 is -1073741819.
CREATE MACRO exit_number(t) AS CASE WHEN TRY_CAST(t AS BIGINT) > 2147483647 THEN TRY_CAST(t AS BIGINT) - 4294967296 ELSE TRY_CAST(t AS BIGINT) END;
-- The same backwards.
CREATE MACRO number_hex(n) AS format('0x{:x}', n);

-- The type of an account: 1 User, 3 System for the accounts of Windows itself and of computers.
CREATE MACRO user_type(sid, name) AS CASE WHEN sid IN ('S-1-5-18', 'S-1-5-19', 'S-1-5-20') OR name LIKE '%$' THEN 3
  WHEN regexp_matches(sid, '^S-1-(?:5-21|12-1)-') THEN 1 WHEN coalesce(sid, name) IS NOT NULL THEN 0 END;

-- An address without the prefix that Kerberos puts before one of IPv4.
CREATE MACRO plain_ip(ip) AS CASE WHEN regexp_full_match(ip, '::[fF]{4}:[0-9.]+') THEN substr(ip, 8) ELSE ip END;
CREATE MACRO is_loopback(ip) AS ip = '::1' OR starts_with(ip, '127.') OR lower(ip) = 'localhost';

-- status_id of an audit: 1 if it succeeded, 2 if it failed, 0 if the record does not say. Keywords is a number, or the text of Windows in English.
CREATE MACRO audit_status(keywords, names, kind, outcome) AS CASE
  WHEN outcome = 'success' OR kind = 'AUDIT_SUCCESS' OR keywords IN ('Audit Success', '-9214364837600034816', '9232379236109516800') OR lower(keywords) = '0x8020000000000000'
    OR list_contains(names, 'Audit Success') THEN 1
  WHEN outcome = 'failure' OR kind = 'AUDIT_FAILURE' OR keywords IN ('Audit Failure', '-9218868437227405312', '9227875636482146304') OR lower(keywords) = '0x8010000000000000'
    OR list_contains(names, 'Audit Failure') THEN 2
  ELSE 0 END;

-- The protocol of an authentication package: 1 NTLM, 2 Kerberos, 3 Digest, 99 others. Negotiate is one of the first two, and LmPackageName is only set for NTLM.
CREATE MACRO package_protocol(package, lm) AS CASE
  WHEN package IN ('NTLM', 'MICROSOFT_AUTHENTICATION_PACKAGE_V1_0') OR lm LIKE 'NTLM%' OR lm = 'LM' THEN 1
  WHEN package = 'Kerberos' THEN 2 WHEN package IN ('WDigest', 'Digest') THEN 3 WHEN package IS NOT NULL THEN 99 END;

-- What a status of a failed logon means.
-- https://learn.microsoft.com/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/event-4625
CREATE MACRO nt_status(code) AS CASE lower(code)
  WHEN '0xc000005e' THEN 'There are currently no logon servers available to service the logon request'
  WHEN '0xc0000064' THEN 'User logon with misspelled or bad user account'
  WHEN '0xc000006a' THEN 'User logon with misspelled or bad password'
  WHEN '0xc000006d' THEN 'Bad user name or authentication information'
  WHEN '0xc000006e' THEN 'A restriction of the account has prevented the authentication'
  WHEN '0xc000006f' THEN 'User logon outside authorized hours'
  WHEN '0xc0000070' THEN 'User logon from unauthorized workstation'
  WHEN '0xc0000071' THEN 'User logon with expired password'
  WHEN '0xc0000072' THEN 'User logon to account disabled by administrator'
  WHEN '0xc00000dc' THEN 'The SAM server was in the wrong state'
  WHEN '0xc0000133' THEN 'Clocks between domain controller and other computer too far out of sync'
  WHEN '0xc000015b' THEN 'The user has not been granted the requested logon type at this machine'
  WHEN '0xc000018c' THEN 'The trust relationship between the primary domain and the trusted domain failed'
  WHEN '0xc0000192' THEN 'The Netlogon service was not started'
  WHEN '0xc0000193' THEN 'User logon with expired account'
  WHEN '0xc0000224' THEN 'User is required to change password at next logon'
  WHEN '0xc0000225' THEN 'An error of Windows and not a risk'
  WHEN '0xc0000234' THEN 'User logon with account locked'
  WHEN '0xc00002ee' THEN 'An error occurred during logon'
  WHEN '0xc0000371' THEN 'The local account store does not contain secret material for the account'
  WHEN '0xc0000413' THEN 'The machine is protected by an authentication firewall, and the account may not authenticate to it'
  END;

-- The name of a result code of Kerberos (RFC 4120).
CREATE MACRO kerberos_error(code) AS CASE lower(code)
  WHEN '0x1' THEN 'KDC_ERR_NAME_EXP' WHEN '0x2' THEN 'KDC_ERR_SERVICE_EXP' WHEN '0x3' THEN 'KDC_ERR_BAD_PVNO' WHEN '0x4' THEN 'KDC_ERR_C_OLD_MAST_KVNO'
  WHEN '0x5' THEN 'KDC_ERR_S_OLD_MAST_KVNO' WHEN '0x6' THEN 'KDC_ERR_C_PRINCIPAL_UNKNOWN' WHEN '0x7' THEN 'KDC_ERR_S_PRINCIPAL_UNKNOWN'
  WHEN '0x8' THEN 'KDC_ERR_PRINCIPAL_NOT_UNIQUE' WHEN '0x9' THEN 'KDC_ERR_NULL_KEY' WHEN '0xa' THEN 'KDC_ERR_CANNOT_POSTDATE' WHEN '0xb' THEN 'KDC_ERR_NEVER_VALID'
  WHEN '0xc' THEN 'KDC_ERR_POLICY' WHEN '0xd' THEN 'KDC_ERR_BADOPTION' WHEN '0xe' THEN 'KDC_ERR_ETYPE_NOSUPP' WHEN '0xf' THEN 'KDC_ERR_SUMTYPE_NOSUPP'
  WHEN '0x10' THEN 'KDC_ERR_PADATA_TYPE_NOSUPP' WHEN '0x11' THEN 'KDC_ERR_TRTYPE_NOSUPP' WHEN '0x12' THEN 'KDC_ERR_CLIENT_REVOKED'
  WHEN '0x13' THEN 'KDC_ERR_SERVICE_REVOKED' WHEN '0x14' THEN 'KDC_ERR_TGT_REVOKED' WHEN '0x15' THEN 'KDC_ERR_CLIENT_NOTYET' WHEN '0x16' THEN 'KDC_ERR_SERVICE_NOTYET'
  WHEN '0x17' THEN 'KDC_ERR_KEY_EXPIRED' WHEN '0x18' THEN 'KDC_ERR_PREAUTH_FAILED' WHEN '0x19' THEN 'KDC_ERR_PREAUTH_REQUIRED' WHEN '0x1a' THEN 'KDC_ERR_SERVER_NOMATCH'
  WHEN '0x1b' THEN 'KDC_ERR_MUST_USE_USER2USER' WHEN '0x1c' THEN 'KDC_ERR_PATH_NOT_ACCEPTED' WHEN '0x1d' THEN 'KDC_ERR_SVC_UNAVAILABLE'
  WHEN '0x1f' THEN 'KRB_AP_ERR_BAD_INTEGRITY' WHEN '0x20' THEN 'KRB_AP_ERR_TKT_EXPIRED' WHEN '0x21' THEN 'KRB_AP_ERR_TKT_NYV' WHEN '0x22' THEN 'KRB_AP_ERR_REPEAT'
  WHEN '0x23' THEN 'KRB_AP_ERR_NOT_US' WHEN '0x24' THEN 'KRB_AP_ERR_BADMATCH' WHEN '0x25' THEN 'KRB_AP_ERR_SKEW' WHEN '0x26' THEN 'KRB_AP_ERR_BADADDR'
  WHEN '0x27' THEN 'KRB_AP_ERR_BADVERSION' WHEN '0x28' THEN 'KRB_AP_ERR_MSG_TYPE' WHEN '0x29' THEN 'KRB_AP_ERR_MODIFIED' WHEN '0x3c' THEN 'KRB_ERR_GENERIC'
  WHEN '0x3d' THEN 'KRB_ERR_FIELD_TOOLONG' END;

-- process.integrity_id of a mandatory label, which is written as a SID.
CREATE MACRO label_integrity(label) AS CASE label WHEN 'S-1-16-0' THEN 1 WHEN 'S-1-16-4096' THEN 2 WHEN 'S-1-16-8192' THEN 3 WHEN 'S-1-16-12288' THEN 4
  WHEN 'S-1-16-16384' THEN 5 WHEN 'S-1-16-20480' THEN 6 WHEN 'Mandatory Label\Low Mandatory Level' THEN 2 WHEN 'Mandatory Label\Medium Mandatory Level' THEN 3
  WHEN 'Mandatory Label\High Mandatory Level' THEN 4 WHEN 'Mandatory Label\System Mandatory Level' THEN 5 ELSE CASE WHEN label IS NOT NULL THEN 99 END END;

-- The names of the privileges in a text or a list.
CREATE MACRO privilege_names(list) AS nullif(regexp_extract_all(CAST(list AS VARCHAR), 'Se[A-Z][A-Za-z]+'), []);

-- What an event is called, if the record does not have its text.
CREATE MACRO event_title(id) AS CASE id
  WHEN 1102 THEN 'The audit log was cleared' WHEN 4624 THEN 'An account was successfully logged on' WHEN 4625 THEN 'An account failed to log on'
  WHEN 4634 THEN 'An account was logged off' WHEN 4647 THEN 'User initiated logoff' WHEN 4648 THEN 'A logon was attempted using explicit credentials'
  WHEN 4672 THEN 'Special privileges assigned to new logon' WHEN 4688 THEN 'A new process has been created' WHEN 4689 THEN 'A process has exited'
  WHEN 4720 THEN 'A user account was created' WHEN 4722 THEN 'A user account was enabled'
  WHEN 4723 THEN 'An attempt was made to change an account''s password' WHEN 4724 THEN 'An attempt was made to reset an account''s password'
  WHEN 4725 THEN 'A user account was disabled' WHEN 4726 THEN 'A user account was deleted' WHEN 4738 THEN 'A user account was changed'
  WHEN 4740 THEN 'A user account was locked out' WHEN 4767 THEN 'A user account was unlocked' WHEN 4781 THEN 'The name of an account was changed'
  WHEN 4727 THEN 'A security-enabled global group was created' WHEN 4728 THEN 'A member was added to a security-enabled global group'
  WHEN 4729 THEN 'A member was removed from a security-enabled global group' WHEN 4730 THEN 'A security-enabled global group was deleted'
  WHEN 4731 THEN 'A security-enabled local group was created' WHEN 4732 THEN 'A member was added to a security-enabled local group'
  WHEN 4733 THEN 'A member was removed from a security-enabled local group' WHEN 4734 THEN 'A security-enabled local group was deleted'
  WHEN 4735 THEN 'A security-enabled local group was changed' WHEN 4737 THEN 'A security-enabled global group was changed'
  WHEN 4741 THEN 'A computer account was created' WHEN 4742 THEN 'A computer account was changed' WHEN 4743 THEN 'A computer account was deleted'
  WHEN 4754 THEN 'A security-enabled universal group was created' WHEN 4755 THEN 'A security-enabled universal group was changed'
  WHEN 4756 THEN 'A member was added to a security-enabled universal group' WHEN 4757 THEN 'A member was removed from a security-enabled universal group'
  WHEN 4758 THEN 'A security-enabled universal group was deleted' WHEN 4764 THEN 'The type of a group was changed'
  WHEN 4768 THEN 'A Kerberos authentication ticket (TGT) was requested' WHEN 4769 THEN 'A Kerberos service ticket was requested'
  WHEN 4770 THEN 'A Kerberos service ticket was renewed' WHEN 4771 THEN 'Kerberos pre-authentication failed'
  WHEN 4776 THEN 'The computer attempted to validate the credentials for an account'
  WHEN 4798 THEN 'A user''s local group membership was enumerated' WHEN 4799 THEN 'A security-enabled local group membership was enumerated' END;

-- The name in a member's distinguished name (CN=Ada,CN=Users,DC=example,DC=com).
CREATE MACRO member_name(dn) AS nullif(replace(regexp_extract(dn, '^[cC][nN]=((?:[^,\\]|\\.)*)', 1), '\', ''), '');
