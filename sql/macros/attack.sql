-- MITRE ATT&CK, https://attack.mitre.org

-- Returns the ID of an enterprise tactic. `name` is the tactic's name, in upper or lower case and with any
-- separators. The result is NULL if the name is unknown.
-- example: tactic_id('Defense Evasion') => TA0005
-- example: tactic_id('credential-access') => TA0006
-- example: tactic_id('x') => NULL
CREATE MACRO tactic_id(name) AS CASE lower(regexp_replace(name, '[^A-Za-z]', '', 'g'))
  WHEN 'reconnaissance' THEN 'TA0043' WHEN 'resourcedevelopment' THEN 'TA0042' WHEN 'initialaccess' THEN 'TA0001' WHEN 'execution' THEN 'TA0002'
  WHEN 'persistence' THEN 'TA0003' WHEN 'privilegeescalation' THEN 'TA0004' WHEN 'defenseevasion' THEN 'TA0005' WHEN 'credentialaccess' THEN 'TA0006'
  WHEN 'discovery' THEN 'TA0007' WHEN 'lateralmovement' THEN 'TA0008' WHEN 'collection' THEN 'TA0009' WHEN 'commandandcontrol' THEN 'TA0011'
  WHEN 'exfiltration' THEN 'TA0010' WHEN 'impact' THEN 'TA0040' END;

-- Returns the name of an enterprise tactic by its ID.
-- example: tactic_name('TA0011') => Command and Control
CREATE MACRO tactic_name(id) AS CASE upper(id)
  WHEN 'TA0043' THEN 'Reconnaissance' WHEN 'TA0042' THEN 'Resource Development' WHEN 'TA0001' THEN 'Initial Access' WHEN 'TA0002' THEN 'Execution'
  WHEN 'TA0003' THEN 'Persistence' WHEN 'TA0004' THEN 'Privilege Escalation' WHEN 'TA0005' THEN 'Defense Evasion' WHEN 'TA0006' THEN 'Credential Access'
  WHEN 'TA0007' THEN 'Discovery' WHEN 'TA0008' THEN 'Lateral Movement' WHEN 'TA0009' THEN 'Collection' WHEN 'TA0011' THEN 'Command and Control'
  WHEN 'TA0010' THEN 'Exfiltration' WHEN 'TA0040' THEN 'Impact' END;

-- Returns a list of OCSF's tactics from their IDs, which are separated by blanks.
-- example: tactics_of_ids('TA0003 TA0004') => [{'uid': TA0003, 'name': Persistence}, {'uid': TA0004, 'name': Privilege Escalation}]
CREATE MACRO tactics_of_ids(ids) AS list_transform(string_split(ids, ' '), lambda x: {'uid': x, 'name': tactic_name(x)});

-- Returns a value from a text of names and values, such as Sysmon's RuleName. The result is NULL if the name is not in
-- it.
-- example: tag_value('technique_id=T1574.010,technique_name=Services File Permissions Weakness', 'technique_name') => Services File Permissions Weakness
-- example: tag_value('-', 'technique_id') => NULL
CREATE MACRO tag_value(t, name) AS nullif(trim(regexp_extract(
  regexp_replace(t, '(^|,)\s*([A-Za-z0-9_]+)=', chr(1) || '\2' || chr(2), 'g'), chr(1) || name || chr(2) || '([^' || chr(1) || ']*)', 1)), '');

-- Returns an element of OCSF's attacks from a text with technique_id and technique_name. If the text has neither, the
-- element is empty, and an attacks list with only this element is NULL.
-- example: attack_of_tag('technique_id=T1059,technique_name=Command and Scripting Interpreter') => {'technique': {'uid': T1059, 'name': Command and Scripting Interpreter}}
CREATE MACRO attack_of_tag(t) AS {'technique': {'uid': tag_value(t, 'technique_id'), 'name': tag_value(t, 'technique_name')}};
