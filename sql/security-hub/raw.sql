-- records: Findings optional
-- records: detail.findings
-- records: findings
-- also: ocsf.severity severity
-- also: ocsf.confidence confidence
-- also: ocsf.resources resources
-- also: ocsf.vulnerabilities vulnerabilities
-- also: ocsf.compliance.control compliance.control
-- also: ocsf.compliance.status compliance.status
-- also: ocsf.compliance.status_id compliance.status_id
-- also: ocsf.compliance.status_code compliance.status_code
-- also: ocsf.compliance.status_detail compliance.status_detail
-- also: ocsf.compliance.requirements compliance.requirements
-- also: ocsf.compliance.standards compliance.standards
-- also: ocsf.remediation."desc" remediation."desc"
-- also: ocsf.remediation."references" remediation."references"
-- also: ocsf.remediation.kb_articles remediation.kb_articles
-- timestamp: time epoch_ms
-- timestamp: finding_info.created_time epoch_ms
-- timestamp: finding_info.modified_time epoch_ms
-- timestamp: finding_info.first_seen_time epoch_ms
-- timestamp: finding_info.last_seen_time epoch_ms
--
-- Findings of AWS Security Hub CSPM in the AWS Security Finding Format (ASFF), of AWS's own services and of other products, and findings of
-- Security Hub, which are OCSF 1.6 already: in events of EventBridge, in what GetFindings, GetFindingsV2 and exports to S3 write
-- ({"Findings":[...]}), or one JSON object a record. A finding in OCSF has a class_uid, and one in ASFF a ProductArn.
CREATE TABLE raw (
  "SchemaVersion"   VARCHAR,
  "Id"              VARCHAR,
  "ProductArn"      VARCHAR, -- says which product it is: arn:aws:securityhub:us-east-1::product/aws/guardduty
  "ProductName"     VARCHAR,
  "CompanyName"     VARCHAR,
  "Region"          VARCHAR,
  "GeneratorId"     VARCHAR,
  "AwsAccountId"    VARCHAR,
  "Types"           VARCHAR[],
  "FirstObservedAt" TIMESTAMP,
  "LastObservedAt"  TIMESTAMP,
  "CreatedAt"       TIMESTAMP,
  "UpdatedAt"       TIMESTAMP,
  "ProcessedAt"     TIMESTAMP,
  "Severity"        STRUCT("Label" VARCHAR, "Normalized" DOUBLE),
  "Confidence"      INTEGER,
  "Criticality"     VARCHAR,
  "Title"           VARCHAR,
  "Description"     VARCHAR,
  "Remediation"     STRUCT("Recommendation" STRUCT("Text" VARCHAR, "Url" VARCHAR)),
  "SourceUrl"       VARCHAR,
  "Note"            STRUCT("Text" VARCHAR),
  "Workflow"        STRUCT("Status" VARCHAR), -- NEW, NOTIFIED, RESOLVED, SUPPRESSED
  "RelatedFindings" STRUCT("ProductArn" VARCHAR, "Id" VARCHAR)[],
  "Resources"       STRUCT("Type" VARCHAR, "Id" VARCHAR, "Partition" VARCHAR, "Region" VARCHAR, "Tags" JSON, "Details" JSON)[],
  "Compliance"      STRUCT("Status" VARCHAR, "SecurityControlId" VARCHAR, "RelatedRequirements" VARCHAR[],
    "StatusReasons" STRUCT("ReasonCode" VARCHAR, "Description" VARCHAR)[], "AssociatedStandards" STRUCT("StandardsId" VARCHAR)[]),
  "Vulnerabilities" STRUCT("Id" VARCHAR, "EpssScore" VARCHAR, "FixAvailable" VARCHAR, "ExploitAvailable" VARCHAR, "ReferenceUrls" VARCHAR[],
    "RelatedVulnerabilities" VARCHAR[],
    "Cvss" STRUCT("Version" VARCHAR, "BaseScore" DOUBLE, "BaseVector" VARCHAR)[],
    "Vendor" STRUCT("Name" VARCHAR, "Url" VARCHAR, "VendorCreatedAt" TIMESTAMP, "VendorUpdatedAt" TIMESTAMP),
    "VulnerablePackages" STRUCT("Name" VARCHAR, "Version" VARCHAR, "Epoch" VARCHAR, "Release" VARCHAR, "Architecture" VARCHAR,
      "PackageManager" VARCHAR, "FilePath" VARCHAR, "FixedInVersion" VARCHAR, "Remediation" VARCHAR)[],
    "CodeVulnerabilities" STRUCT("Cwes" VARCHAR[], "SourceArn" VARCHAR,
      "FilePath" STRUCT("FileName" VARCHAR, "FilePath" VARCHAR, "StartLine" INTEGER, "EndLine" INTEGER))[])[],
  "ProductFields" STRUCT(
    "aws/securityhub/ProductName"    VARCHAR,
    "aws/securityhub/CompanyName"    VARCHAR,
    "aws/inspector/ProductVersion"   VARCHAR,
    "ResourceOwnerAccount"           VARCHAR,
    "aws/guardduty/service/featureName"                        VARCHAR,
    "aws/guardduty/service/additionalInfo/value"               VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/api"         VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/serviceName" VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/errorCode"   VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4"         VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/country/countryName" VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/city/cityName"       VARCHAR,
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lon"     DOUBLE,
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lat"     DOUBLE,
    "aws/guardduty/service/action/kubernetesApiCallAction/verb"                         VARCHAR,
    "aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/ipAddressV4"  VARCHAR,
    "aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/country/countryName" VARCHAR,
    "aws/guardduty/service/action/kubernetesApiCallAction/remoteIpDetails/city/cityName"       VARCHAR,
    "aws/guardduty/service/action/dnsRequestAction/domainWithSuffix" VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/name"              VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/executablePath"    VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/executableSha256"  VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/pid"               INTEGER,
    "aws/guardduty/service/runtimeDetails/process/uuid"              VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/parentUuid"        VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/startTime"         TIMESTAMP,
    "aws/guardduty/service/runtimeDetails/process/user"              VARCHAR,
    "aws/guardduty/service/runtimeDetails/process/userId"            VARCHAR
  ),
  -- OCSF: the attributes that OCSF 1.1.0 has too. Names that differ from those of ASFF only in case are below ocsf.
  class_uid        INTEGER,
  class_name       VARCHAR,
  category_uid     INTEGER,
  category_name    VARCHAR,
  type_uid         BIGINT,
  type_name        VARCHAR,
  activity_id      INTEGER,
  activity_name    VARCHAR,
  "time"           TIMESTAMP,
  time_dt          TIMESTAMP,
  start_time_dt    TIMESTAMP,
  end_time_dt      TIMESTAMP,
  message          VARCHAR,
  comment          VARCHAR,
  "count"          INTEGER,
  severity_id      INTEGER,
  status           VARCHAR,
  status_id        INTEGER,
  status_code      VARCHAR,
  status_detail    VARCHAR,
  confidence_id    INTEGER,
  confidence_score INTEGER,
  risk_level       VARCHAR,
  risk_level_id    INTEGER,
  risk_score       INTEGER,
  impact           VARCHAR,
  impact_id        INTEGER,
  impact_score     INTEGER,
  cloud STRUCT(provider VARCHAR, region VARCHAR, "zone" VARCHAR, account STRUCT(uid VARCHAR, name VARCHAR, "type" VARCHAR, type_id INTEGER)),
  metadata STRUCT(version VARCHAR, uid VARCHAR, log_version VARCHAR, event_code VARCHAR, labels VARCHAR[], processed_time_dt TIMESTAMP, modified_time_dt TIMESTAMP,
    logged_time_dt TIMESTAMP, product STRUCT(uid VARCHAR, name VARCHAR, vendor_name VARCHAR, version VARCHAR,
      feature STRUCT(uid VARCHAR, name VARCHAR, version VARCHAR))),
  finding_info STRUCT(uid VARCHAR, title VARCHAR, "desc" VARCHAR, types VARCHAR[], data_sources VARCHAR[], src_url VARCHAR, product_uid VARCHAR,
    created_time TIMESTAMP, modified_time TIMESTAMP, first_seen_time TIMESTAMP, last_seen_time TIMESTAMP,
    created_time_dt TIMESTAMP, modified_time_dt TIMESTAMP, first_seen_time_dt TIMESTAMP, last_seen_time_dt TIMESTAMP,
    analytic STRUCT(uid VARCHAR, name VARCHAR, "type" VARCHAR, type_id INTEGER, category VARCHAR, "desc" VARCHAR, version VARCHAR),
    related_events STRUCT(uid VARCHAR, product_uid VARCHAR, "type" VARCHAR)[],
    attacks STRUCT(tactics STRUCT(uid VARCHAR, name VARCHAR)[], technique STRUCT(uid VARCHAR, name VARCHAR), version VARCHAR)[]),
  observables STRUCT(name VARCHAR, "type" VARCHAR, type_id INTEGER, "value" VARCHAR)[],
  evidences STRUCT("data" JSON, api STRUCT(operation VARCHAR, version VARCHAR, service STRUCT(name VARCHAR), response STRUCT(error VARCHAR, message VARCHAR, code INTEGER)),
    src_endpoint STRUCT(ip VARCHAR, port INTEGER, hostname VARCHAR, uid VARCHAR, svc_name VARCHAR, location STRUCT(city VARCHAR, country VARCHAR, coordinates DOUBLE[])),
    dst_endpoint STRUCT(ip VARCHAR, port INTEGER, hostname VARCHAR, uid VARCHAR, svc_name VARCHAR, location STRUCT(city VARCHAR, country VARCHAR, coordinates DOUBLE[])),
    connection_info STRUCT(direction VARCHAR, direction_id INTEGER, protocol_name VARCHAR, protocol_num INTEGER),
    query STRUCT(hostname VARCHAR, "type" VARCHAR),
    actor STRUCT("user" STRUCT(name VARCHAR, uid VARCHAR, "type" VARCHAR, type_id INTEGER, credential_uid VARCHAR, account STRUCT(uid VARCHAR, name VARCHAR)),
      "session" STRUCT(uid VARCHAR, issuer VARCHAR, is_mfa BOOLEAN)))[],
  resource STRUCT(uid VARCHAR, name VARCHAR, "type" VARCHAR, region VARCHAR, cloud_partition VARCHAR, criticality VARCHAR, labels VARCHAR[],
      namespace VARCHAR, version VARCHAR, "data" JSON, owner STRUCT(name VARCHAR, uid VARCHAR, account STRUCT(uid VARCHAR, name VARCHAR))), -- of 1.1.0
  ocsf STRUCT(
    severity   VARCHAR,
    confidence VARCHAR,
    resources STRUCT(uid VARCHAR, name VARCHAR, "type" VARCHAR, region VARCHAR, cloud_partition VARCHAR, criticality VARCHAR, labels VARCHAR[],
      namespace VARCHAR, version VARCHAR, "data" JSON, owner STRUCT(name VARCHAR, uid VARCHAR, account STRUCT(uid VARCHAR, name VARCHAR)))[],
    compliance STRUCT(control VARCHAR, status VARCHAR, status_id INTEGER, status_code VARCHAR, status_detail VARCHAR, requirements VARCHAR[], standards VARCHAR[]),
    remediation STRUCT("desc" VARCHAR, "references" VARCHAR[], kb_articles VARCHAR[]),
    vulnerabilities STRUCT(title VARCHAR, "desc" VARCHAR, severity VARCHAR, vendor_name VARCHAR, "references" VARCHAR[], related_vulnerabilities VARCHAR[],
      is_fix_available BOOLEAN, is_exploit_available BOOLEAN, first_seen_time_dt TIMESTAMP, last_seen_time_dt TIMESTAMP,
      cve STRUCT(uid VARCHAR, title VARCHAR, "desc" VARCHAR, "type" VARCHAR, created_time_dt TIMESTAMP, modified_time_dt TIMESTAMP, "references" VARCHAR[],
        epss STRUCT(score VARCHAR, percentile DOUBLE, version VARCHAR),
        cvss STRUCT(base_score DOUBLE, overall_score DOUBLE, severity VARCHAR, vector_string VARCHAR, version VARCHAR, "depth" VARCHAR)[]),
      cwe STRUCT(uid VARCHAR, caption VARCHAR, src_url VARCHAR),
      remediation STRUCT("desc" VARCHAR, "references" VARCHAR[]),
      affected_packages STRUCT(name VARCHAR, version VARCHAR, architecture VARCHAR, epoch INTEGER, "release" VARCHAR, package_manager VARCHAR, "path" VARCHAR,
        purl VARCHAR, license VARCHAR, fixed_in_version VARCHAR, remediation STRUCT("desc" VARCHAR))[],
      affected_code STRUCT(file STRUCT(name VARCHAR, "path" VARCHAR, uid VARCHAR, type_id INTEGER), start_line INTEGER, end_line INTEGER)[])[]),
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
