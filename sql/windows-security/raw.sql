-- format: json, windows_xml
-- null: -
-- null: EventData.SubjectUserSid = S-1-0-0, NULL SID
-- null: EventData.TargetUserSid = S-1-0-0, NULL SID
-- null: EventData.TargetSid = S-1-0-0, NULL SID
-- null: EventData.ServiceSid = S-1-0-0, NULL SID
-- null: EventData.SubjectLogonId = 0x0
-- null: EventData.TargetLogonId = 0x0
-- null: EventData.TargetLinkedLogonId = 0x0
-- null: EventData.LogonGuid = {00000000-0000-0000-0000-000000000000}
-- null: EventData.TargetLogonGuid = {00000000-0000-0000-0000-000000000000}
-- null: EventData.IpPort = 0
-- parse: System windows_xml
-- parse: raw_xml windows_xml
-- parse: EventData windows_values EventID
-- parse: StringInserts windows_values EventID unless System
-- also: EventID EventId
-- also: EventID winlog.event_id
-- also: EventID event_id
-- also: EventID System.EventID
-- also: EventID System.System.EventID
-- also: EventID raw_xml.System.EventID
-- also: ProviderName SourceName
-- also: ProviderName winlog.provider_name
-- also: ProviderName source_name
-- also: ProviderName System.Provider.Name
-- also: ProviderName System.System.Provider.Name
-- also: ProviderName raw_xml.System.Provider.Name
-- also: Channel LogName
-- also: Channel winlog.channel
-- also: Channel log_name
-- also: Channel System.Channel
-- also: Channel System.System.Channel
-- also: Channel raw_xml.System.Channel
-- also: Computer MachineName
-- also: Computer Hostname
-- also: Computer HOSTNAME
-- also: Computer winlog.computer_name
-- also: Computer computer_name
-- also: Computer System.Computer
-- also: Computer System.System.Computer
-- also: Computer raw_xml.System.Computer
-- also: TimeCreated @timestamp
-- also: TimeCreated System.TimeCreated.SystemTime
-- also: TimeCreated System.System.TimeCreated.SystemTime
-- also: TimeCreated raw_xml.System.TimeCreated.SystemTime
-- also: RecordID "Index"
-- also: RecordID RecordNumber
-- also: RecordID EventRecordID
-- also: RecordID winlog.record_id
-- also: RecordID record_number
-- also: RecordID System.EventRecordID
-- also: RecordID System.System.EventRecordID
-- also: RecordID raw_xml.System.EventRecordID
-- also: Keywords System.Keywords
-- also: Keywords System.System.Keywords
-- also: Keywords raw_xml.System.Keywords
-- also: Message message
-- also: Message Description
-- also: Message RenderingInfo.Message
-- also: Message raw_xml.RenderingInfo.Message
-- also: ActivityID System.Correlation.ActivityID
-- also: ActivityID System.System.Correlation.ActivityID
-- also: ActivityID raw_xml.System.Correlation.ActivityID
-- also: ActivityID winlog.activity_id
-- also: EventData winlog.event_data
-- also: EventData winlog.user_data
-- also: EventData event_data
-- also: EventData user_data
-- also: EventData UserData.LogFileCleared
-- also: EventData System.EventData
-- also: EventData System.UserData.LogFileCleared
-- also: EventData raw_xml.EventData
-- also: EventData raw_xml.UserData.LogFileCleared
-- also: EventData StringInserts
-- also: EventData *
--
-- Events of the Security log of Windows, as these programs write them:
-- Winlogbeat (winlog.event_data, and event_data of version 6), NXLog (im_msvistalog and to_json), Fluent Bit (winevtlog, also with
-- Render_Event_As_XML), the Kinesis Agent for Windows, and XML of the event itself, plain or in the field raw_xml.
-- https://learn.microsoft.com/windows/security/threat-protection/auditing/basic-security-audit-policies
--
-- The name of a computer from which somebody logs on, the name of the account and a command line are chosen by whoever causes the event.
-- They are values of one field in all of these forms, and no form is read by lines or keys inside of such a text.
CREATE TABLE raw (
  EventID      INTEGER,
  ProviderName VARCHAR,
  Channel      VARCHAR,
  Computer     VARCHAR,
  TimeCreated  TIMESTAMP,
  EventTime    VARCHAR, -- of NXLog, in the time zone of the computer unless it has an offset
  RecordID     BIGINT,
  Keywords     VARCHAR,
  EventType    VARCHAR, -- of NXLog: AUDIT_SUCCESS, AUDIT_FAILURE
  Message      VARCHAR,
  ActivityID   VARCHAR,
  "event"      STRUCT(outcome VARCHAR), -- of Winlogbeat
  winlog       STRUCT(keywords VARCHAR[]),
  EventData    STRUCT(
    SubjectUserSid VARCHAR, SubjectUserName VARCHAR, SubjectDomainName VARCHAR, SubjectLogonId VARCHAR,
    TargetUserSid VARCHAR, TargetSid VARCHAR, TargetUserName VARCHAR, TargetDomainName VARCHAR, TargetLogonId VARCHAR,
    LogonType INTEGER, LogonProcessName VARCHAR, AuthenticationPackageName VARCHAR, LmPackageName VARCHAR, LogonGuid VARCHAR,
    TargetLogonGuid VARCHAR, TargetLinkedLogonId VARCHAR, TargetServerName VARCHAR, TargetInfo VARCHAR,
    WorkstationName VARCHAR, Workstation VARCHAR, PackageName VARCHAR, IpAddress VARCHAR, IpPort INTEGER,
    Status VARCHAR, SubStatus VARCHAR, FailureReason VARCHAR,
    ProcessId VARCHAR, ProcessName VARCHAR, CallerProcessId VARCHAR, CallerProcessName VARCHAR,
    NewProcessId VARCHAR, NewProcessName VARCHAR, CommandLine VARCHAR, ParentProcessName VARCHAR, MandatoryLabel VARCHAR,
    PrivilegeList JSON, -- a text of names, or a list of them
    ServiceName VARCHAR, ServiceSid VARCHAR, TicketEncryptionType VARCHAR,
    CertIssuerName VARCHAR, CertSerialNumber VARCHAR, CertThumbprint VARCHAR,
    MemberSid VARCHAR, MemberName VARCHAR, SamAccountName VARCHAR, DisplayName VARCHAR, UserPrincipalName VARCHAR,
    OldTargetUserName VARCHAR, NewTargetUserName VARCHAR)
);
