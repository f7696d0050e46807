"""What a server holds when it is new: the first user, a project, and flows to begin with."""
