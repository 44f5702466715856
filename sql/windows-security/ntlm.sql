-- class: authentication
-- without: user
-- consumes: EventData.Workstation = src_endpoint.name
-- consumes: EventData.WorkstationName = src_endpoint.name
--
-- 4776: a domain controller, or the computer of a local account, checked the password of an account for NTLM. The name of the workstation is
-- what the client says. A logon has an event of its own.
SELECT
  99 AS activity_id,
  'Credential Validation' AS activity_name,
  CASE WHEN EventData.Status = '0x0' THEN 1 WHEN EventData.Status IS NOT NULL THEN 2 ELSE audit_status(Keywords, winlog.keywords, EventType, "event".outcome) END AS status_id,
  EventData.Status AS status_code,
  nt_status(EventData.Status) AS status_detail,
  EventData.TargetUserName AS "user.name",
  user_type(NULL, EventData.TargetUserName) AS "user.type_id",
  1 AS auth_protocol_id, -- NTLM
  coalesce(EventData.Workstation, EventData.WorkstationName) AS "src_endpoint.name",
  Computer AS "dst_endpoint.hostname"
FROM raw
WHERE EventID = 4776 AND is_security(Channel, ProviderName);
