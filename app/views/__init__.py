"""What results say, in words, rows and figures: the same on pages, in reports and on the command line. Pure."""
