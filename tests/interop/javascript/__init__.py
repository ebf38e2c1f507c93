"""``clients/javascript/gdpeers.js`` in Chromium, against our server."""
