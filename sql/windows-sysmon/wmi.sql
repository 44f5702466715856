-- class: process_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
--
-- 19 to 21: a WMI event filter, consumer or binding was created, changed or removed. These texts name no process. The
-- event has the null GUID that Sysmon itself writes for an unknown process.
SELECT
  3 AS activity_id,

  null_guid() AS "process.uid",
  'WMI' AS "process.name",

  null_guid() AS "actor.process.uid",
  'WMI' AS "actor.process.name",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain"
FROM raw
WHERE EventId IN (19, 20, 21);
