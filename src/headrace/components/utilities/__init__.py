"""Small helps, for flows and as tools of agents."""
