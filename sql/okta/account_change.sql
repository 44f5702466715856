-- Users and their credentials and factors.
-- class: account_change
-- without: user
SELECT
  CASE
    WHEN eventType = 'user.lifecycle.create' THEN 1                                                                  -- Create
    WHEN eventType IN ('user.lifecycle.activate', 'user.lifecycle.reactivate', 'user.lifecycle.unsuspend') THEN 2   -- Enable
    WHEN eventType = 'user.account.update_password' THEN 3                                                          -- Password Change
    WHEN eventType = 'user.account.reset_password' THEN 4                                                           -- Password Reset
    WHEN eventType IN ('user.lifecycle.deactivate', 'user.lifecycle.suspend') THEN 5                                -- Disable
    WHEN starts_with(eventType, 'user.lifecycle.delete') THEN 6                                                     -- Delete
    WHEN eventType IN ('user.account.lock', 'user.account.lock.limit') THEN 9                                       -- Lock
    WHEN eventType IN ('user.mfa.factor.activate', 'user.mfa.factor.unsuspend') THEN 10                             -- MFA Factor Enable
    WHEN eventType IN ('user.mfa.factor.deactivate', 'user.mfa.factor.reset_all', 'user.mfa.factor.suspend') THEN 11 -- MFA Factor Disable
    ELSE 99 END AS activity_id,
  CASE WHEN eventType LIKE 'user.account.unlock%' THEN 'Unlock' WHEN eventType LIKE 'user.account.update%' AND eventType <> 'user.account.update_password' THEN 'Update'
    WHEN eventType = 'user.account.expire_password' THEN 'Password Expire' WHEN eventType = 'user.mfa.factor.update' THEN 'MFA Factor Update' END AS activity_name,
  coalesce(okta_id(okta_person(target)), actor.id) AS "user.uid",
  okta_user_login(okta_person(target), actor.alternateId) AS "user.name",
  okta_user_name(okta_person(target), actor.displayName) AS "user.full_name",
  okta_mail(okta_user_login(okta_person(target), actor.alternateId)) AS "user.email_addr"
FROM raw
WHERE okta_kind(eventType, target) = 'account';
