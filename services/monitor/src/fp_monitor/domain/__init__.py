"""What drift is: pure, sync, no I/O."""
