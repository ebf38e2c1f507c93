"""Measures gdpeers beside other servers; see README.md here."""
