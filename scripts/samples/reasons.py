"""Why a record is refused on purpose, or why an event differs from what the project expects."""
import fnmatch, os

# A person has looked at each of them: what no line explains is counted as wrong.
REASONS = [
    ("paloalto", "fix_bug_with*", "field 36", "a start time that a spreadsheet or an editor changed"),
    ("paloalto", "*_csv.json", "field 36", "a start time that a spreadsheet or an editor changed"),
    ("paloalto", "*/test_event_reason2.json", "high_res_timestamp", "a timestamp that was cut"),
    ("paloalto", "*/traffic_with_resotimestamp.json", "117", "a list with commas whose quotes were escaped for another format"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "list for CONFIG", "a custom format with the changes in the middle"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "list for HIPMATCH", "a placeholder instead of a time"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "NO_PROJECTION", "the GLOBALPROTECT layout of PAN-OS 9.1.0 to 9.1.2, which has other columns in front"),
    ("paloalto", "*/PaloAlto9xTemplatesTest.java", "TIME_MISSING", "no time: a record of commas"),
    ("paloalto", "*/PaloAltoCodecTest.java", "SYSTEM has", "a message with commas and without quotes"),
    ("paloalto", "*/globalprotect_csv.json", "the time is", "the project takes the time of receipt"),
    ("paloalto", "*/test_*.json", "the time is", "the project leaves out the offset of the time"),
    ("fortinet", "*.CSV.json", "NO_PROJECTION", "FortiGate's format csv, which the mapping does not read"),
    ("fortinet", "*/event_logdev.json", "NO_PROJECTION", "a log of FortiAnalyzer"),
    ("fortinet", "*/test_event_login_*.json", "TIME", "a log of FortiAuthenticator"),
    ("fortinet", "*/traffic_with_referrer.json", "TIME", "a log of FortiWeb"),
    ("fortinet", "decoders/0100-fortigate_decoders.xml", "TIME_UNREADABLE", "a log of FortiOS 4 of 2011, with other names and a blank in the time"),
    ("fortinet", "*", "TIME_MISSING", "no time: it was in a header that the project cut off"),
    ("cef", "*/cisco_esa*", "NO_PROJECTION", "a log of mails"),
    ("cef", "*/cyber_reason*", "NO_PROJECTION", "an alert that names no connection"),
    ("cef", "*/cyber_reason*", "src_endpoint", "one address only: OCSF requires a source"),
    ("cef", "*/imported_from_logstash.json", "NO_PROJECTION", "a download that names no connection"),
    ("cef", "Checkpoint/*", "NO_PROJECTION", "no address at all"),
    ("cef", "*", "TIME_MISSING", "no time: it was in a header that the project cut off"),
    ("cef", "*pan_ngfw*", "the time is", "the project takes the start of the session, not rt"),
    ("okta", "rules/okta_rules/*", "TIME_UNREADABLE", "a part of an event, whose time is redacted"),
    ("okta", "rules/okta_rules/*", "TIME_MISSING", "a part of an event, without its time"),
    ("windows-security", "Windows/windows/tests/*", "TIME_MISSING", "a part of an event, without its time"),
    ("cisco-asa", "*/test_ASA_722051.json", "NO_PROJECTION", "the text of message 721016 under another number"),
    ("cisco-asa", "*cisco?asa*", "NO_PROJECTION", "a form of 302021 that Cisco's guide does not have"),
    ("guardduty", "tests/data/aws/guardduty.py", "TIME_MISSING", "a part of a finding, without its times"),
    ("network-firewall", "Suricata/*/tls.json", "NO_PROJECTION", "no event_type: the project left it out"),
    ("vpc-flow", "*/parse_aws_vpc_flow_log.rs", "TIME_MISSING", "a custom format without a time"),
    ("route53-resolver", "*/aws_dns_crypto_domain.yml", "ACCOUNT_INVALID", "an account of 10 digits: the project shortened it"),
    ("aws-waf", "rules/aws_waf_rules/*", "http_request", "a part of a record: nothing of the request but its client"),
    ("suricata", "*", "event day 1970-01-01", "a time of 1970, from a capture without a clock"),
    ("suricata", "*/eve-json-format.rst", "the direction is 0", "the loopback address in full (0000:...:0001), which is not known as private"),
    ("suricata", "*/mqtt.json", "RECORD_HAS_NUL", "a NUL character in a password"),
    ("zeek", "testing/*/scripts.base.frameworks.logging.*", "MISSING_REQUIRED", "columns with other names, in a test of Zeek's own renaming"),
    ("zeek", "testing/*", "TIME_", "a time that the project masked or left out"),
    ("zeek", "dataset/*", "TIME_UNREADABLE", "a time since the beginning of the capture"),
    ("zeek", "dataset/*", "CSV_COLUMNS", "blanks instead of tabs: an editor changed it"),
    ("zeek", "*", "event day 19", "a time since the beginning of the capture"),
    ("aws-alb", "README.md|src/alb.rs", "ACCOUNT_INVALID", "an account of 10 digits: the project shortened it"),
]


def reason(mapping, file, text):
    for of, names, part, why in REASONS:
        if of == mapping and part in text and any(fnmatch.fnmatchcase(file, n) or fnmatch.fnmatchcase(os.path.basename(file), n) for n in names.split("|")):
            return why
    return None
