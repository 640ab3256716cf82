"""What the API says of itself: the OpenAPI description and the pages at /docs."""
