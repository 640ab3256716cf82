"""The socket: uvicorn as this service needs it, deadlines and caps of connections."""
