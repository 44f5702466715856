-- Users, files, hashes.

-- Returns the user of DOMAIN\user or user@domain. Returns any other text unchanged.
-- example: user_of('NT AUTHORITY\SYSTEM') => SYSTEM
-- example: user_of('ada@example.com') => ada
-- example: user_of('ada') => ada
CREATE MACRO user_of(t) AS nullif(CASE WHEN contains(t, '\') THEN split_part(t, '\', 2) WHEN contains(t, '@') THEN split_part(t, '@', 1) ELSE t END, '');

-- Returns the domain of DOMAIN\user or user@domain. The result is NULL if the text has no domain.
-- example: domain_of('NT AUTHORITY\SYSTEM') => NT AUTHORITY
-- example: domain_of('ada@example.com') => example.com
-- example: domain_of('ada') => NULL
CREATE MACRO domain_of(t) AS nullif(CASE WHEN contains(t, '\') THEN split_part(t, '\', 1) WHEN contains(t, '@') THEN split_part(t, '@', 2) END, '');

-- Returns DOMAIN\user for a domain and a user, or the user alone: the opposite of domain_of and user_of.
-- example: windows_user('NT AUTHORITY', 'SYSTEM') => NT AUTHORITY\SYSTEM
-- example: windows_user(NULL, 'ada') => ada
CREATE MACRO windows_user(domain, name) AS concat_ws('\', domain, name);

-- Returns the last part of a Windows or POSIX path. The result is NULL if the path ends in a separator.
-- example: basename('C:\Windows\system32\cmd.exe') => cmd.exe
-- example: basename('/usr/bin/ls') => ls
-- example: basename('cmd.exe') => cmd.exe
CREATE MACRO basename(path) AS nullif(regexp_extract(path, '([^\\/]*)$', 1), '');

-- Returns a path without its last part. The result is NULL if the path has only one part.
-- example: dirname('C:\Windows\system32\cmd.exe') => C:\Windows\system32
-- example: dirname('/usr/bin/ls') => /usr/bin
-- example: dirname('/ls') => /
-- example: dirname('ls') => NULL
CREATE MACRO dirname(path) AS nullif(CASE WHEN regexp_matches(path, '^[\\/][^\\/]*$') THEN left(path, 1) ELSE regexp_extract(path, '^(.*)[\\/][^\\/]*$', 1) END, '');

-- Returns fingerprint.algorithm_id for the name of an algorithm. The result is 99 Other if OCSF does not have a number
-- for it.
-- example: hash_algorithm_id('sha-256') => 3
-- example: hash_algorithm_id('IMPHASH') => 99
CREATE MACRO hash_algorithm_id(name) AS CASE lower(replace(replace(name, '-', ''), '_', '')) WHEN 'md5' THEN 1 WHEN 'sha1' THEN 2 WHEN 'sha256' THEN 3 WHEN 'sha512' THEN 4
  WHEN 'ctph' THEN 5 WHEN 'ssdeep' THEN 5 WHEN 'tlsh' THEN 6 WHEN 'quickxorhash' THEN 7 ELSE CASE WHEN name IS NOT NULL THEN 99 END END;

-- Returns the value of one hash in a list in Sysmon's format. The result is NULL if the list does not have this hash.
-- example: hash_value('SHA1=AA,MD5=BB', 'md5') => BB
CREATE MACRO hash_value(t, name) AS nullif(regexp_extract(t, '(?i)(?:^|,)\s*' || name || '=([^,]*)', 1), '');

-- Returns OCSF's fingerprints for a list of hashes in Sysmon's format.
-- example: fingerprints('MD5=AA,SHA256=BB,IMPHASH=CC') => [{'algorithm_id': 1, 'algorithm': MD5, 'value': AA}, {'algorithm_id': 3, 'algorithm': SHA-256, 'value': BB}, {'algorithm_id': 99, 'algorithm': IMPHASH, 'value': CC}]
-- example: fingerprints(NULL) => NULL
CREATE MACRO fingerprints(t) AS list_transform(list_filter(string_split(t, ','), lambda h: contains(h, '=')), lambda h: {
  'algorithm_id': hash_algorithm_id(trim(split_part(h, '=', 1))),
  'algorithm': CASE hash_algorithm_id(trim(split_part(h, '=', 1))) WHEN 1 THEN 'MD5' WHEN 2 THEN 'SHA-1' WHEN 3 THEN 'SHA-256' WHEN 4 THEN 'SHA-512' WHEN 5 THEN 'CTPH'
    WHEN 6 THEN 'TLSH' WHEN 7 THEN 'quickXorHash' ELSE trim(split_part(h, '=', 1)) END,
  'value': trim(split_part(h, '=', 2))});

-- Returns a list of hashes in Sysmon's format for OCSF's fingerprints: the opposite of fingerprints.
-- example: hash_list([{'algorithm': 'SHA-1', 'value': 'AA'}, {'algorithm': 'IMPHASH', 'value': 'BB'}]) => SHA1=AA,IMPHASH=BB
CREATE MACRO hash_list(hashes) AS array_to_string(list_transform(hashes, lambda h: replace(h['algorithm'], '-', '') || '=' || h['value']), ',');
