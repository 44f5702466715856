-- An address that only a private network, a link or the host itself uses: RFC 1918, 6598, 1122, 3927, 4193, 4291.
CREATE MACRO private_address(ip) AS regexp_matches(ip,
  '^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|127\.|169\.254\.|::1$|[fF][cCdD][0-9a-fA-F]{2}:|[fF][eE][89abAB][0-9a-fA-F]:)');

-- connection_info.direction_id: 1 Inbound, 2 Outbound, 3 Lateral, 0 Unknown (from public to public, or without an address).
CREATE MACRO direction_between(src, dst) AS CASE
  WHEN src IS NULL OR dst IS NULL THEN 0
  WHEN private_address(src) THEN CASE WHEN private_address(dst) THEN 3 ELSE 2 END
  WHEN private_address(dst) THEN 1
  ELSE 0 END;

-- The IANA protocol number of a protocol as Suricata writes it (upper case, or its number where it has no name).
CREATE MACRO iana_protocol(proto) AS CASE proto
  WHEN 'TCP' THEN 6 WHEN 'UDP' THEN 17 WHEN 'ICMP' THEN 1 WHEN 'IPv6-ICMP' THEN 58 WHEN 'ICMPv6' THEN 58
  WHEN 'SCTP' THEN 132 WHEN 'GRE' THEN 47 WHEN 'ESP' THEN 50 WHEN 'AH' THEN 51 WHEN 'IGMP' THEN 2 WHEN 'IP-in-IP' THEN 4
  WHEN 'IPv6' THEN 41 WHEN 'OSPF' THEN 89 WHEN 'PIM' THEN 103 WHEN 'VRRP' THEN 112
  ELSE CASE WHEN TRY_CAST(proto AS INTEGER) BETWEEN 0 AND 255 THEN TRY_CAST(proto AS INTEGER) END END;

-- The region that an availability zone is in, NULL where the text is no zone: us-east-1b, us-gov-west-1a, us-west-2-lax-1a.
CREATE MACRO zone_region(zone) AS nullif(regexp_extract(zone, '^([a-z]{2}(?:-[a-z]+){1,2}-[0-9]+)(?:-[a-z]{3}-[0-9]+)?[a-z]$', 1), '');
