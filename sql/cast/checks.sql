-- The functions silt_ip, silt_mac, ... in SQL, for a DuckDB shell. In etl they are functions of package engine, which cost far less: they
-- are package texttype, and a test compares the two.
CREATE MACRO silt_ipv6(t) AS regexp_full_match(regexp_replace(regexp_replace(t, '%[^\x00-\x1f\x7f]+$', ''), ':(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$', ':0:0'),
  '(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,7}:|(?:[0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,5}(?::[0-9A-Fa-f]{1,4}){1,2}|(?:[0-9A-Fa-f]{1,4}:){1,4}(?::[0-9A-Fa-f]{1,4}){1,3}|(?:[0-9A-Fa-f]{1,4}:){1,3}(?::[0-9A-Fa-f]{1,4}){1,4}|(?:[0-9A-Fa-f]{1,4}:){1,2}(?::[0-9A-Fa-f]{1,4}){1,5}|[0-9A-Fa-f]{1,4}:(?::[0-9A-Fa-f]{1,4}){1,6}|:(?::[0-9A-Fa-f]{1,4}){1,7}|::');
CREATE MACRO silt_ip(t) AS CASE WHEN regexp_full_match(regexp_replace(t, '^[ \t\n\f\r]+|[ \t\n\f\r]+$', '', 'g'), '(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])')
  OR silt_ipv6(regexp_replace(t, '^[ \t\n\f\r]+|[ \t\n\f\r]+$', '', 'g')) THEN t END;
CREATE MACRO silt_mac(t) AS CASE WHEN regexp_full_match(t, '[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{1,2}(?:-[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7}|[0-9A-Fa-f]{6}:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{4}(?::[0-9A-Fa-f]{4}){2,3}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){7}|[0-9A-Fa-f]{6}-[0-9A-Fa-f]{6}|[0-9A-Fa-f]{4}(?:-[0-9A-Fa-f]{4}){2,3}|[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){7}|[0-9A-Fa-f]{6}\.[0-9A-Fa-f]{6}|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2,3}') THEN t END;
CREATE MACRO silt_hostname(t) AS CASE WHEN t = '.' OR silt_ipv6(regexp_replace(t, '^\[(.*)\]$', '\1'))
  OR length(regexp_replace(t, '\\[0-9]{3}', '*', 'g')) <= 255 AND regexp_matches(regexp_replace(t, '\\[0-9]{3}', '', 'g'), '[0-9A-Za-z]|[^\x00-\x7f]')
    AND regexp_full_match(t, '(?:(?:[^\x00-\x20\x7f/\\:?"<>|@,;\[\].]|\\[0-9]{3}){1,63}\.)*(?:[^\x00-\x20\x7f/\\:?"<>|@,;\[\].]|\\[0-9]{3}){1,63}\.?') THEN t END;
CREATE MACRO silt_mailbox(t) AS regexp_full_match(t, '(?:"[^\x00-\x1f\x7f<>]+"|[^\x00-\x20\x7f<>",;@]+)@[^@]+') AND silt_hostname(regexp_extract(t, '@([^@]+)$', 1)) IS NOT NULL;
CREATE MACRO silt_email(t) AS CASE WHEN silt_mailbox(CASE WHEN regexp_full_match(t, '[^\x00-\x1f\x7f<>]*<[^\x00-\x1f\x7f<>]*>') THEN regexp_extract(t, '<([^<>]*)>$', 1) ELSE t END) THEN t END;
CREATE MACRO silt_url(t) AS CASE WHEN regexp_full_match(regexp_replace(t, '^[A-Za-z][A-Za-z0-9+.-]*://', ''), '[^\x00-\x20\x7f<>"/?#]*(?:[/?#][^\x00-\x1f\x7f]*)?')
  AND regexp_matches(regexp_replace(t, '^[A-Za-z][A-Za-z0-9+.-]*://', ''), '^[^/?#]*(?:[0-9A-Za-z/]|[^\x00-\x7f])') THEN t END;
