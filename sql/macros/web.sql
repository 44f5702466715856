-- Web requests.

-- Returns http_activity's activity_id for a request method: 1 Connect, 2 Delete, 3 Get, 4 Head, 5 Options, 6 Post, 7
-- Put, 8 Trace, 99 Other, 0 Unknown for NULL.
-- example: http_activity_id('GET') => 3
-- example: http_activity_id('PATCH') => 99
-- example: http_activity_id(NULL) => 0
CREATE MACRO http_activity_id(verb) AS CASE upper(verb) WHEN 'CONNECT' THEN 1 WHEN 'DELETE' THEN 2 WHEN 'GET' THEN 3 WHEN 'HEAD' THEN 4 WHEN 'OPTIONS' THEN 5
  WHEN 'POST' THEN 6 WHEN 'PUT' THEN 7 WHEN 'TRACE' THEN 8 ELSE CASE WHEN verb IS NULL THEN 0 ELSE 99 END END;

-- Returns the method of a request line: its first word. The result is NULL for "-".
-- example: request_method('GET /a HTTP/1.1') => GET
-- example: request_method('- http://a.example:80- -') => NULL
CREATE MACRO request_method(t) AS nullif(nullif(split_part(t, ' ', 1), ''), '-');

-- Returns the URL of a request line: all between the method and the version. It can contain blanks. If the line has no
-- version, the URL extends to the end. A dash instead of the path is not a part of it. The result is NULL for "-".
-- example: request_url('GET /a?q=1 HTTP/1.1') => /a?q=1
-- example: request_url('GET /a b HTTP/1.1 c HTTP/1.0') => /a b HTTP/1.1 c
-- example: request_url('GET /a b') => /a b
-- example: request_url('GET /a HTTP/1.0 ') => /a
-- example: request_url('- http://a.example:80- -') => http://a.example:80
-- example: request_url('- http://a.example:80- ') => http://a.example:80
-- example: request_url('- http://a.example:80-/ ') => http://a.example:80
-- example: request_url('GET http://a.example:80/a- HTTP/1.1 ') => http://a.example:80/a-
-- example: request_url('- - -') => NULL
CREATE MACRO request_url(t) AS nullif(nullif(CASE WHEN starts_with(split_part(t, ' ', 3), 'HTTP/') AND split_part(t, ' ', 4) = '' AND NOT ends_with(t, ' ')
  THEN split_part(t, ' ', 2) ELSE coalesce(nullif(regexp_extract(t, '^- ([a-z]+://[^/?#]*:[0-9]+)-/?(?: -| )?$', 1), ''),
    regexp_extract(t, '^(?s)[^ ]* (.*?)(?: (?:HTTP/[0-9.]+|-))? *$', 1)) END, ''), '-');

-- Returns the version of a request line: its last word, if it is a version.
-- example: request_version('GET /a b HTTP/1.1') => HTTP/1.1
-- example: request_version('GET /a HTTP/2.0') => HTTP/2.0
-- example: request_version('GET /a HTTP/1.0 ') => HTTP/1.0
-- example: request_version('GET /a b') => NULL
CREATE MACRO request_version(t) AS CASE WHEN starts_with(split_part(t, ' ', 3), 'HTTP/') AND split_part(t, ' ', 4) = '' AND NOT ends_with(t, ' ')
  THEN split_part(t, ' ', 3) ELSE nullif(regexp_extract(t, ' (HTTP/[0-9.]+) *$', 1), '') END;

-- Returns the n-th part of a URL: scheme, hostname, port, path, query. The result is NULL if the URL does not have this
-- part. The URL can be a path alone.
-- example: url_part('https://a.example:8443/x/y?q=1#f', 2) => a.example
-- example: url_part('https://a.example:8443/x/y?q=1#f', 3) => 8443
-- example: url_part('https://a.example:8443/x/y?q=1#f', 4) => /x/y
-- example: url_part('https://u:p@[::1]/x', 2) => [::1]
-- example: url_part('https://a.example@b.example:81@c.example:82/x@y', 2) => c.example
-- example: url_part('https://a.example@b.example:81@c.example:82/x@y', 3) => 82
-- example: url_part('/x?q=1', 4) => /x
-- example: url_part('/x?q=1', 5) => q=1
-- example: url_part('/x?u=https://a.example/y', 1) => NULL
-- example: url_part('/x?u=https://a.example/y', 2) => NULL
-- example: url_part('http://a.example', 4) => NULL
CREATE MACRO url_part(url, n) AS nullif(CASE n
  WHEN 1 THEN regexp_extract(url, '^([A-Za-z][A-Za-z0-9+.-]*)://', 1)
  WHEN 2 THEN CASE WHEN contains(url, '@') THEN regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(\[[^\]]*\]|[^:/?#]*)', 1)
    ELSE regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(\[[^\]]*\]|[^\[:/?#]*)', 1) END
  WHEN 3 THEN CASE WHEN contains(url, '@') THEN regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*):([0-9]*)', 1)
    ELSE regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:\[[^\]]*\]|[^\[:/?#]*):([0-9]*)', 1) END
  WHEN 4 THEN CASE WHEN regexp_matches(url, '^[A-Za-z][A-Za-z0-9+.-]*://')
    THEN regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*((?:/[^?#]*)?)', 1) ELSE regexp_extract(url, '^([^?#]*)', 1) END
  WHEN 5 THEN regexp_extract(url, '^[^?#]*\?([^#]*)', 1) END, '');

-- Returns OCSF's url object for a URL.
-- example: url_object('https://a.example/x?q=1') => {'url_string': 'https://a.example/x?q=1', 'scheme': https, 'hostname': a.example, 'port': NULL, 'path': /x, 'query_string': 'q=1'}
CREATE MACRO url_object(url) AS {'url_string': url, 'scheme': url_part(url, 1), 'hostname': url_part(url, 2), 'port': TRY_CAST(url_part(url, 3) AS INTEGER),
  'path': url_part(url, 4), 'query_string': url_part(url, 5)};
