-- class: group_management
-- without: group
--
-- Groups with and without security, of the domain and of a computer. The member is the user, and the actor is who changed the group.
SELECT
  CASE WHEN EventID IN (4728, 4732, 4746, 4751, 4756, 4761) THEN 3 -- Add User
    WHEN EventID IN (4729, 4733, 4747, 4752, 4757, 4762) THEN 4 -- Remove User
    WHEN EventID IN (4730, 4734, 4748, 4753, 4758, 4763) THEN 5 -- Delete
    WHEN EventID IN (4727, 4731, 4744, 4749, 4754, 4759) THEN 6 -- Create
    ELSE 99 END AS activity_id,
  CASE WHEN EventID IN (4735, 4737, 4745, 4750, 4755, 4760, 4764) THEN 'Update' END AS activity_name,
  EventData.TargetSid AS "group.uid",
  EventData.TargetUserName AS "group.name",
  EventData.TargetDomainName AS "group.domain",
  EventData.MemberSid AS "user.uid",
  member_name(EventData.MemberName) AS "user.full_name",
  -- The group itself, if it is created, changed or deleted: there is no user, which OCSF 1.1.0 asks for.
  CASE WHEN EventData.MemberSid IS NULL THEN EventData.TargetSid END AS "resource.uid",
  CASE WHEN EventData.MemberSid IS NULL THEN EventData.TargetUserName END AS "resource.name"
FROM raw
WHERE (EventID BETWEEN 4727 AND 4735 OR EventID = 4737 OR EventID BETWEEN 4744 AND 4764) AND is_security(Channel, ProviderName);
