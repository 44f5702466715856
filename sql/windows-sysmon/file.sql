-- class: file_activity
-- consumes: Description.Hashes = hash_list(file.hashes)
-- consumes: Description.Hash = hash_list(file.hashes)
--
-- 2: a file's creation time was changed. 11: a file was created. 15: a stream was created. 23 and 26: a file was
-- deleted. 27: an executable was blocked. 28: shredding was blocked. 29: an executable was found. file.name is the
-- whole path, and pid, uid, name, user and rulename are in unmapped too, as in AWS's table.
SELECT
  CASE EventId WHEN 2 THEN 6 WHEN 11 THEN 1 WHEN 15 THEN 1 WHEN 23 THEN 4 WHEN 26 THEN 4 WHEN 27 THEN 1 WHEN 28 THEN 4 WHEN 29 THEN 1 ELSE 99 END AS activity_id,
  CASE WHEN EventId IN (27, 28) THEN 2 ELSE 0 END AS action_id, -- Sysmon blocks these two, and only observes the others
  CASE WHEN EventId IN (27, 28) THEN 2 END AS disposition_id, -- Blocked

  Description.TargetFilename AS "file.name",
  Description.TargetFilename AS "file.path",
  dirname(Description.TargetFilename) AS "file.parent_folder",
  1 AS "file.type_id",
  Description.CreationUtcTime AS "file.created_time",
  fingerprints(coalesce(Description.Hashes, Description.Hash)) AS "file.hashes",

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
WHERE EventId IN (2, 11, 15, 23, 26, 27, 28, 29);
