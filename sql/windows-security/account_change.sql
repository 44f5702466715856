-- class: account_change
-- without: user
-- consumes: EventData.TargetUserName = "user".name
-- consumes: EventData.OldTargetUserName = "user".name
-- consumes: EventData.TargetDomainName = CASE activity_id WHEN 9 THEN src_endpoint.name ELSE "user"."domain" END
--
-- Accounts of users and computers. The user is the account that was changed, and the actor is who changed it. 4740 has the name of the
-- computer from which the wrong passwords came in TargetDomainName.
SELECT
  CASE EventID WHEN 4720 THEN 1 WHEN 4741 THEN 1 WHEN 4722 THEN 2 WHEN 4723 THEN 3 WHEN 4724 THEN 4 WHEN 4725 THEN 5 WHEN 4726 THEN 6 WHEN 4743 THEN 6
    WHEN 4740 THEN 9 ELSE 99 END AS activity_id, -- Create, Enable, Password Change, Password Reset, Disable, Delete, Lock
  CASE EventID WHEN 4738 THEN 'Update' WHEN 4742 THEN 'Update' WHEN 4767 THEN 'Unlock' WHEN 4781 THEN 'Rename' END AS activity_name,
  CASE WHEN EventID IN (4723, 4724) THEN audit_status(Keywords, winlog.keywords, EventType, "event".outcome) ELSE 1 END AS status_id,

  EventData.TargetSid AS "user.uid",
  coalesce(EventData.TargetUserName, EventData.OldTargetUserName) AS "user.name",
  CASE WHEN EventID <> 4740 THEN EventData.TargetDomainName END AS "user.domain",
  user_type(EventData.TargetSid, coalesce(EventData.TargetUserName, EventData.OldTargetUserName)) AS "user.type_id",
  EventData.DisplayName AS "user.full_name",
  EventData.NewTargetUserName AS "user_result.name",
  CASE WHEN EventData.NewTargetUserName IS NOT NULL THEN EventData.TargetSid END AS "user_result.uid",
  CASE WHEN EventID = 4740 THEN EventData.TargetDomainName END AS "src_endpoint.name"
FROM raw
WHERE EventID IN (4720, 4722, 4723, 4724, 4725, 4726, 4738, 4740, 4741, 4742, 4743, 4767, 4781) AND is_security(Channel, ProviderName);
