-- The value of the first header with a name, given in lower case.
CREATE MACRO header_value(headers, header_name) AS list_filter(headers, lambda h: lower(h."name") = header_name)[1]."value";

-- The name of a host without its port.
CREATE MACRO host_only(t) AS regexp_replace(t, ':[0-9]{1,5}$', '');

-- The account of an ARN.
CREATE MACRO arn_account(t) AS nullif(regexp_extract(t, '^arn:[^:]*:[^:]*:[^:]*:([0-9]{12}):', 1), '');
