-- Groups, their members, and what they may do.
-- class: group_management
-- without: group
SELECT
  CASE eventType WHEN 'group.privilege.grant' THEN 1 WHEN 'group.privilege.revoke' THEN 2 WHEN 'group.user_membership.add' THEN 3 WHEN 'group.user_membership.remove' THEN 4
    WHEN 'group.lifecycle.delete' THEN 5 WHEN 'group.lifecycle.create' THEN 6 ELSE 99 END AS activity_id, -- Assign Privileges, Revoke Privileges, Add User, Remove User, Delete, Create
  okta_id(okta_target(target, 'UserGroup')) AS "group.uid",
  okta_name(okta_target(target, 'UserGroup')) AS "group.name",
  okta_id(okta_target(target, 'User')) AS "user.uid",
  okta_login(okta_target(target, 'User')) AS "user.name",
  okta_name(okta_target(target, 'User')) AS "user.full_name",
  okta_mail(okta_login(okta_target(target, 'User'))) AS "user.email_addr",
  okta_privileges(debugContext.debugData.privilegeGranted, debugContext.debugData.privilegeRevoked) AS privileges,
  -- The group itself, if a group is created, changed or deleted: there is no user, which OCSF 1.1.0 asks for.
  CASE WHEN okta_target(target, 'AppInstance') IS NOT NULL THEN okta_id(okta_target(target, 'AppInstance'))
    WHEN okta_target(target, 'User') IS NULL THEN okta_id(okta_target(target, 'UserGroup')) END AS "resource.uid",
  CASE WHEN okta_target(target, 'AppInstance') IS NOT NULL THEN okta_name(okta_target(target, 'AppInstance'))
    WHEN okta_target(target, 'User') IS NULL THEN okta_name(okta_target(target, 'UserGroup')) END AS "resource.name"
FROM raw
WHERE okta_kind(eventType, target) = 'group';
