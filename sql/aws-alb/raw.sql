-- format: csv
-- delimiter: space
-- escape: backslash
-- header: no
-- null: -
--
-- Access logs of an Application Load Balancer: 33 fields a line. Fields that can contain blanks are in quotes. A dash
-- means "no value". A line has fewer fields if it is older: 29 before conn_trace_id, 30 before the three fields of
-- transforms. Fields that AWS adds at the end go to unmapped as column_34 and so on.
--
-- Tried with the lines of AWS's guide, with public lines of 18 to 33 fields (../samples.md), and with made lines of
-- transforms, connection logs and health check logs.
-- https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
CREATE TABLE raw (
  type                     VARCHAR, -- http, https, h2, grpcs, ws, wss
  "time"                   TIMESTAMP, -- when the response was sent
  elb                      VARCHAR,
  client                   VARCHAR, -- host:port
  target                   VARCHAR, -- host:port
  request_processing_time  DOUBLE, -- seconds, -1 where there was none
  target_processing_time   DOUBLE,
  response_processing_time DOUBLE,
  elb_status_code          INTEGER,
  target_status_code       INTEGER,
  received_bytes           BIGINT, -- from the client
  sent_bytes               BIGINT, -- to the client
  request                  VARCHAR, -- method, URL and protocol; the URL can contain blanks
  user_agent               VARCHAR,
  ssl_cipher               VARCHAR,
  ssl_protocol             VARCHAR,
  target_group_arn         VARCHAR,
  trace_id                 VARCHAR,
  domain_name              VARCHAR,
  chosen_cert_arn          VARCHAR,
  matched_rule_priority    VARCHAR,
  request_creation_time    TIMESTAMP,
  actions_executed         VARCHAR,
  redirect_url             VARCHAR,
  error_reason             VARCHAR,
  target_list              VARCHAR, -- host:port ...
  target_status_code_list  VARCHAR,
  classification           VARCHAR,
  classification_reason    VARCHAR,
  conn_trace_id            VARCHAR,
  transformed_host         VARCHAR, -- the host after the rule's transform
  transformed_uri          VARCHAR,
  request_transform_status VARCHAR,
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR, region VARCHAR)
);
