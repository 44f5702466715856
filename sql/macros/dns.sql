-- DNS.

-- Returns OCSF's rcode_id of the name of a DNS response code, in upper or lower case: 0 NoError, 1 FormError, 2 ServError,
-- 3 NXDomain and so on, 99 Other for any other name. The result is NULL for NULL.
-- example: dns_rcode_id('NOERROR') => 0
-- example: dns_rcode_id('servfail') => 2
-- example: dns_rcode_id('NXDOMAIN') => 3
-- example: dns_rcode_id('unknown-3841') => 99
-- example: dns_rcode_id(NULL) => NULL
CREATE MACRO dns_rcode_id(name) AS CASE upper(name) WHEN 'NOERROR' THEN 0 WHEN 'FORMERR' THEN 1 WHEN 'SERVFAIL' THEN 2 WHEN 'NXDOMAIN' THEN 3 WHEN 'NOTIMP' THEN 4
  WHEN 'REFUSED' THEN 5 WHEN 'YXDOMAIN' THEN 6 WHEN 'YXRRSET' THEN 7 WHEN 'NXRRSET' THEN 8 WHEN 'NOTAUTH' THEN 9 WHEN 'NOTZONE' THEN 10 WHEN 'DSOTYPENI' THEN 11
  WHEN 'BADVERS' THEN 16 WHEN 'BADSIG' THEN 16 WHEN 'BADKEY' THEN 17 WHEN 'BADTIME' THEN 18 WHEN 'BADMODE' THEN 19 WHEN 'BADNAME' THEN 20 WHEN 'BADALG' THEN 21
  WHEN 'BADTRUNC' THEN 22 WHEN 'BADCOOKIE' THEN 23 ELSE CASE WHEN name IS NOT NULL THEN 99 END END;
