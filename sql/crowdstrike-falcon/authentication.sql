-- Logins of users to Falcon.
-- class: authentication
-- consumes: event.Success = CASE status_id WHEN 1 THEN TRUE WHEN 2 THEN FALSE END
SELECT
  1 AS activity_id, -- Logon
  1 AS severity_id,
  CASE WHEN event.Success THEN 1 WHEN event.Success IS FALSE THEN 2 ELSE 0 END AS status_id,
  event.OperationName AS message,
  event.UserId AS "user.name",
  falcon_mail(event.UserId) AS "user.email_addr",
  event.ServiceName AS "service.name",
  event.UserIp AS "src_endpoint.ip",
  CASE WHEN event.OperationName = 'twoFactorAuthenticate' AND event.Success THEN TRUE END AS is_mfa,
  CASE WHEN event.OperationName = 'saml2Assert' THEN 5 END AS auth_protocol_id -- SAML
FROM raw
WHERE falcon_is_login(metadata.eventType, event.OperationName);
