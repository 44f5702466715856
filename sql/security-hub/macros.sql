-- Returns the name of the class of a finding: what it is about, by the product and by what the finding has.
CREATE MACRO finding_class(product, vulnerabilities, compliance) AS CASE
  WHEN regexp_matches(product, '/aws/inspector$') THEN 'vulnerability'
  WHEN regexp_matches(product, '/aws/(securityhub|config)$') THEN 'compliance'
  WHEN len(vulnerabilities) > 0 THEN 'vulnerability'
  WHEN compliance IS NOT NULL THEN 'compliance'
  WHEN product IS NOT NULL THEN 'detection' END;

-- Returns severity_id of a label, or of the normalized score of an older finding.
CREATE MACRO severity_of(label, score) AS CASE label
  WHEN 'INFORMATIONAL' THEN 1 WHEN 'LOW' THEN 2 WHEN 'MEDIUM' THEN 3 WHEN 'HIGH' THEN 4 WHEN 'CRITICAL' THEN 5
  ELSE CASE WHEN score >= 90 THEN 5 WHEN score >= 70 THEN 4 WHEN score >= 40 THEN 3 WHEN score >= 1 THEN 2 WHEN score >= 0 THEN 1 ELSE 0 END END;

-- Returns OCSF's text for the status of a workflow.
CREATE MACRO status_of(workflow) AS CASE workflow
  WHEN 'NEW' THEN 'New' WHEN 'NOTIFIED' THEN 'In Progress' WHEN 'SUPPRESSED' THEN 'Suppressed' WHEN 'RESOLVED' THEN 'Resolved' ELSE workflow END;

-- Returns YES and PARTIAL as true, and NO as false.
CREATE MACRO yes_no(t) AS CASE t WHEN 'YES' THEN true WHEN 'PARTIAL' THEN true WHEN 'NO' THEN false END;

-- Returns the tags of a resource as texts: name=value.
CREATE MACRO labels_of(tags) AS list_transform(regexp_extract_all(CAST(tags AS VARCHAR), '"[^"]*"\s*:\s*"[^"]*"'),
  lambda t: regexp_replace(t, '^"([^"]*)"\s*:\s*"([^"]*)"$', '\1=\2'));

-- Returns a resource of a finding.
CREATE MACRO resource_of(r, criticality, account) AS {'type': r."Type", 'uid': r."Id", 'cloud_partition': r."Partition", 'region': r."Region",
  'labels': labels_of(r."Tags"), 'data': r."Details", 'criticality': criticality, 'owner': {'account': {'uid': account}}};

-- Returns an observable, or NULL if it has no value.
CREATE MACRO observed(path, kind, v) AS CASE WHEN v != '' THEN {'name': path, 'type_id': kind, 'value': v} END;

-- Returns the observables that an event has, or NULL.
CREATE MACRO seen(observables) AS CASE WHEN len(list_filter(observables, lambda o: o IS NOT NULL)) > 0
  THEN list_filter(observables, lambda o: o IS NOT NULL) END;

-- Returns an account number. Other texts cannot be a folder of the lake.
CREATE MACRO account_number(t) AS CASE WHEN regexp_full_match(t, '[0-9]{12}') THEN t END;
