-- Key and value pairs in texts.

-- Returns a map from two lists of the same length: keys and values. If a key appears twice, the first value is used.
-- example: first_of_each(['a', 'b', 'a'], ['1', '2', '3']) => {a=1, b=2}
CREATE MACRO first_of_each(keys, vals) AS list_transform([keys], lambda k: CASE WHEN k IS NOT NULL THEN
  map_from_entries(list_filter(list_zip(k, vals), lambda e, i: list_position(k, e[1]) = i)) END)[1];

-- Returns a text without the double quotes around it, with \" and \\ decoded. Returns any other text unchanged.
-- example: unquote('"a \"b\""') => a "b"
-- example: unquote('plain') => plain
CREATE MACRO unquote(t) AS CASE WHEN length(t) >= 2 AND starts_with(t, '"') AND ends_with(t, '"')
  THEN replace(replace(replace(substr(t, 2, length(t) - 2), '\\', chr(3)), '\"', '"'), chr(3), '\') ELSE t END;

-- Returns a text, or NULL if the text is a placeholder for "no value": -, --, N/A, null, (null), nil, unknown,
-- undefined, or nothing but blanks, in upper or lower case and with or without double quotes around it. Double quotes
-- around any other text are removed. If a placeholder means "no value" wherever it appears, `-- null:` in raw.sql is
-- simpler, and costs less.
-- example: known('N/A') => NULL
-- example: known('"-"') => NULL
-- example: known('"DNS lookup"') => DNS lookup
-- example: known('unknown host') => unknown host
CREATE MACRO known(t) AS CASE WHEN strlen(t) > 16 OR lower(trim(unquote(trim(t)))) NOT IN ('', '-', '--', 'n/a', 'null', '(null)', 'nil', 'unknown', 'undefined')
  THEN unquote(t) END;

-- Returns the key=value pairs of a text as a map. The pairs are separated by spaces, as firewalls write them, and
-- values can be in double quotes. If a key appears twice, the first value is used. Text that is not a pair is ignored.
-- The result is NULL for NULL, and an empty map for a text without pairs.
-- example: kv('date=2024-05-01 msg="a b" user= n=1 n=2') => {date=2024-05-01, msg=a b, user='', n=1}
-- example: kv('src=10.0.0.1 dst=10.0.0.2')['dst'] => 10.0.0.2
-- example: kv(NULL) => NULL
CREATE MACRO kv(t) AS first_of_each(
  regexp_extract_all(t, '([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s]*)', 1),
  list_transform(regexp_extract_all(t, '([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s]*)', 2), lambda v: unquote(v)));

-- Returns the pairs of a text as a map. `pair` is the separator between pairs, and `assign` is the separator between
-- key and value. The macro removes spaces around keys and values.
-- example: kv_split('a: 1; b: x:y; c', ';', ':') => {a=1, b='x:y', c=NULL}
CREATE MACRO kv_split(t, pair, assign) AS first_of_each(
  list_transform(list_filter(string_split(t, pair), lambda p: trim(p) <> ''), lambda p: trim(split_part(p, assign, 1))),
  list_transform(list_filter(string_split(t, pair), lambda p: trim(p) <> ''),
    lambda p: CASE WHEN contains(p, assign) THEN trim(substr(p, position(assign IN p) + length(assign))) END));

-- Returns the text of a Windows event as a map. The text has lines of `Key: value`. If a key is on several lines,
-- the first one is used. If an event has sections (Subject, New Logon), the value comes from the first section that
-- has the key. The macro cannot tell lines inside of a value from keys; for Sysmon, use -- parse: windows_event.
-- example: windows_event(E'Process Create:\r\nUtcTime: 2024-05-01 10:00:00.000\r\nImage: C:\\a b.exe')['Image'] => C:\a b.exe
-- example: windows_event('RuleName: -')['RuleName'] => -
CREATE MACRO windows_event(t) AS first_of_each(
  regexp_extract_all(t, '(?m)^[ \t]*([^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*\r?$', 1),
  regexp_extract_all(t, '(?m)^[ \t]*([^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*\r?$', 2));

-- Extracts one field from text with a grok pattern (example: %{IP:src}). The pattern can use INT, NUMBER, WORD,
-- NOTSPACE, DATA, GREEDYDATA, QUOTEDSTRING, IPV4, IPV6, IP, HOSTNAME, IPORHOST, USERNAME, POSINT, PATH, URI, UUID, MAC,
-- TIMESTAMP_ISO8601, SYSLOGTIMESTAMP and HTTPDATE. The rest of the pattern is a regular expression (RE2), in which you
-- write (?: instead of ( . The result is NULL if the text does not match. Write pattern and name as constants, so that
-- DuckDB compiles them once.
-- example: grok('10.0.0.1 GET /a 200', '%{IP:src} %{WORD:verb} %{NOTSPACE:path} %{INT:code}', 'path') => /a
-- example: grok('nothing', '%{IP:src} %{WORD:verb}', 'verb') => NULL
-- example: grok('2024-05-01T10:00:00Z x', '%{TIMESTAMP_ISO8601:at} %{DATA:rest}$', 'at') => 2024-05-01T10:00:00Z
CREATE MACRO grok(t, pattern, name) AS CASE WHEN regexp_matches(t, grok_regex(pattern, name)) THEN regexp_extract(t, grok_regex(pattern, name), 1) END;

-- Converts a grok pattern to a regular expression that captures only the field `name`.
-- example: grok_regex('%{INT:a}-%{INT:b}', 'b') => (?:(?:[+-]?[0-9]+))-((?:[+-]?[0-9]+))
CREATE MACRO grok_regex(pattern, name) AS
  replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
  regexp_replace(regexp_replace(pattern, '%\{(\w+):' || name || '\}', '(%{\1})', 'g'), '%\{(\w+):\w+\}', '(?:%{\1})', 'g'),
  '%{IPORHOST}', '(?:%{IP}|%{HOSTNAME})'),
  '%{IP}', '(?:%{IPV6}|%{IPV4})'),
  '%{IPV4}', '(?:[0-9]{1,3}\.){3}[0-9]{1,3}'),
  '%{IPV6}', '(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3})?'),
  '%{INT}', '(?:[+-]?[0-9]+)'),
  '%{POSINT}', '(?:[1-9][0-9]*)'),
  '%{NUMBER}', '(?:[+-]?[0-9]+(?:\.[0-9]+)?)'),
  '%{WORD}', '\b\w+\b'),
  '%{NOTSPACE}', '\S+'),
  '%{DATA}', '.*?'),
  '%{GREEDYDATA}', '.*'),
  '%{QUOTEDSTRING}', '"(?:[^"\\]|\\.)*"'),
  '%{HOSTNAME}', '[0-9A-Za-z](?:[0-9A-Za-z_.-]*[0-9A-Za-z])?'),
  '%{USERNAME}', '[0-9A-Za-z._@\\-]+'),
  '%{PATH}', '(?:/[^\s]*|[A-Za-z]:\\[^\s]*)'),
  '%{URI}', '[A-Za-z][A-Za-z0-9+.-]*://\S+'),
  '%{UUID}', '[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}'),
  '%{MAC}', '(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}'),
  '%{TIMESTAMP_ISO8601}', '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?'),
  '%{SYSLOGTIMESTAMP}', '[A-Z][a-z]{2} +[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}'),
  '%{HTTPDATE}', '[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}');
