-- What all findings have.
-- ocsf: 1.1.0
-- profiles: cloud
-- consumes: accountId = cloud.account.uid
-- consumes: region = cloud.region
-- consumes: "type" = finding_info.types[1]
SELECT
  updatedAt AS "time",
  activity_of(service.archived, createdAt, updatedAt) AS activity_id,
  severity_of(severity) AS severity_id,
  CASE WHEN service.archived THEN 3 END AS status_id, -- Suppressed: archived, by a rule or by hand
  confidence AS confidence_score,
  description AS message,
  service."count" AS "count",
  service.eventFirstSeen AS start_time,
  service.eventLastSeen AS end_time,

  id AS "finding_info.uid",
  title AS "finding_info.title",
  description AS "finding_info.desc",
  ["type"] AS "finding_info.types",
  service.detectorId AS "finding_info.product_uid",
  createdAt AS "finding_info.created_time",
  updatedAt AS "finding_info.modified_time",
  service.eventFirstSeen AS "finding_info.first_seen_time",
  service.eventLastSeen AS "finding_info.last_seen_time",

  *,

  'AWS' AS "cloud.provider",
  coalesce(region, key.region) AS "cloud.region",
  coalesce(accountId, key.account_id) AS "cloud.account.uid",
  10 AS "cloud.account.type_id", -- AWS Account

  arn AS "metadata.uid",
  'GuardDuty' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  service.featureName AS "metadata.product.feature.name"
FROM raw;
