"""What moves events: the inbox sink, the appliers, the sync runs and the supervisor that gives them to processes."""
