-- class: kernel_activity
--
-- 6: a driver was loaded. Windows runs drivers in its process System, pid 4.
SELECT
  'Load' AS activity_name,
  basename(Description.ImageLoaded) AS "kernel.name",
  Description.ImageLoaded AS "kernel.path",
  99 AS "kernel.type_id",
  'Driver' AS "kernel.type",
  'System' AS "actor.process.name",
  4 AS "actor.process.pid"
FROM raw
WHERE EventId = 6;
