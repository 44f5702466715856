-- Syslog, CEF and LEEF.

-- Returns the parts of a syslog line (RFC 5424 or RFC 3164) as a STRUCT of texts: pri, facility, severity (numbers),
-- timestamp, host, app, procid, msgid, message. Missing parts and "-" are NULL. If the text is not a syslog line,
-- message has all of it.
-- example: syslog('<34>1 2003-10-11T22:14:15.003Z m.example su 12 ID47 - failed').host => m.example
-- example: syslog('<34>1 2003-10-11T22:14:15.003Z m.example su - ID47 [x@1 a="]"] failed').message => failed
-- example: syslog('<38>Oct  1 22:14:15 web1 sshd[77]: Accepted').app => sshd
-- example: syslog('<38>Oct  1 22:14:15 web1 sshd[77]: Accepted').severity => 6
-- example: syslog('<38>Oct  1 22:14:15 web1 sshd[77]: Accepted').message => Accepted
-- example: syslog('hello').message => hello
CREATE MACRO syslog(t) AS {
  'pri': TRY_CAST(nullif(regexp_extract(t, '^<([0-9]{1,3})>', 1), '') AS INTEGER),
  'facility': TRY_CAST(nullif(regexp_extract(t, '^<([0-9]{1,3})>', 1), '') AS INTEGER) // 8,
  'severity': TRY_CAST(nullif(regexp_extract(t, '^<([0-9]{1,3})>', 1), '') AS INTEGER) % 8,
  'timestamp': coalesce(syslog_5424(t, 1), syslog_3164(t, 1)),
  'host': coalesce(syslog_5424(t, 2), syslog_3164(t, 2)),
  'app': coalesce(syslog_5424(t, 3), syslog_3164(t, 3)),
  'procid': coalesce(syslog_5424(t, 4), syslog_3164(t, 4)),
  'msgid': syslog_5424(t, 5),
  'message': coalesce(syslog_5424(t, 6), syslog_3164(t, 5), CASE WHEN NOT regexp_matches(t, '^<[0-9]{1,3}>') THEN t END)};

-- Returns the n-th part of an RFC 5424 line: timestamp, host, app, procid, msgid, message. The result is NULL if the
-- text is not such a line, or if the part is "-".
-- example: syslog_5424('<34>1 2003-10-11T22:14:15Z h su - - - text', 3) => su
CREATE MACRO syslog_5424(t, n) AS nullif(nullif(regexp_extract(t, '^<[0-9]{1,3}>[1-9][0-9]? (\S+) (\S+) (\S+) (\S+) (\S+) (?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?(?:\x{FEFF})?((?s).*)$', n), ''), '-');

-- Returns the n-th part of an RFC 3164 line: timestamp, host, app, procid, message. The time can have a year, a fraction and a
-- zone, or be in ISO 8601. The result is NULL if the text is not such a line.
-- example: syslog_3164('<13>Feb  5 17:32:18 10.0.0.99 test', 2) => 10.0.0.99
-- example: syslog_3164('<13>Feb  5 17:32:18 2024 UTC fw1 app: test', 1) => Feb  5 17:32:18 2024 UTC
-- example: syslog_3164('<13>2024 Feb  5 17:32:18 fw1 app: test', 2) => fw1
-- example: syslog_3164('<189>29: *Feb  5 17:32:18.250 UTC: %SYS-5-RESTART: up', 3) => %SYS-5-RESTART
-- example: syslog_3164('2024-02-05T17:32:18.25+01:00 fw1 app[7]: test', 4) => 7
CREATE MACRO syslog_3164(t, n) AS nullif(regexp_extract(t, '^(?:<[0-9]{1,3}>)?(?:[0-9]+: )?([*.]?(?:(?:(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:[0-9]{4} )?[A-Z][a-z]{2} +[0-9]{1,2},?(?: [0-9]{4},?)?|[0-9]{4}-[0-9]{2}-[0-9]{2}) |[0-9]{4}-[0-9]{2}-[0-9]{2}T)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?: (?:19|20)[0-9]{2})?(?: ?(?:Z|(?:UTC|GMT|UT)?[+-][0-9]{1,2}(?::?[0-9]{2})?|UTC|GMT|UT|WES?T|[CEM]ES?T|EES?T|MSK|[CMP][SD]T|EDT|AK[SD]T|HST|BST|IST|[JK]ST|HKT|SGT|SAST|A[EC][SD]T|AWST|NZ[SD]T))?(?: (?:19|20)[0-9]{2})?)(?::| ) *(?:(\S*[^\s:]) +(?:: )?)?(?:([^\s:\[]+)(?:\[([^\]]*)\])?: )?((?s).*)$', n), '');

-- Returns the n-th part of a CEF header: version, vendor, product, product version, signature ID, name, severity. A
-- syslog header can precede it. The result is NULL if the text is not CEF.
-- example: cef_header('CEF:0|Acme|FW\|1|2.0|100|worm stopped|9|src=10.0.0.1', 3) => FW|1
-- example: cef_header('no cef', 3) => NULL
CREATE MACRO cef_header(t, n) AS CASE WHEN contains(t, 'CEF:') THEN
  replace(replace(replace(nullif(regexp_extract(t, 'CEF:\s*([0-9]+)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)\|', n), ''), '\\', chr(3)), '\|', '|'), chr(3), '\') END;

-- Returns the fields of a CEF record as a map. Values can contain spaces. The escapes \=, \\, \n and \r are decoded.
-- example: cef_fields('CEF:0|a|b|1|2|n|9|src=10.0.0.1 msg=a b c act=x\=y') => {src=10.0.0.1, msg=a b c, act='x=y'}
-- example: cef_fields('no cef') => NULL
CREATE MACRO cef_fields(t) AS cef_pairs(
  CASE WHEN contains(t, 'CEF:') THEN regexp_extract(t, 'CEF:\s*[0-9]+\|(?:(?:[^|\\]|\\.)*\|){6}((?s).*)$', 1) END);

-- Returns the key=value pairs of a CEF text without a header as a map.
-- example: cef_pairs('a=1 b=two words c=') => {a=1, b=two words, c=''}
CREATE MACRO cef_pairs(t) AS first_of_each(
  list_transform(cef_cut(t), lambda p: split_part(p, chr(2), 1)),
  list_transform(cef_cut(t), lambda p: replace(replace(replace(replace(replace(rtrim(split_part(p, chr(2), 2)), '\\', chr(3)), '\=', '='), '\n', chr(10)), '\r', chr(13)), chr(3), '\')));

-- Returns a list with one text for each pair of a CEF text: the key, chr(2), and the value.
-- example: list_transform(cef_cut('a=1 b=2'), lambda p: replace(p, chr(2), '/')) => [a/1, b/2]
CREATE MACRO cef_cut(t) AS list_filter(string_split(regexp_replace(t, '(^|\s)([A-Za-z0-9_.\[\]-]+)=', chr(1) || '\2' || chr(2), 'g'), chr(1)), lambda p: contains(p, chr(2)));

-- Returns the n-th part of a LEEF header: version, vendor, product, product version, event ID. The result is NULL if
-- the text is not LEEF.
-- example: leef_header('LEEF:2.0|Acme|VPN|1.0|login|^|src=1^dst=2', 5) => login
CREATE MACRO leef_header(t, n) AS nullif(regexp_extract(t, 'LEEF:([0-9.]+)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|', n), '');

-- Returns the fields of a LEEF record as a map. Fields are separated by tabs. A header of version 2.0 can name another
-- separator (^, 0x5E, x5E).
-- example: leef_fields('LEEF:2.0|Acme|VPN|1.0|login|^|src=10.0.0.1^usrName=a b') => {src=10.0.0.1, usrName=a b}
-- example: leef_fields('LEEF:2.0|Acme|VPN|1.0|login|0x5E|src=1^dst=2')['dst'] => 2
-- example: leef_fields('LEEF:1.0|Acme|VPN|1.0|login|src=1' || chr(9) || 'dst=2') => {src=1, dst=2}
CREATE MACRO leef_fields(t) AS CASE leef_header(t, 1)
  WHEN '2.0' THEN kv_split(regexp_extract(t, 'LEEF:2\.0\|(?:[^|]*\|){5}((?s).*)$', 1), leef_separator(regexp_extract(t, 'LEEF:2\.0\|(?:[^|]*\|){4}([^|]*)\|', 1)), '=')
  WHEN '1.0' THEN kv_split(regexp_extract(t, 'LEEF:1\.0\|(?:[^|]*\|){4}((?s).*)$', 1), chr(9), '=') END;

-- Returns the separator that a LEEF 2.0 header names.
-- example: leef_separator('x5e') => ^
-- example: leef_separator('|') => |
CREATE MACRO leef_separator(t) AS CASE WHEN t = '' THEN chr(9)
  WHEN regexp_full_match(t, '0?[xX][0-9A-Fa-f]{1,4}') THEN chr(TRY_CAST('0x' || regexp_extract(t, '[xX](.*)$', 1) AS INTEGER)) ELSE t END;
