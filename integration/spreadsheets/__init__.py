"""Opens the files of lists, CSV and workbooks, in its own process: what strangers made must harm no calls."""
