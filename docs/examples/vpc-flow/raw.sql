-- VPC flow logs as delivered to S3 as text: fields with spaces between them, and "-" for "no value". Each object starts
-- with a line of field names, so the same mapping reads the default format (version 2) and any custom format.
-- https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
--
-- Fields that are not declared here go to unmapped under their own names.
-- format: csv
-- delimiter: space
-- header: yes
-- null: -
-- timestamp: start epoch_s
-- timestamp: end epoch_s
CREATE TABLE raw (
  "account-id"     VARCHAR, -- 12 digits, the first may be 0
  "interface-id"   VARCHAR,
  srcaddr          VARCHAR,
  dstaddr          VARCHAR,
  srcport          INTEGER,
  dstport          INTEGER,
  protocol         INTEGER, -- the IANA number
  packets          BIGINT,
  bytes            BIGINT,
  "start"          TIMESTAMP,
  "end"            TIMESTAMP,
  "action"         VARCHAR, -- ACCEPT, REJECT
  "log-status"     VARCHAR, -- OK, NODATA, SKIPDATA
  -- from here on: custom formats
  "vpc-id"         VARCHAR,
  "subnet-id"      VARCHAR,
  "instance-id"    VARCHAR,
  "type"           VARCHAR, -- IPv4, IPv6, EFA
  "tcp-flags"      INTEGER,
  region           VARCHAR,
  "flow-direction" VARCHAR, -- ingress, egress
  "traffic-path"   INTEGER
);
