-- class: file_activity
-- consumes: Description.Hashes = hash_list(file.hashes)
--
-- 24: the clipboard has new content. The hashes are those of the content.
SELECT
  3 AS activity_id,

  'Clipboard' AS "file.name",
  99 AS "file.type_id",
  fingerprints(Description.Hashes) AS "file.hashes",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain",

  Description.ProcessId AS "unmapped.pid",
  Description.ProcessGuid AS "unmapped.uid",
  Description.Image AS "unmapped.name",
  Description.User AS "unmapped.user"
FROM raw
WHERE EventId = 24;
