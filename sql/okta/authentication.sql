-- Sessions, logins and single sign-on, and what sign-on policies decide.
-- class: authentication
-- without: user
-- consumes: debugContext.debugData.signOnMode = CASE auth_protocol_id WHEN 4 THEN 'OpenID Connect' WHEN 5 THEN 'SAML 2.0' WHEN 99 THEN auth_protocol END
SELECT
  CASE
    WHEN eventType IN ('user.session.end', 'user.session.clear', 'user.authentication.slo', 'user.authentication.universal_logout', 'user.session.impersonation.end') THEN 2 -- Logoff
    WHEN eventType IN ('policy.evaluate_sign_on', 'system.push.send_factor_verify_push', 'user.session.impersonation.grant', 'user.session.impersonation.extend',
      'user.session.impersonation.revoke', 'user.session.context.change', 'user.session.expire') THEN 99 -- Other
    ELSE 1 END AS activity_id, -- Logon
  CASE eventType WHEN 'policy.evaluate_sign_on' THEN 'Policy Evaluation' WHEN 'system.push.send_factor_verify_push' THEN 'Push Sent' WHEN 'user.session.context.change' THEN 'Context Change'
    WHEN 'user.session.impersonation.grant' THEN 'Impersonation Grant' WHEN 'user.session.impersonation.extend' THEN 'Impersonation Extend'
    WHEN 'user.session.impersonation.revoke' THEN 'Impersonation Revoke' WHEN 'user.session.expire' THEN 'Session Expire' END AS activity_name,
  CASE WHEN eventType IN ('application.policy.sign_on.deny_access', 'app.generic.unauth_app_access_attempt', 'user.mfa.okta_verify.deny_push', 'user.mfa.attempt_bypass')
    THEN 2 ELSE okta_status(outcome."result") END AS status_id,

  coalesce(okta_id(okta_login_target(eventType, actor."type", target)), actor.id) AS "user.uid",
  okta_user_login(okta_login_target(eventType, actor."type", target), actor.alternateId) AS "user.name",
  okta_user_name(okta_login_target(eventType, actor."type", target), actor.displayName) AS "user.full_name",
  okta_mail(okta_user_login(okta_login_target(eventType, actor."type", target), actor.alternateId)) AS "user.email_addr",

  authenticationContext.externalSessionId AS "session.uid",
  coalesce(okta_name(okta_target(target, 'AppInstance')), 'Okta') AS "service.name",
  okta_id(okta_target(target, 'AppInstance')) AS "service.uid",
  CASE WHEN eventType IN ('user.authentication.auth_via_mfa', 'user.mfa.okta_verify', 'user.mfa.okta_verify.deny_push', 'user.mfa.attempt_bypass') THEN TRUE END AS is_mfa,
  CASE WHEN debugContext.debugData.signOnMode = 'OpenID Connect' THEN 4 WHEN debugContext.debugData.signOnMode = 'SAML 2.0' THEN 5
    WHEN eventType = 'user.authentication.auth_via_radius' THEN 10 WHEN debugContext.debugData.signOnMode IS NOT NULL THEN 99 END AS auth_protocol_id,
  CASE WHEN debugContext.debugData.signOnMode NOT IN ('OpenID Connect', 'SAML 2.0') AND eventType <> 'user.authentication.auth_via_radius' THEN debugContext.debugData.signOnMode END AS auth_protocol
FROM raw
WHERE okta_kind(eventType, target) = 'login';
