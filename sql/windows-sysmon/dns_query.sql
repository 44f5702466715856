-- class: dns_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.QueryResults = dns_results(answers)
--
-- 22: a process sent a DNS query. The event also has the answer.
SELECT
  6 AS activity_id,

  MachineName AS "src_endpoint.hostname",
  UserDefined.source_instance_id AS "src_endpoint.instance_uid",
  Description.QueryName AS "query.hostname",
  dns_answers(Description.QueryResults) AS answers,
  dns_rcode(Description.QueryStatus) AS rcode_id,
  Description.QueryStatus AS status_code,
  CASE Description.QueryStatus WHEN '0' THEN 1 ELSE 2 END AS status_id,

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain"
FROM raw
WHERE EventId = 22;
