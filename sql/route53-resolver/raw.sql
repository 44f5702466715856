-- null: srcids.instance = -
--
-- Query logs of Route 53 Resolver: one JSON document for each query of a VPC, with its answer. A document can be on one
-- line or on several.
--
-- https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
CREATE TABLE raw (
  version         VARCHAR, -- of the format; 1.100000
  account_id      VARCHAR,
  region          VARCHAR,
  vpc_id          VARCHAR,
  query_timestamp TIMESTAMP,
  query_name      VARCHAR, -- with a dot at its end
  query_type      VARCHAR, -- A, AAAA, PTR, TXT and others, or the number of a type without a name
  query_class     VARCHAR, -- IN
  rcode           VARCHAR, -- NOERROR, NXDOMAIN and others
  answers         STRUCT("Rdata" VARCHAR, "Type" VARCHAR, "Class" VARCHAR)[],
  srcaddr         VARCHAR,
  srcport         INTEGER,
  transport       VARCHAR, -- UDP, TCP, DOH, DOH-FIPS
  srcids STRUCT(
    instance                   VARCHAR,
    resolver_endpoint          VARCHAR,
    resolver_network_interface VARCHAR
  ),
  -- only if a rule of DNS Firewall matched
  firewall_rule_group_id  VARCHAR,
  firewall_rule_action    VARCHAR, -- ALERT, BLOCK, ALLOW
  firewall_domain_list_id VARCHAR,
  -- captures of the job's key_pattern; not a part of the record
  "key" STRUCT(account_id VARCHAR)
);
