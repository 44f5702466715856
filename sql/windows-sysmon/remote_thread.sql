-- class: network_activity
-- consumes: Description.SourceUser = windows_user(actor."user"."domain", actor."user".name)
--
-- 8: a process started a thread in another one. The class is Network Activity, as in AWS's table: the two endpoints are
-- the two processes, on one machine. OCSF itself has Process Activity with the activity Inject for it.
SELECT
  MachineName AS "src_endpoint.hostname",
  basename(Description.SourceImage) AS "src_endpoint.svc_name",
  MachineName AS "dst_endpoint.hostname",
  basename(Description.TargetImage) AS "dst_endpoint.svc_name",

  Description.SourceProcessGuid AS "actor.process.uid",
  Description.SourceProcessId AS "actor.process.pid",
  Description.SourceImage AS "actor.process.name",
  basename(Description.SourceImage) AS "actor.process.file.name",
  Description.SourceImage AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.SourceUser) AS "actor.user.name",
  domain_of(Description.SourceUser) AS "actor.user.domain"
FROM raw
WHERE EventId = 8;
