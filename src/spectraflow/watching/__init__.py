"""What a run of the workflow is doing: its record of events, the console while it goes on, its state afterwards."""
