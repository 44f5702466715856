-- Accounts that were created, deleted, enabled, disabled or locked, and passwords that were changed. The user is the account; the actor
-- is who changed it.
-- class: account_change
-- consumes: suser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: duser = windows_user("user"."domain", "user".name)
-- consumes: dntdom = "user"."domain"
-- consumes: cs1 = windows_user("user"."domain", "user".name)
-- consumes: reason = status_detail
-- consumes: src = src_endpoint.ip
-- consumes: msg = message
SELECT
  cef_change(deviceEventClassId, name, act) AS activity_id, -- Create, Enable, Password Change, Password Reset, Disable, Delete, Lock
  cef_severity_id(severity) AS severity_id,
  CASE WHEN lower(outcome) LIKE 'success%' THEN 1 WHEN lower(outcome) LIKE 'fail%' THEN 2
    WHEN regexp_matches(concat_ws(' ', name, act, msg), '(?i)\b(?:fail|denied|unauthorized)') THEN 2 ELSE 0 END AS status_id,
  known(reason) AS status_detail,
  coalesce(known(msg), known(name)) AS message,

  deviceEventClassId AS "metadata.event_code",

  0 AS "device.type_id", -- Unknown: CEF does not say what it is
  list_transform([cef_changed_user(cef_change(deviceEventClassId, name, act), duser, cs1Label, cs1, suser)], lambda u: user_of(u))[1] AS "user.name",
  coalesce(dntdom, list_transform([cef_changed_user(cef_change(deviceEventClassId, name, act), duser, cs1Label, cs1, suser)], lambda u: domain_of(u))[1]) AS "user.domain",
  list_transform([known(suser)], lambda u: user_of(u))[1] AS "actor.user.name",
  coalesce(sntdom, list_transform([known(suser)], lambda u: domain_of(u))[1]) AS "actor.user.domain",
  suid AS "actor.user.uid",

  coalesce(known_ip(src), CASE WHEN c6a2Label ILIKE '%source%' THEN known_ip(c6a2) END) AS "src_endpoint.ip",
  spt AS "src_endpoint.port",
  shost AS "src_endpoint.hostname"
FROM raw
WHERE coalesce(cef_changes(deviceEventClassId, name, act, duser, cs1Label, cs1, suser, dpt > 0 OR proto IS NOT NULL OR "in" > 0 OR "out" > 0), FALSE);
