"""Wire formats: translations of the events and results of a run."""
