-- format: lines
-- null: "user" = *****, ""
-- null: src_user = *****
-- null: assigned_ip = 0.0.0.0, ::
-- null: assigned_ipv6 = ::, 0.0.0.0
-- null: ftd."User" = No Authentication Required, Not Found, Unknown, No Authentication Required Identity
-- null: ftd."ThreatName" = Unknown, Invalid ID
-- null: ftd."AccessControlRuleName" = ""
-- null: ftd."NAT_InitiatorIP" = ::, 0.0.0.0
-- null: ftd."NAT_ResponderIP" = ::, 0.0.0.0
-- null: ftd."NAT_InitiatorPort" = 0
-- null: ftd."NAT_ResponderPort" = 0
-- null: ftd."OriginalClientSrcIP" = ::, 0.0.0.0
-- parse: ftd comma_pairs
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>30201[357]|302303):?\s+Built (?P<direction>outbound) (?P<variant>\w+ )??(?P<proto>\w+)(?: state-bypass)? connection (?P<conn>\S+) (?:for|from) (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))? ?\((?P<dst_nat_ip>[^\s/(),]+)(?:/(?P<dst_nat_port>\d+))?\)(?:[ (]\(?(?P<dst_user>[^()]*?)\)?)? to (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? ?\((?P<src_nat_ip>[^\s/(),]+)(?:/(?P<src_nat_port>\d+))?\)(?:\((?P<src_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>30201[357]|302303):?\s+Built (?P<direction>inbound) (?P<variant>\w+ )??(?P<proto>\w+)(?: state-bypass)? connection (?P<conn>\S+) (?:for|from) (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? ?\((?P<src_nat_ip>[^\s/(),]+)(?:/(?P<src_nat_port>\d+))?\)(?:[ (]\(?(?P<src_user>[^()]*?)\)?)? to (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))? ?\((?P<dst_nat_ip>[^\s/(),]+)(?:/(?P<dst_nat_port>\d+))?\)(?:\((?P<dst_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>30201[468]|302304):?\s+Teardown (?P<variant>Probe )?(?P<proto>\w+)(?: state-bypass)? connection (?P<conn>\S+) (?:for|from) (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)/(?P<dst_port>\d{1,4})(?:[ (]\(?(?P<dst_user>[^()]*?)\)?)? to (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)/(?P<src_port>\d{5})(?:[ (]\(?(?P<src_user>[^()]*?)\)?)? duration (?P<duration>[\d:]+) bytes (?P<bytes>\d+)(?: (?P<reason>[^(\s].*?)(?: from (?P<closed_by>\S+))?)?(?: \((?P<user>[^()]*)\))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>30201[468]|302304):?\s+Teardown (?P<variant>Probe )?(?P<proto>\w+)(?: state-bypass)? connection (?P<conn>\S+) (?:for|from) (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)/(?P<dst_port>\d{1,3}|10[01]\d|102[0-3])(?:[ (]\(?(?P<dst_user>[^()]*?)\)?)? to (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)/(?P<src_port>102[4-9]|10[3-9]\d|1[1-9]\d\d|[2-9]\d{3})(?:[ (]\(?(?P<src_user>[^()]*?)\)?)? duration (?P<duration>[\d:]+) bytes (?P<bytes>\d+)(?: (?P<reason>[^(\s].*?)(?: from (?P<closed_by>\S+))?)?(?: \((?P<user>[^()]*)\))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>30201[468]|302304):?\s+Teardown (?P<variant>Probe )?(?P<proto>\w+)(?: state-bypass)? connection (?P<conn>\S+) (?:for|from) (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?:[ (]\(?(?P<src_user>[^()]*?)\)?)? to (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?:[ (]\(?(?P<dst_user>[^()]*?)\)?)? duration (?P<duration>[\d:]+) bytes (?P<bytes>\d+)(?: (?P<reason>[^(\s].*?)(?: from (?P<closed_by>\S+))?)?(?: \((?P<user>[^()]*)\))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>302020):?\s+Built (?P<direction>outbound) (?P<proto>\w+) connection for faddr (?P<dst_ip>[^\s/(),]+)/(?P<dst_icmp_id>\d+)(?:\((?P<dst_user>[^()]*)\))? gaddr (?P<src_nat_ip>[^\s/(),]+)/(?P<src_nat_icmp_id>\d+) laddr (?P<src_ip>[^\s/(),]+)/(?P<src_icmp_id>\d+)(?:\((?P<src_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?(?: type (?P<icmp_type>\d+))?(?: code (?P<icmp_code>\d+))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>302020):?\s+Built (?:(?P<direction>inbound))? (?P<proto>\w+) connection for faddr (?P<src_ip>[^\s/(),]+)/(?P<src_icmp_id>\d+)(?:\((?P<src_user>[^()]*)\))? gaddr (?P<dst_nat_ip>[^\s/(),]+)/(?P<dst_nat_icmp_id>\d+) laddr (?P<dst_ip>[^\s/(),]+)/(?P<dst_icmp_id>\d+)(?:\((?P<dst_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?(?: type (?P<icmp_type>\d+))?(?: code (?P<icmp_code>\d+))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>302021):?\s+Teardown (?P<proto>\w+) connection for faddr (?P<dst_ip>[^\s/(),]+)/(?P<dst_icmp_id>0)(?:\((?P<dst_user>[^()]*)\))? gaddr (?P<src_nat_ip>[^\s/(),]+)/(?P<src_nat_icmp_id>\d+) laddr (?P<src_ip>[^\s/(),]+)/(?P<src_icmp_id>0*[1-9]\d*)(?:\((?P<src_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?(?: type (?P<icmp_type>\d+))?(?: code (?P<icmp_code>\d+))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>302021):?\s+Teardown (?P<proto>\w+) connection for faddr (?P<src_ip>[^\s/(),]+)/(?P<src_icmp_id>\d+)(?:\((?P<src_user>[^()]*)\))? gaddr (?P<dst_nat_ip>[^\s/(),]+)/(?P<dst_nat_icmp_id>\d+) laddr (?P<dst_ip>[^\s/(),]+)/(?P<dst_icmp_id>\d+)(?:\((?P<dst_user>[^()]*)\))?(?: \((?P<user>[^()]*)\))?(?: type (?P<icmp_type>\d+))?(?: code (?P<icmp_code>\d+))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>305009|30501[0-2]):?\s+(?P<verb>Built|Teardown) (?P<nat_kind>\w+)(?: (?P<proto>\w+))? translation from (?P<src_if>[^\s:]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? to (?P<nat_if>[^\s:(]+)(?:\((?P<acl>[^()]*)\))?:(?P<src_nat_ip>[^\s/(),]+)(?:/(?P<src_nat_port>\d+))?(?: duration (?P<duration>[\d:]+))?\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>305006):?\s+(?P<message>(?P<reason>[\w ,]*translation creation failed) for (?:protocol )?(?P<proto>\w+) src (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? dst (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: ?\((?P<dst_user>[^()]*\\[^()]*|\d+:[^()]*)\))?(?: \(type (?P<icmp_type>\d+), code (?P<icmp_code>\d+)\))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>305013):?\s+(?P<message>(?P<reason>Asymmetric NAT rules matched for forward and reverse flows); Connection for (?:protocol )?(?P<proto>\w+) src (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? dst (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: ?\((?P<dst_user>[^()]*\\[^()]*|\d+:[^()]*)\))?(?: \(type (?P<icmp_type>\d+), code (?P<icmp_code>\d+)\))? denied due to NAT .*)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106001):?\s+(?P<message>(?P<verdict>Inbound (?P<proto>\w+) connection denied) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))? flags (?P<flags>.*?)\s+on interface (?P<src_if>\S+))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106006|106007):?\s+(?P<message>(?P<verdict>Deny inbound (?P<proto>UDP)) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: on interface (?P<src_if>\S+)| due to (?P<reason>.*?)))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106010|106011|106014):?\s+(?P<message>(?P<verdict>Deny inbound(?: \(No xlate\))?) (?:protocol )?(?P<proto>\w+) src (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? dst (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: ?\((?P<dst_user>[^()]*\\[^()]*|\d+:[^()]*)\))?(?: ?\(type (?P<icmp_type>\d+), code (?P<icmp_code>\d+)\))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106012):?\s+(?P<message>(?P<verdict>Deny IP) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_ip>[^\s,]+), (?P<reason>IP options:? .*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106015):?\s+(?P<message>(?P<verdict>Deny (?P<proto>TCP)) \((?P<reason>no connection)\) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))? flags (?P<flags>.*?)\s+on interface (?P<src_if>\S+))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>10601[67]|10602[0-2]):?\s+(?P<message>(?P<verdict>Deny) (?:protocol )?(?P<proto>\w+) (?P<reason>connection spoof|spoof|due to Land Attack|reverse path check|teardrop fragment \([^)]*\)) from \(?(?P<src_ip>[^\s()]+)\)? to (?P<dst_ip>[^\s,]+)(?: on interface (?P<src_if>[^\s.]+)\.?)?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106023):?\s+(?P<message>(?P<verdict>Deny) (?:protocol )?(?P<proto>\w+) src (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? dst (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: ?\((?P<dst_user>[^()]*\\[^()]*|\d+:[^()]*)\))?(?:,? ?\(?type (?P<icmp_type>\d+), code (?P<icmp_code>\d+)\)?,?)? by access-group "?(?P<acl>[^"\s]+)"?(?: \[(?P<acl_hash>[^\]]*)\])?"?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>106100):?\s+(?P<message>access-list (?P<acl>\S+) (?P<verdict>permitted|denied|est-allowed) (?P<proto>\w+) (?P<src_if>[^\s/]+)/(?P<src_ip>[^\s(]+)\((?P<src_port>\d+)\)(?:\((?P<src_user>[^()]*)\))? -> (?P<dst_if>[^\s/]+)/(?P<dst_ip>[^\s(]+)\((?P<dst_port>\d+)\)(?:\((?P<dst_user>[^()]*)\))? hit-cnt (?P<hits>\d+) \(?(?P<hit_interval>first hit|[\w-]+ interval)\)?(?: \[(?P<acl_hash>[^\]]*)\])?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>10610[23]):?\s+(?P<message>access-list (?P<acl>\S+) (?P<verdict>permitted|denied) (?P<proto>\w+) for user '?(?P<src_user>.*?)'? (?P<src_if>[^\s/]+)/(?P<src_ip>[^\s(]+)\((?P<src_port>\d+)\) -> (?P<dst_if>[^\s/]+)/(?P<dst_ip>[^\s(]+)\((?P<dst_port>\d+)\) hit-cnt (?P<hits>\d+) \(?(?P<hit_interval>first hit|[\w-]+ interval)\)?(?: \[(?P<acl_hash>[^\]]*)\])?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>313001|313004|313008):?\s+(?P<message>(?P<verdict>Denied) (?P<proto>\S+) type=(?P<icmp_type>\d+),? (?:code=(?P<icmp_code>\d+) )?from (?:laddr )?(?P<src_ip>\S+) on interface (?P<src_if>[^\s:]+)(?: to (?P<dst_ip>[^\s:]+): (?P<reason>.*?))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>313005):?\s+(?P<message>(?P<reason>No matching connection for ICMP error message): (?P<proto>\w+) src (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))?(?: ?\((?P<src_user>[^()]*)\))? dst (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?(?: ?\((?P<dst_user>[^()]*\\[^()]*|\d+:[^()]*)\))? \(type (?P<icmp_type>\d+), code (?P<icmp_code>\d+)\) on (?P<in_if>\S+) interface\.(?:\s+Original IP payload: (?P<payload>.*?)\.?)?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>313009):?\s+(?P<message>(?P<verdict>Denied) (?P<reason>invalid (?P<proto>ICMP) code (?P<icmp_code>\d+)), for (?P<src_if>[^\s:]+):(?P<src_ip>[^\s/(),]+)/(?P<src_icmp_id>\d+) ?\((?P<src_nat_ip>[^\s/(),]+)/\d+\)(?: ?\((?P<src_user>[^()]*)\))? to (?P<dst_if>[^\s:]+):(?P<dst_ip>[^\s/(),]+)/(?P<dst_icmp_id>\d+) ?\((?P<dst_nat_ip>[^\s/(),]+)/\d+\)(?: ?\((?P<dst_user>[^()]*)\))?, ICMP id \d+, ICMP type (?P<icmp_type>\d+))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>338\d\d\d):?\s+(?P<message>(?P<category>Dynamic Filter) (?P<verdict>\w+) (?P<list>black ?listed|grey ?listed|white ?listed) (?P<proto>\w+) traffic from (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? ?\((?P<src_nat_ip>[^\s/(),]+)(?:/(?P<src_nat_port>\d+))?\) to (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))? ?\((?P<dst_nat_ip>[^\s/(),]+)(?:/(?P<dst_nat_port>\d+))?\), (?P<listed_end>source|destination) (?P<listed>\S+) resolved from (?P<list_name>[\w ]+ list): (?P<list_entry>[^,\s]+)(?:, threat-level: (?P<threat_level>[\w-]+))?(?:, category: (?P<threat>.*?))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>420002|434002):?\s+(?P<message>(?P<verdict>(?P<reason>IPS|SFR) requested to drop) (?P<proto>\w+) packet from (?P<src_if>[^\s:/]+):(?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_if>[^\s:/]+):(?P<dst_ip>[^\s/(),]+)(?:/(?P<dst_port>\d+))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>71000[2356]):?\s+(?P<message>(?P<proto>\w+) (?P<verdict>access denied by ACL|access permitted|request discarded) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_if>[^\s:]+):(?P<dst_ip>[^\s/(),]+)(?:/(?:(?P<dst_port>\d+)|(?P<dst_svc>[\w-]+)))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113004):?\s+(?P<message>AAA user (?P<what>\w+) (?P<verdict>Successful) ?: server = +(?P<server>\S+) ?[:,] [Uu]ser = (?P<user>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>11301[2356]|113017|113005|113014):?\s+(?P<message>AAA (?:user )?(?P<what>authentication|authorization|accounting|credentials) (?P<verdict>Successful|Rejected|rejected|server not accessible) ?:(?: reason = (?P<reason>.*?) ?:)? (?:server = +(?P<server>\S+?)|(?P<local>local database)) ?[:,] ?[Uu]ser = ?(?P<user>.*?)(?: ?: user IP = (?P<src_ip>\S*))?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113008):?\s+(?P<message>AAA (?P<what>transaction) status (?P<verdict>ACCEPT) ?: ?user = (?P<user>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113019):?\s+(?P<message>Group = (?P<group_name>.*?), Username = (?P<user>.*?), IP = (?P<src_ip>\S+), (?P<what>Session disconnected). Session Type: (?P<session_type>.*?), Duration: (?P<days>\d+d )?(?P<duration>\S+), Bytes xmt: (?P<sent>\d+), Bytes rcv: (?P<received>\d+), Reason: (?P<reason>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113021):?\s+(?P<message>(?P<what>Attempted (?:console|\w+) login failed)\. ?User (?P<user>.*?) (?P<reason>did NOT have appropriate Admin Rights)\.?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>722051):?\s+(?P<message>Group <?(?P<group_name>.*?)>? User <?(?P<user>.*?)>? IP <?(?P<src_ip>[^\s<>]+)>? IPv4 Address <(?P<assigned_ip>[^>]*)> IPv6 address <(?P<assigned_ipv6>[^>]*)> (?P<what>assigned to session))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>716038|716039):?\s+(?P<message>Group <?(?P<group_name>.*?)>? User <?(?P<user>.*?)>? IP <?(?P<src_ip>[^\s<>]+)>? (?P<what>Authentication): (?P<verdict>successful|rejected), Session Type: (?P<session_type>.*?)\.?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>716038|716039):?\s+(?P<message>(?P<what>Authentication): (?P<verdict>successful|rejected), group = (?P<group_name>.*?) user = (?P<user>.*?) ?, Session Type: (?P<session_type>.*?)\.?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113029|113033|113035|113038|113039|71600[12]|722022|722023):?\s+(?P<message>Group <?(?P<group_name>.*?)>? User <?(?P<user>.*?)>? IP <?(?P<src_ip>[^\s<>]+)>? (?P<what>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>751025):?\s+(?P<message>Local:(?P<dst_ip>\S+):(?P<dst_port>\d+) Remote:(?P<src_ip>\S+):(?P<src_port>\d+) Username:(?P<user>.*?) (?P<session_type>IKEv2) Group:(?P<group_name>.*?) IPv4 Address=(?P<assigned_ip>\S*) IPv6 address=(?P<assigned_ipv6>\S*) (?P<what>assigned to session))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>60500[45]):?\s+(?P<message>(?P<what>Login) (?P<verdict>denied|permitted) from (?P<src_ip>[^\s/(),]+)(?:/(?P<src_port>\d+))? to (?P<dst_if>[^\s:]+):(?P<dst_ip>[^\s/(),]+)/(?P<dst_svc>\S+) for user "?(?P<user>.*?)"?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>61110[12]):?\s+(?P<message>(?P<what>User authentication) (?P<verdict>succeeded|failed): (?:IP address: (?P<src_ip>\S+), )?Uname: (?P<user>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>611103):?\s+(?P<message>(?P<what>User logged out): Uname: (?P<user>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>315011):?\s+(?P<message>(?P<what>SSH session) from (?:(?P<src_ip>\S+) )?on interface (?P<dst_if>\S+) for user "?(?P<user>.*?)"? (?P<verdict>terminated normally|disconnected by SSH server)\.?(?:, reason: "?(?P<reason>.*?)"?(?: \((?P<reason_code>0x\w+)\))?)?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>111008):?\s+(?P<message>User '(?P<user>.*?)' executed the '(?P<command>.*)' command\.?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>111009):?\s+(?P<message>User '?(?P<user>.*?)'? executed cmd: ?(?P<command>.*?))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>111010):?\s+(?P<message>User '(?P<user>.*?)', running '(?P<command_by>.*?)' from IP (?P<src_ip>\S+), executed '(?P<command>.*)')\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>50210[12]):?\s+(?P<what>New user added to|User deleted from) local dbase: Uname: (?P<user>.*?) Priv: (?P<privilege>\S+) Encpass: .*\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>502103):?\s+(?P<message>(?P<what>User priv level changed): Uname: (?P<user>.*?) From: (?P<privilege_before>\d+) To: (?P<privilege>\d+))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113006):?\s+(?P<message>User '?(?P<user>.*?)'? (?P<what>locked out) on exceeding '?(?P<attempts>\S+?)'? successive failed authentication attempts)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>113007):?\s+(?P<message>User '?(?P<user>.*?)'? (?P<what>unlocked) by '?(?P<admin>.*?)'?)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>4000\d\d):?\s+(?P<message>IPS:(?P<signature_id>\d+) (?P<signature>.*?) from (?P<src_ip>\S+) to (?P<dst_ip>\S+) on interface (?P<src_if>\S+))\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>43000[1-5]):?\s+(?P<ftd>\S.*)\s*
-- pattern: (?:<(?P<pri>\d+)>)?(?P<head>.*?)%(?P<product>ASA|FTD|PIX|FWSM|NGIPS)(?:<\w*>)?-(?:[A-Za-z]\w*-|-)?(?P<level>\d)-(?P<msgid>\d{5,6}):?\s+(?P<message>.*)
--
-- Syslog messages of Cisco ASA and of Firepower Threat Defense (FTD), one a line: %ASA-6-302013: ..., %FTD-1-430003: .... The syslog
-- header in front can be missing, or have a priority, a time in any form that logging timestamp writes, and a host or device-id. The
-- name of a class of messages (%ASA-session-6-302013) is accepted, and so are the prefixes %PIX, %FWSM and %NGIPS.
-- https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/asa-syslog.html
-- https://www.cisco.com/c/en/us/td/docs/security/firepower/Syslogs/fptd_syslog_guide.html
--
-- The number of the message decides what it becomes:
-- network activity are connections (302013 to 302018, 302303, 302304, 302020, 302021), translations (305006, 305009 to 305013), what
-- access lists, inspections and the firewall itself refuse or permit (106001 to 106023, 106100 to 106103, 313001 to 313009, 338001 and
-- later of the botnet filter, 420002, 434002, 710002 to 710006), and FTD's connection events (430002, 430003);
-- authentication are logins of users (113004, 113005, 113008, 113012 to 113017, 113021), VPN sessions (113019, 113029 to 113039, 716001,
-- 716002, 716038, 716039, 722022, 722023, 722051, 751025) and logins of administrators (605004, 605005, 611101 to 611103, 315011);
-- entity management are commands of administrators (111008 to 111010); account change are accounts of the local database (502101 to
-- 502103) and locked users (113006, 113007); detection finding are intrusions (430001), malware (430005) and signatures of the ASA's own
-- IPS (400000 to 400050); network file activity are files (430004, and 430005 if the file is not malware).
--
-- The drop line in network_activity.sql filters and counts all other messages by their numbers (failover, licences, interfaces, routing,
-- IPsec negotiation, local hosts, statistics and others). A message with one of the numbers above, but in another form, goes to quarantine
-- as NO_PROJECTION.
--
-- The time is that of the header: the last one in it, because a relay writes its own in front. Without a zone, it is in source.timezone of
-- the job file, else in UTC. Without a year, it takes the year from source.year, the key, or when the object was last modified; otherwise
-- the message goes to quarantine as TIME_UNREADABLE. A message without any time gets that of FTD's first packet and
-- duration, else the time at which the object was last modified; unmapped then has time_from = object. So let the firewall write the time
-- (logging timestamp rfc5424), with its zone.
--
-- Who opened a connection is what the message says: for an outbound connection, the source is the second address. Messages of the end of a
-- connection (302014, 302016) do not say it. There, the address with a well-known port (below 1024), or with a port of up to four digits
-- where the other has five, is the destination; otherwise the first address is the source. For ICMP, the address with the
-- identifier is the source. connection_info.uid is the same in both messages.
--
-- User names that the firewall hides (*****) are left out. The hash of the password in 502101 and 502102 is not read.
--
-- Tried against public messages of ASA 8.4 to 9.x and FTD 6.x and 7.x. [Public samples](../samples.md) has the projects and the counts.
CREATE TABLE raw (
  head           VARCHAR, -- of syslog, without the priority
  pri            INTEGER,
  product        VARCHAR, -- ASA, FTD, PIX, FWSM, NGIPS
  "level"        INTEGER, -- of syslog: 0 to 7
  msgid          VARCHAR,
  message        VARCHAR,

  -- connections, translations and denials
  direction      VARCHAR, -- inbound, outbound
  variant        VARCHAR, -- Probe
  proto          VARCHAR, -- a name, or IANA's number
  conn           VARCHAR,
  src_if         VARCHAR,
  src_ip         VARCHAR, -- or a name of the firewall's configuration
  src_port       INTEGER,
  src_nat_ip     VARCHAR, -- after translation
  src_nat_port   INTEGER,
  src_user       VARCHAR, -- LOCAL\ada, or with a security group: LOCAL\ada, 12:staff
  src_icmp_id    INTEGER,
  src_nat_icmp_id INTEGER,
  dst_if         VARCHAR,
  dst_ip         VARCHAR,
  dst_port       INTEGER,
  dst_svc        VARCHAR, -- instead of the port: ssh, https
  dst_nat_ip     VARCHAR,
  dst_nat_port   INTEGER,
  dst_user       VARCHAR,
  dst_icmp_id    INTEGER,
  dst_nat_icmp_id INTEGER,
  icmp_type      INTEGER,
  icmp_code      INTEGER,
  in_if          VARCHAR,
  "user"         VARCHAR,
  duration       VARCHAR, -- 0:02:05, or of a VPN session 0h:02m:05s
  bytes          BIGINT,
  reason         VARCHAR,
  closed_by      VARCHAR, -- the interface whose side closed the connection
  verb           VARCHAR, -- Built, Teardown
  nat_kind       VARCHAR, -- dynamic, static
  nat_if         VARCHAR,
  verdict        VARCHAR, -- permitted, denied and others
  acl            VARCHAR,
  acl_hash       VARCHAR,
  hits           INTEGER,
  hit_interval   VARCHAR,
  flags          VARCHAR,
  payload        VARCHAR,
  category       VARCHAR,
  list           VARCHAR,
  listed         VARCHAR,
  listed_end     VARCHAR,
  list_name      VARCHAR,
  list_entry     VARCHAR,
  threat_level   VARCHAR,
  threat         VARCHAR,

  -- logins and administrators
  what           VARCHAR,
  server         VARCHAR,
  local          VARCHAR,
  group_name     VARCHAR,
  session_type   VARCHAR,
  days           VARCHAR,
  sent           BIGINT,
  received       BIGINT,
  assigned_ip    VARCHAR,
  assigned_ipv6  VARCHAR,
  reason_code    VARCHAR,
  command        VARCHAR,
  command_by     VARCHAR,
  privilege      INTEGER,
  privilege_before INTEGER,
  attempts       INTEGER,
  admin          VARCHAR,
  signature_id   VARCHAR,
  signature      VARCHAR,

  -- the security events of FTD
  ftd STRUCT(
    "EventPriority" VARCHAR, "DeviceUUID" VARCHAR, "InstanceID" VARCHAR, "FirstPacketSecond" TIMESTAMP, "ConnectionID" VARCHAR,
    "AccessControlRuleAction" VARCHAR, "AccessControlRuleReason" VARCHAR, "AccessControlRuleName" VARCHAR, "ACPolicy" VARCHAR,
    "SrcIP" VARCHAR, "SrcPort" INTEGER, "DstIP" VARCHAR, "DstPort" INTEGER, "Protocol" VARCHAR,
    "IngressInterface" VARCHAR, "EgressInterface" VARCHAR, "IngressZone" VARCHAR, "EgressZone" VARCHAR,
    "NAT_InitiatorIP" VARCHAR, "NAT_InitiatorPort" INTEGER, "NAT_ResponderIP" VARCHAR, "NAT_ResponderPort" INTEGER,
    "OriginalClientSrcIP" VARCHAR,
    "User" VARCHAR, "Client" VARCHAR, "ApplicationProtocol" VARCHAR, "WebApplication" VARCHAR, "URL" VARCHAR, "ReferencedHost" VARCHAR,
    "ConnectionDuration" BIGINT, "InitiatorPackets" BIGINT, "ResponderPackets" BIGINT, "InitiatorBytes" BIGINT, "ResponderBytes" BIGINT,
    "Message" VARCHAR, "Classification" VARCHAR, "Priority" VARCHAR, "GID" VARCHAR, "SID" VARCHAR, "Revision" VARCHAR,
    "IntrusionPolicy" VARCHAR, "InlineResult" VARCHAR,
    "FileDirection" VARCHAR, "FileAction" VARCHAR, "FileName" VARCHAR, "FileSHA256" VARCHAR, "FileSize" BIGINT, "FilePolicy" VARCHAR,
    "SHA_Disposition" VARCHAR, "ThreatName" VARCHAR, "URI" VARCHAR),
  "key" STRUCT(source_timezone VARCHAR, source_zones VARCHAR, source_year VARCHAR, yyyy VARCHAR, mm VARCHAR, last_modified VARCHAR)
);
