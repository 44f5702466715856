-- Web requests.

-- Returns http_activity's activity_id for a request method: 1 Connect, 2 Delete, 3 Get, 4 Head, 5 Options, 6 Post, 7
-- Put, 8 Trace, 99 Other, 0 Unknown for NULL.
-- example: http_activity_id('GET') => 3
-- example: http_activity_id('PATCH') => 99
-- example: http_activity_id(NULL) => 0
CREATE MACRO http_activity_id(verb) AS CASE upper(verb) WHEN 'CONNECT' THEN 1 WHEN 'DELETE' THEN 2 WHEN 'GET' THEN 3 WHEN 'HEAD' THEN 4 WHEN 'OPTIONS' THEN 5
  WHEN 'POST' THEN 6 WHEN 'PUT' THEN 7 WHEN 'TRACE' THEN 8 ELSE CASE WHEN verb IS NULL THEN 0 ELSE 99 END END;

-- Returns the n-th part of a URL: scheme, hostname, port, path, query. The result is NULL if the URL does not have this
-- part. The URL can be a path alone.
-- example: url_part('https://a.example:8443/x/y?q=1#f', 2) => a.example
-- example: url_part('https://u:p@[::1]/x', 2) => [::1]
-- example: url_part('/x?q=1', 4) => /x
-- example: url_part('/x?q=1', 5) => q=1
CREATE MACRO url_part(url, n) AS nullif(regexp_extract(url, '^(?:([A-Za-z][A-Za-z0-9+.-]*)://(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#]*)(?::([0-9]*))?)?([^?#]*)(?:\?([^#]*))?', n), '');

-- Returns OCSF's url object for a URL.
-- example: url_object('https://a.example/x?q=1') => {'url_string': 'https://a.example/x?q=1', 'scheme': https, 'hostname': a.example, 'port': NULL, 'path': /x, 'query_string': 'q=1'}
CREATE MACRO url_object(url) AS {'url_string': url, 'scheme': url_part(url, 1), 'hostname': url_part(url, 2), 'port': TRY_CAST(url_part(url, 3) AS INTEGER),
  'path': url_part(url, 4), 'query_string': url_part(url, 5)};
