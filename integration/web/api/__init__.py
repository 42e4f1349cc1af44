"""REST for administrators: JSON about offices, for our pages and for programs that sign in like them."""
