"""What a cascade learns (`learning`), and what it then expects of each of its plans (`plans`)."""
