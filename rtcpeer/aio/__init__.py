"""The one layer with sockets, timers and tasks: it drives the sans-I/O cores on an asyncio event loop."""
