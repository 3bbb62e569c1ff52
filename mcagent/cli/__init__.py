"""The command line: one module a command, `main` picks it. docs/cli.md describes what they do."""
