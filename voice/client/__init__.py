"""What a program uses to be a caller."""
