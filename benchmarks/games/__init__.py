"""One small game, here and with python-socketio, and what a killed server does to it."""
