-- answers: To which countries does data leave, on each day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose.
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar,
--   dst_endpoint.location.country AS country varchar, traffic.bytes AS bytes bigint, traffic.bytes_out AS bytes_out bigint
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, country varchar, bytes_out bigint,
--   events bigint, sources bigint, destinations bigint
-- pruned by: region, accountid, eventday
SELECT region, accountid, eventday, source, country,
  CAST(sum(coalesce(bytes_out, bytes)) AS bigint) AS bytes_out,
  count(*) AS events,
  count(DISTINCT src_ip) AS sources,
  count(DISTINCT dst_ip) AS destinations
FROM network_activity
WHERE country IS NOT NULL
GROUP BY region, accountid, eventday, source, country
