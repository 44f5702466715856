-- format: cef
-- null: -, --, N/A, n/a, NULL, null, (null), ""
-- null: shost = unknown, Unknown, undefined
-- null: dhost = unknown, Unknown, undefined
-- null: dvchost = unknown, Unknown, undefined
-- null: app = unknown, Unknown, undefined
-- null: dvc = unknown, Unknown, undefined, 0.0.0.0, ::
-- also: rt deviceReceiptTime
-- also: FTNTFGTeventtime FortinetFortiGateeventtime
-- also: FTNTFGTeventtime eventtime
-- also: FTNTFGTeventtime "ad.eventtime"
-- also: dtz FTNTFGTtz
-- also: dtz FortinetFortiGatetz
-- also: dtz tz
-- also: dtz "ad.tz"
-- also: FTNTFGTutmaction FortinetFortiGateutmaction
--
-- Connection logs of any product in ArcSight's Common Event Format (CEF, version 0 or 1): firewalls, proxies, IPS. A
-- syslog header in front is accepted. The keys are those of ArcSight's dictionary.
-- https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors/ (Common Event Format, version 25)
-- https://learn.microsoft.com/azure/sentinel/cef-name-mapping
--
-- A product's own fields (cs2 to cs6, cn1 to cn3, c6a1 and others, and their labels) stay in unmapped, like every field
-- that is not declared here, and like fields that a product adds later. To map one, copy this folder, declare the field
-- (`cs2 VARCHAR, cs2Label VARCHAR`), and write CASE WHEN cs2Label = 'Rule' THEN cs2 END AS "firewall_rule.name".
--
-- Two addresses do not make a connection. A record is published if it also has a port, a protocol, bytes, a translated
-- port, a URL, or a word for what happened to packets (act=blocked). Logins and logouts that name a user are
-- authentication. Accounts that were created, deleted, enabled, disabled or locked, and changed passwords, are account
-- changes, if the record names the account (duser, or CyberArk's affected user). The system, configuration, user-ID, HIP and
-- GlobalProtect logs of PAN-OS, FortiGate's event logs, and logins that name nobody are filtered by a drop line and counted,
-- except for the logins among them. Any other record goes to quarantine.
--
-- The time is the first of FortiGate's eventtime, rt, end, start and the syslog header that can be read. Times without a
-- zone are in the record's dtz (or FortiGate's tz), else in source.timezone of the job file, else in UTC. A syslog header has no year: see
-- YEAR_UNKNOWN below.
--
-- Tried against public records of Check Point, Cisco, Cybereason, FortiGate (FortiOS 5.6 to 7.4), PAN-OS and SonicWall.
-- [Public samples](../samples.md) has the projects and the counts. The tests of the mapping have records in the forms of ArcSight,
-- CyberArk, F5, Forcepoint, Infoblox, NetScaler and Trend Micro too.
CREATE TABLE raw (
  deviceVendor       VARCHAR,
  deviceProduct      VARCHAR,
  deviceVersion      VARCHAR,
  deviceEventClassId VARCHAR,
  name               VARCHAR,
  severity           VARCHAR, -- 0 to 10, or Unknown, Low, Medium, High, Very-High

  rt                 VARCHAR, -- in any form of the CEF guide, or as ctime or ISO 8601 writes it
  "start"            VARCHAR,
  "end"              VARCHAR,
  dtz                VARCHAR, -- the zone of the device's clock
  FTNTFGTeventtime   VARCHAR, -- FortiGate: seconds to nanoseconds since 1970
  FTNTFGTutmaction   VARCHAR, -- FortiGate: what the inspection did

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
  duser              VARCHAR,
  dntdom             VARCHAR,
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
  cs1                VARCHAR, -- CyberArk: the account that was changed, by its label
  cs1Label           VARCHAR,
  flexString1        VARCHAR, -- PAN-OS: the flags of the session, by its label
  flexString1Label   VARCHAR,
  PanOSEventIDValue       VARCHAR, -- GlobalProtect: portal-auth, gateway-auth, gateway-logout, ...
  PanOSSourceUserName     VARCHAR,
  PanOSPublicIPv4         VARCHAR,
  PanOSPublicIPv6         VARCHAR,
  PanOSEndpointDeviceName VARCHAR,
  PanOSEventStatus        VARCHAR,
  PanOSConnectionError    VARCHAR,
  PanOSDescription        VARCHAR,
  PanOSAuthMethod         VARCHAR,
  msg                VARCHAR,
  cnt                INTEGER,
  "in"               BIGINT,  -- bytes
  "out"              BIGINT,
  request            VARCHAR,
  syslog STRUCT("timestamp" VARCHAR, host VARCHAR),
  -- the job's captures, and what it says about times
  "key" STRUCT(yyyy VARCHAR, mm VARCHAR, last_modified VARCHAR, source_year VARCHAR, source_timezone VARCHAR, source_zones VARCHAR)
);
