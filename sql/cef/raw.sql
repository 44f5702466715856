-- format: cef
--
-- Any product's logs in ArcSight's Common Event Format (CEF, version 0 or 1), of connections: firewalls, proxies, IPS. With a syslog
-- header in front or without. The keys are those of ArcSight's dictionary.
-- https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/pdfdoc/common-event-format-v25/common-event-format-v25.pdf
-- https://learn.microsoft.com/azure/sentinel/cef-name-mapping
--
-- A product's own fields (cs1 to cs6, cn1 to cn3, c6a1, ... and their labels) stay in unmapped, as all that is not declared here. To map one,
-- copy this folder, declare it (`cs1 VARCHAR, cs1Label VARCHAR`), and write CASE WHEN cs1Label = 'Rule' THEN cs1 END AS "firewall_rule.name".
-- Records without an address or a name of source or destination go to quarantine: they are no connection.
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
  c6a2               VARCHAR, -- the source, where it is IPv6, by its label
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
