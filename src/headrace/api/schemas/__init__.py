"""Request and response bodies that several routers share."""
