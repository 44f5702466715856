-- class: authorize_session
-- without: user
-- consumes: EventData.PrivilegeList = to_json(array_to_string(privileges, chr(10) || chr(9) || chr(9) || chr(9)))
--
-- 4672: a new logon got privileges of an administrator or of Windows itself.
SELECT
  1 AS activity_id, -- Assign Privileges
  EventData.SubjectUserSid AS "user.uid",
  EventData.SubjectUserName AS "user.name",
  EventData.SubjectDomainName AS "user.domain",
  user_type(EventData.SubjectUserSid, EventData.SubjectUserName) AS "user.type_id",
  EventData.SubjectLogonId AS "session.uid",
  privilege_names(EventData.PrivilegeList) AS privileges,
  Computer AS "dst_endpoint.hostname"
FROM raw
WHERE EventID = 4672 AND is_security(Channel, ProviderName);
