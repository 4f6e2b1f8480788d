"""What a server allows and to whom, and what stands between a browser and the pages."""
