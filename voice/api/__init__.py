"""The HTTP interface: one file a subject, each with a `routes(house)`."""
