"""The languages of the packets of ``SceneMultiplayer``: bytes to API packets and back."""
