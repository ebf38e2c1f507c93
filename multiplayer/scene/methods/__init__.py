"""What can be called on an object, as ``@rpc`` declares it."""
