-- class: authentication
-- without: user
--
-- 4634: a session ended. 4647: a user logged off. Neither names who caused it.
SELECT
  2 AS activity_id, -- Logoff
  EventData.TargetUserSid AS "user.uid",
  EventData.TargetUserName AS "user.name",
  EventData.TargetDomainName AS "user.domain",
  user_type(EventData.TargetUserSid, EventData.TargetUserName) AS "user.type_id",
  EventData.TargetLogonId AS "session.uid",
  EventData.LogonType AS logon_type_id,
  CASE WHEN EventData.LogonType IN (10, 12) THEN TRUE WHEN EventData.LogonType NOT IN (3, 8) THEN FALSE END AS is_remote,
  Computer AS "dst_endpoint.hostname"
FROM raw
WHERE EventID IN (4634, 4647) AND is_security(Channel, ProviderName);
