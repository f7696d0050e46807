"""Flow to plan to execution to events. Knows no HTTP and no database."""
