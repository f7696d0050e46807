"""The database: tables, queries, migrations and the group-commit writer."""
