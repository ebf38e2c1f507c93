"""What ``python -m peers`` runs."""
