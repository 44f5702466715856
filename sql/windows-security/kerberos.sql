-- class: authentication
-- without: user
-- consumes: EventData.TargetUserName = CASE WHEN activity_id IN (4, 5) THEN "user".name || '@' || "user"."domain" ELSE "user".name END
-- consumes: EventData.TargetSid = "user".uid
-- consumes: EventData.IpAddress = CASE WHEN contains(src_endpoint.ip, ':') THEN src_endpoint.ip ELSE '::ffff:' || src_endpoint.ip END
--
-- Kerberos on a domain controller. 4768: a ticket-granting ticket was requested. 4769: a service ticket. 4770: a service ticket was renewed.
-- 4771: pre-authentication failed, for example because of a wrong password. The destination is the domain controller.
SELECT
  CASE EventID WHEN 4769 THEN 4 WHEN 4770 THEN 5 ELSE 3 END AS activity_id, -- Service Ticket Request, Service Ticket Renew, Authentication Ticket
  CASE WHEN EventID = 4771 THEN 2 WHEN EventData.Status = '0x0' THEN 1 WHEN EventData.Status IS NOT NULL THEN 2
    WHEN EventID = 4770 THEN 1 ELSE audit_status(Keywords, winlog.keywords, EventType, "event".outcome) END AS status_id,
  EventData.Status AS status_code,
  kerberos_error(EventData.Status) AS status_detail,

  coalesce(EventData.TargetSid, EventData.TargetUserSid) AS "user.uid",
  CASE WHEN EventID IN (4769, 4770) THEN regexp_replace(EventData.TargetUserName, '@[^@]*$', '') ELSE EventData.TargetUserName END AS "user.name",
  EventData.TargetDomainName AS "user.domain",
  user_type(EventData.TargetSid, regexp_replace(EventData.TargetUserName, '@[^@]*$', '')) AS "user.type_id",
  EventData.LogonGuid AS "session.uid_alt",
  2 AS auth_protocol_id, -- Kerberos
  3 AS logon_type_id, -- Network
  NOT is_loopback(EventData.IpAddress) AS is_remote,
  plain_ip(EventData.IpAddress) AS "src_endpoint.ip",
  EventData.IpPort AS "src_endpoint.port",
  Computer AS "dst_endpoint.hostname",
  EventData.ServiceName AS "service.name",
  EventData.ServiceSid AS "service.uid"
FROM raw
WHERE EventID IN (4768, 4769, 4770, 4771) AND is_security(Channel, ProviderName);
