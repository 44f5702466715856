-- otherwise: base_event
--
-- Records of other logs without two addresses (x509, pe, known_hosts, software and others).
SELECT
  0 AS activity_id,
  coalesce(_path, 'Zeek') AS message
FROM raw
WHERE "id.orig_h" IS NULL OR "id.resp_h" IS NULL;
