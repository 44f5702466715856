-- format: cef
--
-- Connection logs of any product in ArcSight's Common Event Format (CEF, version 0 or 1): firewalls, proxies, IPS. A
-- syslog header in front is accepted. The keys are those of ArcSight's dictionary.
-- https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/ (Common Event Format, version 25)
-- https://learn.microsoft.com/azure/sentinel/cef-name-mapping
--
-- A product's own fields (cs1 to cs6, cn1 to cn3, c6a1 and others, and their labels) stay in unmapped, like every field
-- that is not declared here. To map one, copy this folder, declare the field (`cs1 VARCHAR, cs1Label VARCHAR`), and
-- write CASE WHEN cs1Label = 'Rule' THEN cs1 END AS "firewall_rule.name". Records that have neither an address nor a
-- name of source or destination go to quarantine, because they do not describe a connection.
CREATE TABLE raw (
  deviceVendor       VARCHAR,
  deviceProduct      VARCHAR,
  deviceVersion      VARCHAR,
  deviceEventClassId VARCHAR,
  name               VARCHAR,
  severity           VARCHAR, -- 0 to 10, or Unknown, Low, Medium, High, Very-High

  rt                 VARCHAR, -- times are milliseconds since 1970, or as Jun 01 2025 10:15:00
  "start"            VARCHAR,
  "end"              VARCHAR,

  dvc                VARCHAR,
  dvchost            VARCHAR,
  dvcmac             VARCHAR,
  deviceExternalId   VARCHAR,
  deviceInboundInterface  VARCHAR,
  deviceOutboundInterface VARCHAR,
  deviceDirection    INTEGER, -- 0 inbound, 1 outbound

  src                VARCHAR,
  spt                INTEGER,
  shost              VARCHAR,
  smac               VARCHAR,
  sourceTranslatedAddress VARCHAR,
  sourceTranslatedPort    INTEGER,
  suser              VARCHAR,
  suid               VARCHAR,
  sntdom             VARCHAR,
  dst                VARCHAR,
  dpt                INTEGER,
  dhost              VARCHAR,
  dmac               VARCHAR,
  destinationTranslatedAddress VARCHAR,
  destinationTranslatedPort    INTEGER,
  destinationServiceName       VARCHAR,
  c6a2               VARCHAR, -- the source if it is IPv6, by its label
  c6a2Label          VARCHAR,
  c6a3               VARCHAR, -- the destination
  c6a3Label          VARCHAR,

  proto              VARCHAR,
  app                VARCHAR,
  externalId         VARCHAR,
  cat                VARCHAR,
  act                VARCHAR,
  outcome            VARCHAR,
  reason             VARCHAR,
  msg                VARCHAR,
  cnt                INTEGER,
  "in"               BIGINT,  -- bytes
  "out"              BIGINT,
  request            VARCHAR,
  syslog STRUCT("timestamp" VARCHAR, host VARCHAR)
);
