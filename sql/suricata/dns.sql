-- class: dns_activity
-- consumes: dns.type = CASE activity_id WHEN 1 THEN 'query' WHEN 2 THEN 'answer' END
-- consumes: dns.rcode = rcode
-- consumes: dns.rrname = query.hostname
-- consumes: dns.rrtype = query."type"
-- consumes: dns.rdata = answers[1].rdata
-- consumes: dns.ttl = answers[1].ttl
-- consumes: src_ip = src_endpoint.ip
-- consumes: src_port = src_endpoint.port
-- consumes: dest_ip = dst_endpoint.ip
-- consumes: dest_port = dst_endpoint.port
-- consumes: dns.opcode = query.opcode_id
-- consumes: dns.queries = [{'rrname': query.hostname, 'rrtype': query."type"}]
--
-- A query or an answer. The source is the client in both. Suricata writes a code for queries too, which says nothing.
SELECT
  CASE WHEN dns."type" IN ('query', 'request') THEN 1 WHEN dns."type" IN ('answer', 'response') THEN 2 ELSE 0 END AS activity_id,
  coalesce(app_proto, 'dns') AS "dst_endpoint.svc_name",
  coalesce(dns.rrname, dns.queries[1].rrname) AS "query.hostname",
  coalesce(dns.rrtype, dns.queries[1].rrtype) AS "query.type",
  dns.id AS "query.packet_uid",
  dns.opcode AS "query.opcode_id",
  -- a list, or (version 1) the event itself, or groups by type
  coalesce(
    list_transform(dns.answers, lambda a: {'type': a.rrtype, 'ttl': a.ttl, 'rdata': a.rdata}),
    CASE WHEN dns.rdata IS NOT NULL THEN [{'type': dns.rrtype, 'ttl': dns.ttl, 'rdata': dns.rdata}] END,
    flatten([answers_of('A', dns.grouped.A), answers_of('AAAA', dns.grouped.AAAA), answers_of('CNAME', dns.grouped.CNAME), answers_of('MX', dns.grouped.MX),
      answers_of('NS', dns.grouped.NS), answers_of('PTR', dns.grouped.PTR), answers_of('TXT', dns.grouped.TXT)])) AS answers,
  CASE WHEN dns."type" IN ('answer', 'response') THEN dns_rcode_id(dns.rcode) END AS rcode_id,
  CASE WHEN dns."type" IN ('answer', 'response') THEN dns.rcode END AS rcode,
  CASE WHEN dns."type" NOT IN ('answer', 'response') OR dns.rcode IS NULL THEN 0 WHEN dns.rcode = 'NOERROR' THEN 1 ELSE 2 END AS status_id,

  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN dest_ip ELSE src_ip END AS "src_endpoint.ip",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN dest_port ELSE src_port END AS "src_endpoint.port",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN ether.dest_mac ELSE ether.src_mac END AS "src_endpoint.mac",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN src_ip ELSE dest_ip END AS "dst_endpoint.ip",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN src_port ELSE dest_port END AS "dst_endpoint.port",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN ether.src_mac ELSE ether.dest_mac END AS "dst_endpoint.mac",
  CASE WHEN dns_to_client(dns."type", src_port, dest_port) THEN direction_between(dest_ip, src_ip)
    ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type = 'dns';
