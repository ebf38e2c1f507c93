"""What explains why two sides do not understand each other."""
