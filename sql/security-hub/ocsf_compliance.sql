-- Findings of controls that are OCSF already. The resource is the first one of the finding.
-- class: compliance_finding
-- without: compliance, compliance.standards, remediation.desc
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
  coalesce(ocsf.resources[1], resource) AS resource,
  ocsf.compliance AS compliance,
  ocsf.remediation AS remediation
FROM raw
WHERE class_uid = 2003;
