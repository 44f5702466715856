-- parse: Description windows_event
-- null: -
-- also: Description.SourceProcessGuid Description.SourceProcessGUID
-- also: Description.TargetProcessGuid Description.TargetProcessGUID
-- lookup: attack by equal id
--
-- Windows Sysmon events (event IDs 1 to 29 and 255) as the Kinesis Agent for Windows writes them: one JSON object for each
-- event, with the event's own text in Description, and what ObjectDecoration adds in UserDefined.
--
-- Knows the order of keys of the schemas 4.0 to 4.90 (Sysmon 6 to 15.14). Tried with texts of schema 4.90, with about 4,000 public
-- events of Sysmon before 10 up to 15 (../samples.md), and with events whose Description is an object. A key that a newer schema
-- adds goes to unmapped under its own name.
--
-- https://learn.microsoft.com/sysinternals/downloads/sysmon
-- https://docs.aws.amazon.com/kinesis-agent-windows/latest/userguide/source-object-declarations.html
--
-- Events are assigned to classes as in AWS's post "Patterns for consuming custom log sources in Amazon Security Lake".
--
-- Description is a text: a title and lines of "Key: value". It is parsed, so that its keys are fields. A command line, a
-- registry value or a version resource can have line breaks, and lines that look like keys: the order of the keys in
-- Sysmon's manifest decides. Blanks at the ends of a value are a part of it. If a collector has parsed Description already, the object is used as it is. Fields that are not
-- declared here go to unmapped under their own names.
CREATE TABLE raw (
  EventId           INTEGER,
  LevelDisplayName  VARCHAR,
  LogName           VARCHAR,
  MachineName       VARCHAR,
  ProviderName      VARCHAR,
  TimeCreated       TIMESTAMP,
  "Index"           BIGINT, -- the event's record number in its log
  UserDefined STRUCT(source_instance_id VARCHAR),
  Description STRUCT(
    title             VARCHAR, -- the first line
    RuleName          VARCHAR, -- technique_id=T1574.010,technique_name=Services File Permissions Weakness
    UtcTime           TIMESTAMP,
    User              VARCHAR, -- DOMAIN\name

    -- the process that acts
    ProcessGuid       VARCHAR,
    ProcessId         INTEGER,
    Image             VARCHAR,
    CommandLine       VARCHAR,
    CurrentDirectory  VARCHAR,
    IntegrityLevel    VARCHAR,
    LogonId           VARCHAR,
    LogonGuid         VARCHAR,
    TerminalSessionId INTEGER,
    ParentProcessGuid VARCHAR,
    ParentProcessId   INTEGER,
    ParentImage       VARCHAR,
    ParentCommandLine VARCHAR,
    ParentUser        VARCHAR,

    -- a file's own data
    FileVersion       VARCHAR,
    Description       VARCHAR,
    Product           VARCHAR,
    Company           VARCHAR,
    OriginalFileName  VARCHAR,
    Hashes            VARCHAR, -- SHA1=...,MD5=...,SHA256=...,IMPHASH=...
    Hash              VARCHAR, -- the same, of event 15
    ImageLoaded       VARCHAR,
    Signed            VARCHAR,
    Signature         VARCHAR,
    SignatureStatus   VARCHAR,
    TargetFilename    VARCHAR,
    CreationUtcTime   TIMESTAMP,
    PreviousCreationUtcTime TIMESTAMP,
    Archived          VARCHAR,
    IsExecutable      VARCHAR,

    -- one process and another: 8 and 10
    SourceProcessGuid VARCHAR,
    SourceProcessId   INTEGER,
    SourceImage       VARCHAR,
    SourceUser        VARCHAR,
    SourceThreadId    INTEGER,
    TargetProcessGuid VARCHAR,
    TargetProcessId   INTEGER,
    TargetImage       VARCHAR,
    TargetUser        VARCHAR,
    GrantedAccess     VARCHAR, -- 0x1410

    -- network, 3
    Protocol            VARCHAR,
    Initiated           BOOLEAN,
    SourceIp            VARCHAR,
    SourceHostname      VARCHAR,
    SourcePort          INTEGER,
    SourcePortName      VARCHAR,
    DestinationIp       VARCHAR,
    DestinationHostname VARCHAR,
    DestinationPort     INTEGER,
    DestinationPortName VARCHAR,

    -- registry 12 to 14, pipes 17 and 18, WMI 19 to 21
    EventType    VARCHAR,
    TargetObject VARCHAR,
    Details      VARCHAR,
    NewName      VARCHAR,
    PipeName     VARCHAR,
    "Name"       VARCHAR,

    -- DNS, 22
    QueryName    VARCHAR,
    QueryStatus  VARCHAR,
    QueryResults VARCHAR,

    -- Sysmon itself: 4, 16, 255
    State                 VARCHAR,
    Version               VARCHAR,
    Configuration         VARCHAR,
    ConfigurationFileHash VARCHAR,
    ID                    VARCHAR
  )
);
