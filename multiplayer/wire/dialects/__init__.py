"""The languages of ``SceneMultiplayer``'s packets: bytes to API packets and back."""
