-- Route 53 Resolver query logs: one JSON document for each query. A document can be on one line or printed over several lines. Both
-- are read without configuration.
-- https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
CREATE TABLE raw (
  version         VARCHAR,
  account_id      VARCHAR,
  region          VARCHAR,
  vpc_id          VARCHAR,
  query_timestamp TIMESTAMP,
  query_name      VARCHAR,
  query_type      VARCHAR,
  query_class     VARCHAR,
  rcode           VARCHAR,
  answers         STRUCT("Rdata" VARCHAR, "Type" VARCHAR, "Class" VARCHAR)[],
  srcaddr         VARCHAR,
  srcport         INTEGER,
  transport       VARCHAR,
  srcids STRUCT(
    instance                   VARCHAR,
    resolver_endpoint          VARCHAR,
    resolver_network_interface VARCHAR
  ),
  firewall_rule_group_id  VARCHAR,
  firewall_rule_action    VARCHAR, -- ALERT, BLOCK, ALLOW
  firewall_domain_list_id VARCHAR
);
