"""RFC 6455 by the cases of the Autobahn test suite, which PyPI's ``kosoku`` runs."""
