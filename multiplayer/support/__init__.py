"""Small tools that belong to no one subject."""
