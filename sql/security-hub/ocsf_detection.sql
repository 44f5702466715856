-- Findings of threats and of exposures that are OCSF already.
-- class: detection_finding
-- without: remediation.desc
-- consumes: "time" = "time"
-- consumes: cloud.account.uid = cloud.account.uid
-- consumes: cloud.region = cloud.region
-- consumes: cloud.provider = cloud.provider
SELECT
  coalesce("time", time_dt, finding_info.modified_time_dt) AS "time",
  class_uid AS class_uid,
  class_name AS class_name,
  category_uid AS category_uid,
  category_name AS category_name,
  type_uid AS type_uid,
  type_name AS type_name,
  activity_id AS activity_id,
  activity_name AS activity_name,
  severity_id AS severity_id,
  ocsf.severity AS severity,
  status_id AS status_id,
  status AS status,
  status_code AS status_code,
  status_detail AS status_detail,
  confidence_id AS confidence_id,
  ocsf.confidence AS confidence,
  confidence_score AS confidence_score,
  "count" AS "count",
  comment AS comment,
  message AS message,
  time_dt AS time_dt,
  start_time_dt AS start_time_dt,
  end_time_dt AS end_time_dt,
  finding_info AS finding_info,
  {'provider': coalesce(cloud.provider, 'AWS'), 'region': coalesce(cloud.region, key.region), 'zone': cloud."zone",
    'account': {'uid': coalesce(account_number(cloud.account.uid), account_number(key.account_id)), 'name': cloud.account.name,
      'type': cloud.account."type", 'type_id': cloud.account.type_id}} AS cloud,
  metadata AS metadata,
  observables AS observables,
  risk_level AS risk_level,
  risk_level_id AS risk_level_id,
  risk_score AS risk_score,
  impact AS impact,
  impact_id AS impact_id,
  impact_score AS impact_score,
  evidences AS evidences,
  ocsf.resources AS resources,
  ocsf.vulnerabilities AS vulnerabilities,
  ocsf.remediation AS remediation
FROM raw
WHERE class_uid = 2004;
