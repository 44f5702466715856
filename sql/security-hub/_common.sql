-- What all findings have.
-- ocsf: 1.1.0
-- profiles: cloud, datetime
-- consumes: "ProductName" = metadata.product.name
-- consumes: "CompanyName" = metadata.product.vendor_name
-- consumes: "AwsAccountId" = cloud.account.uid
-- consumes: "Region" = cloud.region
-- consumes: "UpdatedAt" = finding_info.modified_time_dt
-- consumes: "Severity"."Label" = upper(severity)
-- consumes: "Workflow"."Status" = CASE status WHEN 'New' THEN 'NEW' WHEN 'In Progress' THEN 'NOTIFIED' WHEN 'Suppressed' THEN 'SUPPRESSED' WHEN 'Resolved' THEN 'RESOLVED' ELSE status END
-- consumes: "RelatedFindings" = list_transform(finding_info.related_events, lambda e: {'ProductArn': e.product_uid, 'Id': e.uid})
SELECT
  "UpdatedAt" AS "time",
  CASE WHEN "CreatedAt" = "UpdatedAt" THEN 1 ELSE 2 END AS activity_id, -- Create, Update
  severity_of("Severity"."Label", "Severity"."Normalized") AS severity_id,
  status_of("Workflow"."Status") AS status,
  "Confidence" AS confidence_score,
  "Note"."Text" AS "message",

  "Id" AS "finding_info.uid",
  "Title" AS "finding_info.title",
  "Description" AS "finding_info.desc",
  "Types" AS "finding_info.types",
  "SourceUrl" AS "finding_info.src_url",
  "CreatedAt" AS "finding_info.created_time_dt",
  "UpdatedAt" AS "finding_info.modified_time_dt",
  "FirstObservedAt" AS "finding_info.first_seen_time_dt",
  "LastObservedAt" AS "finding_info.last_seen_time_dt",
  list_transform("RelatedFindings", lambda f: {'product_uid': f."ProductArn", 'uid': f."Id"}) AS "finding_info.related_events",

  *,

  'AWS' AS "cloud.provider",
  coalesce("Region", key.region) AS "cloud.region",
  coalesce(account_number("AwsAccountId"), account_number(key.account_id)) AS "cloud.account.uid",

  "SchemaVersion" AS "metadata.log_version",
  "ProcessedAt" AS "metadata.processed_time_dt",
  coalesce("ProductName", "ProductFields"."aws/securityhub/ProductName") AS "metadata.product.name",
  "ProductArn" AS "metadata.product.uid",
  coalesce("CompanyName", "ProductFields"."aws/securityhub/CompanyName", 'AWS') AS "metadata.product.vendor_name",
  "GeneratorId" AS "metadata.product.feature.uid",
  "ProductFields"."aws/guardduty/service/featureName" AS "metadata.product.feature.name",
  "ProductFields"."aws/inspector/ProductVersion" AS "metadata.product.version"
FROM raw;
