-- Addresses, ports, protocols.

-- Returns whether a text is an IPv4 address of four decimal numbers. The result is NULL for NULL.
-- example: is_ipv4('10.0.0.1') => true
-- example: is_ipv4('10.0.0.256') => false
CREATE MACRO is_ipv4(ip) AS regexp_full_match(ip, '(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])');

-- Returns whether a text is an IPv6 address, with or without a zone (%eth0). The last 32 bits can be an IPv4 address.
-- example: is_ipv6('2001:db8::1') => true
-- example: is_ipv6('fe80::1%eth0') => true
-- example: is_ipv6('::ffff:10.0.0.1') => true
-- example: is_ipv6('1:2:3:4:5:6:7:8:9') => false
-- example: is_ipv6('1::2::3') => false
CREATE MACRO is_ipv6(ip) AS regexp_full_match(regexp_replace(regexp_replace(ip, '%[0-9A-Za-z._-]+$', ''), ':(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$', ':0:0'),
  '(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,7}:|(?:[0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,5}(?::[0-9A-Fa-f]{1,4}){1,2}|(?:[0-9A-Fa-f]{1,4}:){1,4}(?::[0-9A-Fa-f]{1,4}){1,3}|(?:[0-9A-Fa-f]{1,4}:){1,3}(?::[0-9A-Fa-f]{1,4}){1,4}|(?:[0-9A-Fa-f]{1,4}:){1,2}(?::[0-9A-Fa-f]{1,4}){1,5}|[0-9A-Fa-f]{1,4}:(?::[0-9A-Fa-f]{1,4}){1,6}|:(?::[0-9A-Fa-f]{1,4}){1,7}|::)');

-- Returns whether a text is an IP address of either version.
-- example: is_ip('::1') => true
-- example: is_ip('host') => false
CREATE MACRO is_ip(ip) AS is_ipv4(ip) OR is_ipv6(ip);

-- Returns an address, or NULL if the text is a placeholder (see `known`), or the address that means "no address":
-- 0.0.0.0, ::, 0:0:0:0:0:0:0:0. Double quotes around the address are removed. Any other text is returned as it is.
-- example: known_ip('0.0.0.0') => NULL
-- example: known_ip('::') => NULL
-- example: known_ip('N/A') => NULL
-- example: known_ip('10.0.0.0') => 10.0.0.0
-- example: known_ip('"2001:db8::1"') => 2001:db8::1
CREATE MACRO known_ip(ip) AS CASE WHEN ip NOT IN ('0.0.0.0', '::', '"0.0.0.0"', '"::"') AND (strlen(ip) < 15 OR NOT regexp_full_match(ip, '"?0{1,4}(:0{1,4}){7}"?')) THEN known(ip) END;

-- Returns a MAC address, or NULL if the text is a placeholder (see `known`), or has only zeros.
-- example: known_mac('00:00:00:00:00:00') => NULL
-- example: known_mac('-') => NULL
-- example: known_mac('02:00:5e:00:53:01') => 02:00:5e:00:53:01
CREATE MACRO known_mac(mac) AS CASE WHEN NOT regexp_full_match(mac, '[0:.-]*') THEN known(mac) END;

-- Returns whether an address is reserved for private networks, a link or the host itself (RFC 1918, 6598, 1122, 3927,
-- 4193, 4291). The result is false if the text is not an address.
-- example: is_private_ip('172.31.0.1') => true
-- example: is_private_ip('fd00::1') => true
-- example: is_private_ip('::ffff:10.0.0.1') => true
-- example: is_private_ip('8.8.8.8') => false
-- example: is_private_ip('10.0.0.1,10.0.0.2') => false
-- example: is_private_ip(NULL) => NULL
CREATE MACRO is_private_ip(ip) AS regexp_full_match(ip,
  '(?:(?:::[fF]{4}:)?(?:10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|127\.|169\.254\.)[0-9.]{3,11}|::1|(?:[fF][cCdD][0-9a-fA-F]{2}|[fF][eE][89abAB][0-9a-fA-F]):[0-9a-fA-F:.]+(?:%[0-9A-Za-z._-]+)?)');

-- Returns whether an address stands for a group of hosts: IPv4 and IPv6 multicast, and the broadcast address
-- 255.255.255.255.
-- example: is_group_ip('239.255.255.250') => true
-- example: is_group_ip('ff02::1') => true
-- example: is_group_ip('255.255.255.255') => true
-- example: is_group_ip('8.8.8.8') => false
-- example: is_group_ip(NULL) => NULL
CREATE MACRO is_group_ip(ip) AS regexp_full_match(ip, '(?:::[fF]{4}:)?(?:22[4-9]|23[0-9])\.[0-9.]{5,11}|(?:::[fF]{4}:)?255\.255\.255\.255|[fF]{2}[0-9a-fA-F]{2}:[0-9a-fA-F:.]+(?:%[0-9A-Za-z._-]+)?');

-- Returns the bits of an address in hexadecimal: 8 digits for IPv4, 32 for IPv6. The result is NULL if the text is not
-- an address.
-- example: ip_hex('10.0.0.255') => 0a0000ff
-- example: ip_hex('2001:DB8::1') => 20010db8000000000000000000000001
-- example: ip_hex('::ffff:10.0.0.1') => 00000000000000000000ffff0a000001
-- example: ip_hex('10.0.0') => NULL
CREATE MACRO ip_hex(ip) AS CASE WHEN is_ipv4(ip) THEN ipv4_hex(ip) WHEN is_ipv6(ip) THEN ipv6_hex(regexp_replace(lower(ip), '%.*$', '')) END;

-- Returns the bits of an IPv4 address in hexadecimal.
-- example: ipv4_hex('192.168.1.2') => c0a80102
CREATE MACRO ipv4_hex(ip) AS array_to_string(list_transform(string_split(ip, '.'), lambda n: format('{:02x}', TRY_CAST(n AS INTEGER))), '');

-- Returns the bits of an IPv6 address in hexadecimal. The address is in lower case and has no zone.
-- example: ipv6_hex('fe80::1:2') => fe800000000000000000000000010002
CREATE MACRO ipv6_hex(ip) AS ipv6_digits(CASE WHEN contains(ip, '.')
  THEN regexp_extract(ip, '^(.*:)[^:]*$', 1) || list_transform([ipv4_hex(regexp_extract(ip, '([^:]*)$', 1))], lambda h: left(h, 4) || ':' || right(h, 4))[1] ELSE ip END);

-- Returns the digits of an IPv6 address without an IPv4 part.
-- example: ipv6_digits('::1') => 00000000000000000000000000000001
CREATE MACRO ipv6_digits(ip) AS list_transform([list_transform(string_split(ip, '::'), lambda part: ipv6_groups(part))],
  lambda p: p[1] || left('00000000000000000000000000000000', 32 - length(p[1]) - coalesce(length(p[2]), 0)) || coalesce(p[2], ''))[1];

-- Returns the digits of the groups in a part of an IPv6 address.
-- example: ipv6_groups('1:ab') => 000100ab
CREATE MACRO ipv6_groups(part) AS array_to_string(list_transform(string_split(part, ':'), lambda g: CASE WHEN g = '' THEN '' ELSE lpad(g, 4, '0') END), '');

-- Returns whether an address is in a network. Write the network as address/bits, or as a single address. An IPv4
-- address is never in an IPv6 network, and an IPv6 address is never in an IPv4 network. The result is NULL if either
-- text is not valid.
-- example: in_cidr('10.1.2.3', '10.0.0.0/8') => true
-- example: in_cidr('11.1.2.3', '10.0.0.0/8') => false
-- example: in_cidr('172.31.255.255', '172.16.0.0/12') => true
-- example: in_cidr('172.32.0.0', '172.16.0.0/12') => false
-- example: in_cidr('2001:db8:0:ffff::1', '2001:db8::/33') => true
-- example: in_cidr('2001:db8:8000::1', '2001:db8::/33') => false
-- example: in_cidr('10.0.0.1', '::/0') => false
-- example: in_cidr('1.2.3.4', '0.0.0.0/0') => true
-- example: in_cidr('1.2.3.4', '1.2.3.4') => true
-- example: in_cidr('host', '10.0.0.0/8') => NULL
-- example: in_cidr('1.2.3.4', '1.2.3.4/33') => NULL
CREATE MACRO in_cidr(ip, cidr) AS hex_prefix(ip_hex(ip), ip_hex(split_part(cidr, '/', 1)),
  CASE WHEN contains(cidr, '/') THEN TRY_CAST(split_part(cidr, '/', 2) AS INTEGER) WHEN contains(cidr, ':') THEN 128 ELSE 32 END);

-- Returns whether the first bits of two hexadecimal numbers are the same. The result is false if their lengths differ.
-- example: hex_prefix('0a00', '0aff', 8) => true
-- example: hex_prefix('0a00', '0b00', 8) => false
CREATE MACRO hex_prefix(a, b, bits) AS list_transform([{'a': a, 'b': b, 'n': bits}], lambda x: CASE
  WHEN x['a'] IS NULL OR x['b'] IS NULL OR x['n'] IS NULL OR x['n'] < 0 OR x['n'] > 4 * length(x['b']) THEN NULL
  WHEN length(x['a']) <> length(x['b']) THEN FALSE
  ELSE left(x['a'], x['n'] // 4) = left(x['b'], x['n'] // 4) AND (x['n'] % 4 = 0 OR
    TRY_CAST('0x' || substr(x['a'], x['n'] // 4 + 1, 1) AS INTEGER) >> (4 - x['n'] % 4) = TRY_CAST('0x' || substr(x['b'], x['n'] // 4 + 1, 1) AS INTEGER) >> (4 - x['n'] % 4)) END)[1];

-- Returns connection_info.direction_id: 1 Inbound, 2 Outbound, 3 Lateral, 0 Unknown. Multicast and broadcast do not
-- leave the site: they are 3 from a private address, and 0 from any other. The result is 0 if both addresses are public,
-- and if one is missing or is not an address.
-- example: direction_between('10.0.0.1', '8.8.8.8') => 2
-- example: direction_between('8.8.8.8', '10.0.0.1') => 1
-- example: direction_between('10.0.0.1', 'fd00::1') => 3
-- example: direction_between('10.0.0.1', '239.255.255.250') => 3
-- example: direction_between('8.8.8.8', '255.255.255.255') => 0
-- example: direction_between('10.0.0.1', 'server-a') => 0
-- example: direction_between('10.0.0.1', '0.0.0.0') => 0
-- example: direction_between('8.8.8.8', NULL) => 0
CREATE MACRO direction_between(src, dst) AS CASE
  WHEN src IS NULL OR dst IS NULL THEN 0
  WHEN is_private_ip(src) THEN CASE WHEN is_private_ip(dst) THEN 3 WHEN is_host_ip(dst) THEN 2 WHEN is_group_ip(dst) THEN 3 ELSE 0 END
  WHEN is_private_ip(dst) THEN CASE WHEN is_host_ip(src) THEN 1 ELSE 0 END
  ELSE 0 END;

-- Returns whether a text looks like the address of one host: no multicast, no broadcast, not 0.0.0.0 and not ::. It is
-- faster than is_ip, and less strict.
-- example: is_host_ip('8.8.8.8') => true
-- example: is_host_ip('223.255.0.1') => true
-- example: is_host_ip('2001:db8::1') => true
-- example: is_host_ip('::1') => true
-- example: is_host_ip('224.0.0.1') => false
-- example: is_host_ip('ff02::1') => false
-- example: is_host_ip('0.0.0.0') => false
-- example: is_host_ip('::') => false
-- example: is_host_ip('server-a') => false
CREATE MACRO is_host_ip(ip) AS regexp_full_match(ip, '(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[01][0-9]|22[0-3])\.[0-9.]{5,11}|(?:[1-9a-eA-E][0-9a-fA-F]{0,3}|[fF][0-9a-eA-E][0-9a-fA-F]{0,2}):[0-9a-fA-F:.]*(?:%[0-9A-Za-z._-]+)?|[0:]*:[0:]*[1-9a-fA-F][0-9a-fA-F:.]*');

-- Returns a protocol's IANA number. `proto` is the protocol's name (upper or lower case) or its number as text.
-- The result is NULL if the text is neither.
-- example: iana_protocol('TCP') => 6
-- example: iana_protocol('ipv6-icmp') => 58
-- example: iana_protocol('093') => 93
-- example: iana_protocol('x') => NULL
CREATE MACRO iana_protocol(proto) AS CASE lower(proto)
  WHEN 'tcp' THEN 6 WHEN 'udp' THEN 17 WHEN 'icmp' THEN 1 WHEN 'ipv6-icmp' THEN 58 WHEN 'icmpv6' THEN 58 WHEN 'icmp6' THEN 58
  WHEN 'sctp' THEN 132 WHEN 'gre' THEN 47 WHEN 'esp' THEN 50 WHEN 'ah' THEN 51 WHEN 'igmp' THEN 2 WHEN 'ip-in-ip' THEN 4 WHEN 'ipip' THEN 4
  WHEN 'ipv6' THEN 41 WHEN 'ospf' THEN 89 WHEN 'pim' THEN 103 WHEN 'vrrp' THEN 112 WHEN 'egp' THEN 8 WHEN 'rsvp' THEN 46 WHEN 'eigrp' THEN 88 WHEN 'l2tp' THEN 115
  ELSE CASE WHEN TRY_CAST(proto AS INTEGER) BETWEEN 0 AND 255 THEN TRY_CAST(proto AS INTEGER) END END;

-- Returns the name of an IANA protocol number, in lower case. The result is NULL if the macro does not know the number.
-- example: iana_protocol_name(17) => udp
CREATE MACRO iana_protocol_name(num) AS CASE num
  WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 1 THEN 'icmp' WHEN 58 THEN 'ipv6-icmp' WHEN 132 THEN 'sctp' WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah'
  WHEN 2 THEN 'igmp' WHEN 4 THEN 'ip-in-ip' WHEN 41 THEN 'ipv6' WHEN 89 THEN 'ospf' WHEN 103 THEN 'pim' WHEN 112 THEN 'vrrp' WHEN 8 THEN 'egp' WHEN 46 THEN 'rsvp'
  WHEN 88 THEN 'eigrp' WHEN 115 THEN 'l2tp' END;

-- Returns TCP flags as a number. `t` gives the flags as names or letters (examples: SYN,ACK and SA). The result is
-- NULL for NULL.
-- example: tcp_flags('SYN,ACK') => 18
-- example: tcp_flags('SA') => 18
-- example: tcp_flags('F') => 1
CREATE MACRO tcp_flags(t) AS CASE WHEN regexp_matches(upper(t), 'FIN|SYN|RST|PSH|ACK|URG|ECE|CWR')
  THEN CASE WHEN contains(upper(t), 'FIN') THEN 1 ELSE 0 END + CASE WHEN contains(upper(t), 'SYN') THEN 2 ELSE 0 END + CASE WHEN contains(upper(t), 'RST') THEN 4 ELSE 0 END
    + CASE WHEN contains(upper(t), 'PSH') THEN 8 ELSE 0 END + CASE WHEN contains(upper(t), 'ACK') THEN 16 ELSE 0 END + CASE WHEN contains(upper(t), 'URG') THEN 32 ELSE 0 END
    + CASE WHEN contains(upper(t), 'ECE') THEN 64 ELSE 0 END + CASE WHEN contains(upper(t), 'CWR') THEN 128 ELSE 0 END
  WHEN t IS NOT NULL
  THEN CASE WHEN contains(t, 'F') THEN 1 ELSE 0 END + CASE WHEN contains(t, 'S') THEN 2 ELSE 0 END + CASE WHEN contains(t, 'R') THEN 4 ELSE 0 END
    + CASE WHEN contains(t, 'P') THEN 8 ELSE 0 END + CASE WHEN contains(t, 'A') THEN 16 ELSE 0 END + CASE WHEN contains(t, 'U') THEN 32 ELSE 0 END
    + CASE WHEN contains(t, 'E') THEN 64 ELSE 0 END + CASE WHEN contains(t, 'C') THEN 128 ELSE 0 END END;

-- Returns the names of the TCP flags that are set in a number.
-- example: tcp_flag_names(18) => [SYN, ACK]
CREATE MACRO tcp_flag_names(num) AS list_filter([CASE WHEN num & 1 > 0 THEN 'FIN' END, CASE WHEN num & 2 > 0 THEN 'SYN' END, CASE WHEN num & 4 > 0 THEN 'RST' END,
  CASE WHEN num & 8 > 0 THEN 'PSH' END, CASE WHEN num & 16 > 0 THEN 'ACK' END, CASE WHEN num & 32 > 0 THEN 'URG' END, CASE WHEN num & 64 > 0 THEN 'ECE' END,
  CASE WHEN num & 128 > 0 THEN 'CWR' END], lambda f: f IS NOT NULL);

-- Returns the host of host:port. An IPv6 address with a port must be in brackets; the result does not have them. An
-- IPv6 address without a port is returned as it is.
-- example: host_of('10.0.0.1:443') => 10.0.0.1
-- example: host_of('[2001:db8::1]:443') => 2001:db8::1
-- example: host_of('2001:db8::1') => 2001:db8::1
-- example: host_of('web.example') => web.example
-- example: host_of('-') => NULL
CREATE MACRO host_of(t) AS nullif(nullif(CASE WHEN starts_with(t, '[') THEN regexp_extract(t, '^\[([^\]]*)\]', 1)
  WHEN regexp_full_match(t, '[^:]*:[0-9]+') THEN split_part(t, ':', 1) ELSE t END, '-'), '');

-- Returns the port of host:port. The result is NULL if the text has no port.
-- example: port_of('[2001:db8::1]:443') => 443
-- example: port_of('10.0.0.1:80') => 80
-- example: port_of('2001:db8::1') => NULL
CREATE MACRO port_of(t) AS TRY_CAST(nullif(CASE WHEN starts_with(t, '[') THEN regexp_extract(t, '^\[[^\]]*\]:([0-9]{1,5})$', 1)
  ELSE regexp_extract(t, '^[^:]*:([0-9]{1,5})$', 1) END, '') AS INTEGER);

-- Returns host:port for a host and a port, or the host alone if the port is NULL: the opposite of host_of and port_of.
-- An IPv6 address with a port is written in brackets.
-- example: host_port('10.0.0.1', 443) => 10.0.0.1:443
-- example: host_port('2001:db8::1', 443) => [2001:db8::1]:443
-- example: host_port('2001:db8::1', NULL) => 2001:db8::1
CREATE MACRO host_port(host, port) AS CASE WHEN port IS NULL THEN host WHEN contains(host, ':') THEN '[' || host || ']:' || port ELSE host || ':' || port END;

-- Returns the region of an availability zone. The result is NULL if the text is not a zone.
-- example: zone_region('us-east-1b') => us-east-1
-- example: zone_region('us-west-2-lax-1a') => us-west-2
-- example: zone_region('us-east-1') => NULL
CREATE MACRO zone_region(zone) AS nullif(regexp_extract(zone, '^([a-z]{2}(?:-[a-z]+){1,2}-[0-9]+)(?:-[a-z]{3}-[0-9]+)?[a-z]$', 1), '');
