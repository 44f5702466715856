-- class: dns_activity
-- consumes: rcode = rcode_id
-- consumes: answers = list_transform(answers, lambda a: a.rdata)
--
-- A query with its response is Traffic, and a query without one is Query.
SELECT
  CASE WHEN rcode IS NULL AND rcode_name IS NULL AND answers IS NULL THEN 1 ELSE 6 END AS activity_id,
  CASE WHEN rcode = 0 THEN 1 WHEN rcode > 0 THEN 2 ELSE 0 END AS status_id,
  query AS "query.hostname",
  qclass_name AS "query.class",
  qtype_name AS "query.type",
  trans_id AS "query.packet_uid",
  list_transform(answers, lambda a, i: {'rdata': a, 'ttl': CAST(TRY_CAST("TTLs"[i] AS DOUBLE) AS BIGINT)}) AS answers,
  CASE WHEN rcode IS NULL OR rcode BETWEEN 0 AND 11 OR rcode BETWEEN 16 AND 25 THEN rcode ELSE 99 END AS rcode_id,
  rcode_name AS rcode,
  zeek_time(ts) AS query_time,
  CASE WHEN rtt IS NOT NULL THEN make_timestamp(epoch_us(zeek_time(ts)) + micros(rtt)) END AS response_time,
  micros(rtt) // 1000 AS duration,
  'dns' AS "dst_endpoint.svc_name"
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'dns';
