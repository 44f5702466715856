-- null: ""
--
-- Audit logs of SaaS applications from AWS AppFabric, schema OCSF, format JSON: events that are OCSF already, one a
-- line. AppFabric names OCSF 1.0.0-rc.3 in them (v1.0.0-rc.3). Its guide says that the schema is based on OCSF 1.1.
-- https://docs.aws.amazon.com/appfabric/latest/adminguide/ocsf-schema.html
-- https://docs.aws.amazon.com/appfabric/latest/adminguide/getting-started-security.html
-- https://github.com/aws-samples/appfabric-sample-log-generator has an example of each event.
--
-- Tried with all 174 events of that generator, of 10 applications (../samples.md). Some events name no user, no group or no resources. They are
-- published without them, and the run counts them.
--
-- The fields have OCSF's names, so each SELECT maps whole objects. Fields that are not declared here go to unmapped
-- under their own dotted names, and so does what the event itself calls unmapped.
--
-- metadata.version is not declared: rows are written as OCSF 1.1.0, and the version that AppFabric names is in
-- unmapped. (metadata.log_version is AppFabric's own.) type_uid and the names of class, category and type are not
-- declared either: they follow from the row's class and activity, and the values of the event are in unmapped.
CREATE TABLE raw (
  activity_id   INTEGER,
  activity_name VARCHAR,
  category_uid  INTEGER,
  class_uid     INTEGER,
  "time"        BIGINT,
  severity      VARCHAR,
  severity_id   INTEGER,
  status        VARCHAR,
  status_id     INTEGER,
  status_detail VARCHAR,
  message       VARCHAR,
  raw_data      VARCHAR,
  metadata STRUCT(
    event_code VARCHAR, log_provider VARCHAR, log_version VARCHAR, processed_time BIGINT, uid VARCHAR, profiles VARCHAR[],
    product STRUCT(name VARCHAR, uid VARCHAR, vendor_name VARCHAR)),
  actor STRUCT(
    session STRUCT(uid VARCHAR, issuer VARCHAR, created_time BIGINT),
    "user" STRUCT(name VARCHAR, uid VARCHAR, email_addr VARCHAR, credential_uid VARCHAR, "type" VARCHAR, type_id INTEGER)),
  "user" STRUCT(name VARCHAR, uid VARCHAR, email_addr VARCHAR, credential_uid VARCHAR, "type" VARCHAR, type_id INTEGER),
  device STRUCT(
    uid VARCHAR, name VARCHAR, hostname VARCHAR, ip VARCHAR, region VARCHAR, "type" VARCHAR, type_id INTEGER,
    os STRUCT(name VARCHAR, "type" VARCHAR, type_id INTEGER, "version" VARCHAR),
    location STRUCT(city VARCHAR, continent VARCHAR, country VARCHAR, postal_code VARCHAR, "desc" VARCHAR, coordinates DOUBLE[])),
  http_request STRUCT(http_method VARCHAR, user_agent VARCHAR),
  -- of one class each
  auth_protocol    VARCHAR,
  auth_protocol_id INTEGER,
  is_mfa           BOOLEAN,
  privileges       VARCHAR[],
  resource STRUCT(name VARCHAR, uid VARCHAR, "type" VARCHAR),
  "group"  STRUCT(name VARCHAR, uid VARCHAR, "type" VARCHAR, "desc" VARCHAR, privileges VARCHAR[]),
  web_resources STRUCT(name VARCHAR, uid VARCHAR, "type" VARCHAR, url_string VARCHAR, data JSON)[]
);
