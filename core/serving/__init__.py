"""What stands between a browser's requests and Streamlit's answers; knows ASGI, and no pages."""
