"""Published-versus-measured tables, figures and the HTML page."""
