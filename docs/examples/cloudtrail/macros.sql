-- Returns api_activity's activity_id for an operation's name: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other.
CREATE MACRO operation_kind(op, read_only) AS CASE
  WHEN read_only THEN 2
  WHEN regexp_matches(op, '^(Create|Run|Allocate|Register|Add)') THEN 1
  WHEN regexp_matches(op, '^(Delete|Terminate|Release|Deregister|Remove)') THEN 4
  WHEN regexp_matches(op, '^(Put|Update|Modify|Set|Attach|Detach|Start|Stop|Enable|Disable|Tag|Untag|Change|Associate|Disassociate)') THEN 3
  WHEN regexp_matches(op, '^(Get|List|Describe|Head|Lookup)') THEN 2
  ELSE 99 END;

-- Returns whether the call was denied or failed: it has an error code, or it is a failed console login.
CREATE MACRO operation_failed(code, response) AS
  code IS NOT NULL OR coalesce(json_extract_string(response, '$.ConsoleLogin') = 'Failure', false);
