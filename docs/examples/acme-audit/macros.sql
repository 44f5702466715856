-- Returns api_activity's activity_id for an operation: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other.
CREATE MACRO operation_kind(op) AS CASE split_part(op, '.', 2)
  WHEN 'create' THEN 1 WHEN 'read' THEN 2 WHEN 'list' THEN 2 WHEN 'update' THEN 3 WHEN 'delete' THEN 4 ELSE 99 END;
