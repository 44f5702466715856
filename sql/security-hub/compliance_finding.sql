-- Findings of controls: of Security Hub CSPM's own standards, of AWS Config, and of other products that check configurations. The resource is
-- the first one of the finding.
-- class: compliance_finding
-- without: compliance, compliance.standards, remediation.desc
-- consumes: "Compliance"."AssociatedStandards" = list_transform(compliance.standards, lambda s: {'StandardsId': s})
-- consumes: "Remediation"."Recommendation"."Url" = remediation."references"[1]
SELECT
  "Compliance"."SecurityControlId" AS "compliance.control",
  "Compliance"."Status" AS "compliance.status",
  "Compliance"."RelatedRequirements" AS "compliance.requirements",
  list_transform("Compliance"."AssociatedStandards", lambda s: s."StandardsId") AS "compliance.standards",
  array_to_string(list_transform("Compliance"."StatusReasons", lambda s: s."Description"), ',') AS "compliance.status_detail",
  array_to_string(list_transform("Compliance"."StatusReasons", lambda s: s."ReasonCode"), ',') AS "compliance.status_code",
  "Remediation"."Recommendation"."Text" AS "remediation.desc",
  ["Remediation"."Recommendation"."Url"] AS "remediation.references",
  resource_of("Resources"[1], "Criticality", NULL) AS resource,
  seen([observed('resource.uid', 10, "Resources"[1]."Id")]) AS observables
FROM raw
WHERE class_uid IS NULL AND finding_class("ProductArn", "Vulnerabilities", "Compliance") = 'compliance';
