-- format: json
-- records: resources optional
-- lookup: attack by equal id
-- null: N/A, ""
-- null: event.SHA1String = 0000000000000000000000000000000000000000
-- also: metadata.eventType event.ExternalApiType
-- also: metadata.customerIDString event.CustomerIdString
-- also: event.AgentId event.SensorId
-- also: event.Hostname event.ComputerName
-- also: event.Name event.DetectName
-- also: event.Description event.DetectDescription
-- also: event.IncidentId event.IncidentID
--
-- Events of CrowdStrike's Event Streams API, as the SIEM connector, the Falcon Integration Gateway and other clients of the
-- API write them: one JSON object for each event, with metadata and event.
-- https://github.com/CrowdStrike/falcon-integration-gateway
-- https://www.elastic.co/docs/reference/beats/filebeat/exported-fields-crowdstrike
--
-- Detections become Detection Finding: DetectionSummaryEvent, EppDetectionSummaryEvent, IdpDetectionSummaryEvent,
-- MobileDetectionSummaryEvent, XdrDetectionSummaryEvent and every other type that ends in DetectionSummaryEvent,
-- IdentityProtectionEvent and AutomatedLeadSummaryEvent. IncidentSummaryEvent becomes Incident Finding. Audit events
-- (AuthActivityAuditEvent, UserActivityAuditEvent, APIActivityAuditEvent) become API Activity, and those of logins Authentication.
--
-- time is metadata.eventCreationTime. Times are seconds or milliseconds since 1970, Windows FILETIME (identity detections), or
-- text. Severity is the word in SeverityName, else the number: 1 to 5 of DetectionSummaryEvent, and of all others the bands 10 to 19
-- Informational, 20 to 39 Low, 40 to 59 Medium, 60 to 79 High, 80 to 100 Critical. Other numbers below 10 are Unknown, because several
-- scales are in use.
--
-- The evidence of an endpoint detection is the process with its file, hashes, user and parent; then the connections
-- (NetworkAccesses), domains (DnsRequests) and files (FilesWritten, ExecutablesWritten, FilesAccessed, DocumentsAccessed,
-- QuarantineFiles) that the event lists. process.uid is Falcon's own identifier of the process (ProcessId), which is not the number
-- that the operating system gave it. Tactics and techniques are in finding_info.attacks if they are of MITRE ATT&CK; CrowdStrike's own
-- (CSTA0001, CST0001, Machine Learning) are only in unmapped.
--
-- The disposition is Blocked if Falcon prevented the activity, and Detected if it only reported it (PatternDispositionDescription).
--
-- Tried against public events; [public samples](../samples.md) has the projects and the counts.
CREATE TABLE raw (
  metadata STRUCT(customerIDString VARCHAR, "offset" BIGINT, eventType VARCHAR, eventCreationTime VARCHAR, "version" VARCHAR),
  event STRUCT(
    "Name" VARCHAR, "Description" VARCHAR, IncidentType VARCHAR, IncidentDescription VARCHAR, CompositeId VARCHAR, DetectId VARCHAR,
    IdentityProtectionIncidentId VARCHAR, IncidentId VARCHAR, LeadId VARCHAR,
    Severity INTEGER, SeverityName VARCHAR, State VARCHAR, Score INTEGER,
    Tactic VARCHAR, Technique VARCHAR, TacticId VARCHAR, TechniqueId VARCHAR,
    MitreAttack STRUCT(Tactic VARCHAR, TacticID VARCHAR, Technique VARCHAR, TechniqueID VARCHAR)[],
    PatternId VARCHAR, PatternDispositionDescription VARCHAR, FalconHostLink VARCHAR, DataDomains VARCHAR, SourceProducts VARCHAR,
    StartTime VARCHAR, EndTime VARCHAR, IncidentStartTime VARCHAR, IncidentEndTime VARCHAR, StartTimeEpoch VARCHAR, EndTimeEpoch VARCHAR,
    SignalStartTimestamp VARCHAR, SignalEndTimestamp VARCHAR, ProcessStartTime VARCHAR, ProcessEndTime VARCHAR,
    Hostname VARCHAR, AgentId VARCHAR, LocalIP VARCHAR, MACAddress VARCHAR, MachineDomain VARCHAR, PlatformName VARCHAR,
    UserName VARCHAR, LogonDomain VARCHAR, FileName VARCHAR, FilePath VARCHAR, CommandLine VARCHAR, ProcessId VARCHAR,
    SHA256String VARCHAR, SHA1String VARCHAR, MD5String VARCHAR,
    ParentProcessId VARCHAR, ParentImageFileName VARCHAR, ParentImageFilePath VARCHAR, ParentCommandLine VARCHAR,
    SourceAccountName VARCHAR, SourceAccountDomain VARCHAR, SourceAccountObjectSid VARCHAR,
    SourceEndpointHostName VARCHAR, SourceEndpointIpAddress VARCHAR, SourceEndpointSensorId VARCHAR,
    TargetEndpointHostName VARCHAR, TargetEndpointSensorId VARCHAR, TargetServiceAccessIdentifier VARCHAR,
    EndpointName VARCHAR, EndpointIp VARCHAR,
    NetworkAccesses STRUCT(Protocol VARCHAR, LocalAddress VARCHAR, LocalPort INTEGER, RemoteAddress VARCHAR, RemotePort INTEGER, ConnectionDirection INTEGER)[],
    MobileNetworkConnections STRUCT(Protocol VARCHAR, LocalAddress VARCHAR, LocalPort INTEGER, RemoteAddress VARCHAR, RemotePort INTEGER, ConnectionDirection INTEGER)[],
    DnsRequests STRUCT(DomainName VARCHAR)[],
    FilesWritten STRUCT(FileName VARCHAR, FilePath VARCHAR)[],
    ExecutablesWritten STRUCT(FileName VARCHAR, FilePath VARCHAR)[],
    FilesAccessed STRUCT(FileName VARCHAR, FilePath VARCHAR)[],
    DocumentsAccessed STRUCT(FileName VARCHAR, FilePath VARCHAR)[],
    QuarantineFiles STRUCT(ImageFileName VARCHAR, SHA256HashData VARCHAR)[],
    ThreatgraphIndicators STRUCT(IndicatorId VARCHAR, DisplayName VARCHAR)[],
    -- of audit events
    OperationName VARCHAR, ServiceName VARCHAR, Success BOOLEAN, UserId VARCHAR, UserIp VARCHAR, UTCTimestamp VARCHAR, Message VARCHAR,
    AuditKeyValues STRUCT("Key" VARCHAR, ValueString VARCHAR)[])
);
