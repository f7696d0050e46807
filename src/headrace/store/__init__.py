"""The database: tables, migrations, the group-commit writer, and one scoped repository a thing."""
