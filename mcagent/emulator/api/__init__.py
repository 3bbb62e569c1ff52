"""The hub's HTTP interface, one module a group of paths."""
