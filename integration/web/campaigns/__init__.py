"""What the section of campaigns is made of: forms, lists, files, numbers that are not called."""
