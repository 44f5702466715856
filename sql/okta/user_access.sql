-- Roles of administrators, and applications that users may use.
-- class: user_access
-- without: user, privileges
SELECT
  CASE WHEN eventType IN ('user.account.privilege.grant', 'application.user_membership.add', 'application.user_membership.provision', 'application.user_membership.restore', 'application.user_membership.approve') THEN 1 -- Assign Privileges
    WHEN eventType IN ('user.account.privilege.revoke', 'application.user_membership.remove', 'application.user_membership.deprovision', 'application.user_membership.revoke') THEN 2 -- Revoke Privileges
    ELSE 99 END AS activity_id,
  okta_id(okta_person(target)) AS "user.uid",
  okta_login(okta_person(target)) AS "user.name",
  okta_name(okta_person(target)) AS "user.full_name",
  okta_mail(okta_login(okta_person(target))) AS "user.email_addr",
  CASE WHEN starts_with(eventType, 'application.') THEN [coalesce(okta_name(okta_target(target, 'AppInstance')), 'application')]
    WHEN coalesce(debugContext.debugData.privilegeGranted, debugContext.debugData.privilegeRevoked) IS NOT NULL
      THEN okta_privileges(debugContext.debugData.privilegeGranted, debugContext.debugData.privilegeRevoked) END AS privileges,
  okta_id(okta_target(target, 'AppInstance')) AS "resource.uid",
  okta_name(okta_target(target, 'AppInstance')) AS "resource.name",
  CASE WHEN okta_id(okta_target(target, 'AppInstance')) IS NOT NULL THEN 'AppInstance' END AS "resource.type"
FROM raw
WHERE okta_kind(eventType, target) = 'access';
