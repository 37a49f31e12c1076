"""The one reader of records: shapes, schema, versions, consistency."""
