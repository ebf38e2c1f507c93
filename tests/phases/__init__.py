"""``docs/connection.md``, drawn from the table of phases: ``python -m tests.phases`` writes it."""
