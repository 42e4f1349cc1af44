"""Programs that speak a text. What is spoken comes from people, so a program gets it as its input, never as words of a
command line."""
