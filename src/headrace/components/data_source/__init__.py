"""Where records come from: the web, for one."""
