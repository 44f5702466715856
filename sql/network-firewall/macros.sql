-- An address that only a private network, a link or the host itself uses: RFC 1918, 6598, 3927, 1122, 4193, 4291.
CREATE MACRO private_address(ip) AS CASE
  WHEN starts_with(ip, '10.') OR starts_with(ip, '192.168.') THEN TRUE
  WHEN starts_with(ip, '172.') THEN substr(ip, 5, 3) BETWEEN '16.' AND '31.' AND substr(ip, 7, 1) = '.'
  WHEN starts_with(ip, '100.') THEN substr(ip, 5, 3) IN ('64.', '65.', '66.', '67.', '68.', '69.')
    OR substr(ip, 5, 3) BETWEEN '70.' AND '99.' AND substr(ip, 7, 1) = '.'
    OR substr(ip, 5, 4) BETWEEN '100.' AND '127.' AND substr(ip, 8, 1) = '.'
  WHEN starts_with(ip, '169.254.') OR starts_with(ip, '127.') THEN TRUE
  WHEN contains(ip, ':') THEN lower(ip) = '::1' OR lower(ip) SIMILAR TO '(f[cd]..|fe[89ab].):.*'
  ELSE FALSE END;

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
