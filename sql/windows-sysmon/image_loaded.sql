-- class: process_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.Hashes = hash_list(module.file.hashes)
--
-- 7: a process loaded an image (example: a DLL).
SELECT
  3 AS activity_id,

  Description.ProcessGuid AS "process.uid",
  Description.ProcessId AS "process.pid",
  Description.Image AS "process.name",
  basename(Description.Image) AS "process.file.name",
  Description.Image AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.User) AS "process.user.name",
  domain_of(Description.User) AS "process.user.domain",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain",

  basename(Description.ImageLoaded) AS "module.file.name",
  Description.ImageLoaded AS "module.file.path",
  dirname(Description.ImageLoaded) AS "module.file.parent_folder",
  1 AS "module.file.type_id",
  1 AS "module.load_type_id",
  fingerprints(Description.Hashes) AS "module.file.hashes",
  Description.Company AS "module.file.company_name",
  Description.Description AS "module.file.desc",
  Description.FileVersion AS "module.file.version",
  Description.Product AS "module.file.product.name",
  Description.Company AS "module.file.product.vendor_name"
FROM raw
WHERE EventId = 7;
