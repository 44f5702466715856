-- The address of address:port. An IPv6 address is in brackets, or it is not: what follows the last colon is the port.
CREATE MACRO peer_host(t) AS CASE WHEN regexp_full_match(t, '[^:]*:[0-9]+') THEN split_part(t, ':', 1)
  WHEN starts_with(t, '[') THEN regexp_extract(t, '^\[([^\]]*)\]', 1) ELSE nullif(regexp_extract(t, '^(.*):[0-9]+$', 1), '') END;

-- The port of address:port.
CREATE MACRO peer_port(t) AS TRY_CAST(CASE WHEN regexp_full_match(t, '[^:]*:[0-9]+') THEN split_part(t, ':', 2)
  ELSE nullif(regexp_extract(t, ':([0-9]{1,5})$', 1), '') END AS INTEGER);
